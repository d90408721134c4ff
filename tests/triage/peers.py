"""A receiver of posts and pings on loopback, with a memory; and a real Alertmanager."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.shared_data import missing


@dataclass(frozen=True)
class Heard:
    """One request that came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """Answers with `status` and remembers what came."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self._answer()

            def do_GET(self) -> None:
                self._answer()

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.heard.append(Heard(self.command, self.path, headers, body))
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def until(check: Callable[[], object], within_s: float = 60.0) -> object:
    """Wait for a condition; returns what it gave."""
    end = time.monotonic() + within_s
    while True:
        with contextlib.suppress(OSError, ValueError):
            if found := check():
                return found
        assert time.monotonic() < end, f"not within {within_s} s"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def alertmanager(folder: Path, config: str) -> Iterator[str]:
    """A real prometheus-alertmanager of its own; yields its address."""
    binary = shutil.which("prometheus-alertmanager")
    if binary is None:
        missing("prometheus-alertmanager is not installed")
    folder.mkdir()
    (folder / "am.yml").write_text(config)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={folder}/am.yml",
                f"--storage.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
            ],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        until(lambda: _ready(process, folder, url))
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def _ready(process: subprocess.Popen[bytes], folder: Path, url: str) -> bool:
    assert process.poll() is None, (folder / "log").read_text()[-2000:]
    with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:
        return bool(answer.status == 200)
