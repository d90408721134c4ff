"""The processes of the simulation: the service, the shop, and single commands."""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernel.errors import Unreachable

_STOP_WITHIN_S = 20.0


@dataclass(frozen=True)
class Ports:
    """Ports of the simulation, all on loopback."""

    http: int
    otlp_http: int
    otlp_grpc: int
    shop: int


def free_ports(http: int) -> Ports:
    """Free ports; `http` 0 takes any, else exactly that one."""
    sockets = [socket.socket() for _ in range(4)]
    # As a server does: a port whose last connections are only fading out is free.
    sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sockets[0].bind(("127.0.0.1", http))
        for one in sockets[1:]:
            one.bind(("127.0.0.1", 0))
        return Ports(*(one.getsockname()[1] for one in sockets))
    except OSError as error:
        raise Unreachable(
            f"cannot listen on 127.0.0.1:{http}: {error.strerror}",
            hint="stop what uses the port, or choose another one with --port",
        ) from error
    finally:
        for one in sockets:
            one.close()


class Process:
    """A child process whose standard output can be read line by line; its errors go to a log."""

    def __init__(
        self, name: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self._log = log
        self._lines: queue.Queue[str] = queue.Queue(maxsize=10_000)
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, **environment},
            )
        self._reader = threading.Thread(target=self._read, name=f"{name}-output", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def check(self) -> None:
        """Raise Unreachable where the process has ended."""
        code = self._process.poll()
        if code is not None:
            tail = self._log.read_text(errors="replace")[-1500:]
            raise Unreachable(f"{self.name} ended with {code}", hint=f"its log says: {tail}")

    def line(self, timeout_s: float) -> dict[str, Any] | None:
        """The next line as JSON, or None where there was none in time."""
        try:
            text = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            return None
        found = json.loads(text)
        return found if isinstance(found, dict) else None

    def stop(self) -> None:
        """SIGTERM, then SIGKILL."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            if not self._lines.full():
                self._lines.put(line)


def command(arguments: Sequence[str], *, timeout_s: float = 60.0) -> tuple[int, dict[str, Any]]:
    """Run `tillwatch <arguments> --json` as a process of its own: (exit code, document)."""
    done = subprocess.run(
        [sys.executable, "-m", "app", *arguments, "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        reason = done.stderr.strip()[-500:] or done.stdout[-500:]
        raise Unreachable(f"`tillwatch {' '.join(arguments)}` gave no answer: {reason}") from None
