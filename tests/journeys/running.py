"""A real service: `tillwatch serve` as processes on free ports, with what tests do to it.

Nothing of ours runs in the test's process but the client: these tests see what users see.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx2

from app.demo.processes import free_ports
from kernel.api_client import ApiClient
from kernel.engine_status import read_status
from kernel.errors import NotFound, Unavailable, Unreachable

T = TypeVar("T")
ENTRY = ("-m", "app")
PROJECT = Path(__file__).resolve().parents[2]
_OURS = ("TILLWATCH_", "OPENAI_", "SLACK_", "OTEL_")


def until(look: Callable[[], T], what: str, within_s: float = 60.0) -> T:
    """Ask until the answer is true; a service that is just away is asked again."""
    ends_s = time.monotonic() + within_s
    seen: object = None
    while True:
        try:
            seen = look()
            if seen:
                return seen
        except (Unreachable, Unavailable, NotFound) as error:
            seen = error
        assert time.monotonic() < ends_s, f"not within {within_s:.0f} s: {what}; last: {seen!r}"
        time.sleep(0.1)


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """This environment without anything that would configure the service, and then `more`.

    The processes keep their compiled modules, or each of the many starts would compile them anew.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, **more}


def command(
    arguments: Sequence[str], *, environment: Mapping[str, str] | None = None
) -> tuple[int, Any]:
    """Run `tillwatch <arguments> --json` as a process: (exit code, document)."""
    done = subprocess.run(
        [sys.executable, *ENTRY, *arguments, "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=PROJECT,
        env=clean_environment(environment or {}),
    )
    assert done.stdout.strip(), f"exit {done.returncode}, nothing said; stderr: {done.stderr}"
    return done.returncode, json.loads(done.stdout)


def runs(pid: int) -> bool:
    """True while the process runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


class RunningService:
    """One installation. May be killed and started again; the data folder and the ports stay."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        entry: Sequence[str] = ENTRY,
    ) -> None:
        """`entry`: what Python runs; another one can plant a fault in the door."""
        self._entry = entry
        folder.mkdir(parents=True, exist_ok=True)
        self.data_dir = folder / "data"
        self.log = folder / "service.log"
        self.ports = free_ports(0)
        self.url = f"http://127.0.0.1:{self.ports.http}"
        self.otlp_url = f"http://127.0.0.1:{self.ports.otlp_http}"
        self._environment = clean_environment(
            {"TILLWATCH_PUBLIC_URL": self.url, **(environment or {})}
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[ApiClient] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for client in self._clients:
            client.close()

    @property
    def door_pid(self) -> int:
        """Process id of the door; AssertionError where it was never started."""
        assert self._process is not None
        return self._process.pid

    @property
    def token(self) -> str:
        """The admin's token."""
        return (self.data_dir / "admin.token").read_text().strip()

    @property
    def client(self) -> ApiClient:
        """A client with the admin's token."""
        if not self._clients:
            self._clients.append(ApiClient(self.url, self.token, timeout_s=60))
        return self._clients[0]

    def http(self, **headers: str) -> httpx2.Client:
        """A bare client with the admin's token, for requests that are meant to be refused."""
        given = {"Authorization": f"Bearer {self.token}", **headers}
        return httpx2.Client(base_url=self.url, headers=given, timeout=60, trust_env=False)

    def start(self) -> None:
        """Start and wait until the door accepts and a new engine works."""
        self.spawn()
        self.wait_until_ready()

    def spawn(self) -> None:
        """Start without waiting."""
        arguments = ["serve", "--data-dir", str(self.data_dir), "--host", "127.0.0.1"]
        arguments += ["--port", str(self.ports.http)]
        arguments += ["--otlp-http-port", str(self.ports.otlp_http)]
        arguments += ["--otlp-grpc-port", str(self.ports.otlp_grpc)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._entry, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=PROJECT,
                env=self._environment,
            )

    def wait_until_ready(self, within_s: float = 90.0) -> None:
        """Until the door is ready and an engine that is its child has given a sign of life."""
        probe = ApiClient(self.url, "")
        try:
            until(lambda: self._is_ready(probe), "the service is ready", within_s)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None
        finally:
            probe.close()

    def _is_ready(self, probe: ApiClient) -> bool:
        assert self._process is not None
        code = self._process.poll()
        assert code is None, f"the service ended with {code}\n{self.tail()}"
        return bool(probe.get("/readyz")["ready"]) and self.engine_pid() is not None

    def engine_pid(self) -> int | None:
        """The running engine of this door that has given a sign of life, if there is one."""
        status = read_status(self.data_dir)
        if status is None or not runs(status.pid):
            return None
        try:
            parent = Path(f"/proc/{status.pid}/stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            return None
        return status.pid if int(parent) == self.door_pid else None

    def kill_engine(self) -> None:
        """Kill -9 of the engine alone; the door starts another one."""
        pid = until(self.engine_pid, "there is an engine to kill")
        os.kill(pid, signal.SIGKILL)
        until(lambda: not runs(pid), "the engine is gone")

    def kill_door(self) -> None:
        """Kill -9 of the door alone; the engine notices and ends."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_both(self) -> None:
        """Kill -9 of door and engine."""
        engine = self.engine_pid()
        self.kill_door()
        if engine is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(engine, signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, and wait; the exit code. Nothing happens where it is not running."""
        process = self._process
        if process is None:
            return 0
        if process.poll() is None:
            process.terminate()
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the service does not stop\n{self.tail()}") from None

    def wait(self, within_s: float = 60.0) -> int:
        """Wait until it ends by itself; the exit code."""
        assert self._process is not None
        return self._process.wait(within_s)

    def tail(self, size: int = 6_000) -> str:
        """The end of the log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"--- {self.log} ---\n{text[-size:]}"

    def token_for(self, name: str, *roles: str, machine: bool = False) -> str:
        """A new token with these roles, known to the running service."""
        arguments = ["token", "create", "--person", name, "--data-dir", str(self.data_dir)]
        arguments += [word for role in roles for word in ("--role", role)]
        code, document = command([*arguments, *(["--machine"] if machine else [])])
        assert code == 0, document
        token = str(document["token"])
        with httpx2.Client(base_url=self.url, trust_env=False) as probe:
            asked = {"Authorization": f"Bearer {token}"}
            known = lambda: probe.get("/api/me", headers=asked).status_code != 401  # noqa: E731
            until(known, f"the token of {name} is known")
        return token

    def send(self, events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Post a batch; its receipt."""
        return dict(self.client.post("/api/events", list(events)))

    def slo(self, name: str = "payment-success") -> dict[str, Any]:
        """One objective as it stands."""
        return dict(self.client.get(f"/api/slos/{name}"))

    def audit(self, **query: str) -> list[dict[str, Any]]:
        """Audit records, newest first."""
        return list(self.client.get("/api/audit", limit=500, **query)["records"])


@contextlib.contextmanager
def running(folder: Path, **environment: str) -> Iterator[RunningService]:
    """A service for one story; its log is shown where the story fails."""
    service = RunningService(folder, environment)
    with service:
        yield service
