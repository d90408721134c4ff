"""The door's hold on the engine: spawn it, start it again when it dies, end it on stop.

The engine's stdin is a pipe from the door. When the door ends in whatever way, kill -9 too, the
kernel closes the pipe and the engine sees the end of its input: no orphan is left.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

from app.job_runner import backoff_s
from kernel.clock import Clock
from kernel.observability import Metrics, get_logger

_log = get_logger(__name__)
_STOP_GRACE_S = 12.0
_KILL_AFTER_S = 2.0
_STABLE_AFTER_S = 30.0
_ENGINE_GRACE_S = 11.0


class EngineSupervisor:
    """Keeps one engine process running."""

    def __init__(
        self,
        arguments: Sequence[str],
        clock: Clock,
        metrics: Metrics,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`arguments`: the engine's command line, as `engine_command()` makes it."""
        self._arguments = list(arguments)
        self._clock = clock
        self._metrics = metrics
        self._environment = dict(environment) if environment is not None else None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_running, name="engine-supervisor")
        self._thread.daemon = True

    @property
    def pid(self) -> int | None:
        """The engine's process id, None while it is down."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Spawn the engine and watch it from a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the engine: close its pipe, then SIGTERM, then SIGKILL. Returns when it is gone."""
        with self._lock:
            self._stop.set()
            process = self._process
        if process is not None:
            _end(process)
        if self._thread.is_alive():
            self._thread.join(_KILL_AFTER_S)

    def _keep_running(self) -> None:
        failures = 0
        while True:
            started_s = self._clock.monotonic_s()
            process = self._spawn()
            if process is None:
                return
            code = process.wait()
            if self._stop.is_set():
                return
            lived_s = self._clock.monotonic_s() - started_s
            failures = 1 if lived_s >= _STABLE_AFTER_S else failures + 1
            wait_s = backoff_s(failures)
            _log.error("door.engine_died", exit_code=code, lived_s=lived_s, again_in_s=wait_s)
            self._metrics.engine_restarts.inc()
            if self._stop.wait(wait_s):
                return

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stop.is_set():
                return None
            self._close_pipe()
            self._process = subprocess.Popen(
                self._arguments, stdin=subprocess.PIPE, env=self._environment
            )
            _log.info("door.engine_started", pid=self._process.pid)
            return self._process

    def _close_pipe(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()


def engine_command(*options: str) -> list[str]:
    """The engine's command line with this Python."""
    return [sys.executable, "-m", "app.engine", *options]


def watch_door(on_gone: Callable[[], None]) -> threading.Thread:
    """In the engine: call `on_gone` when the door is gone, and end the process if that takes long.

    Reads stdin in a thread; nothing is ever sent, so the only thing to read is its end. Reads the
    descriptor itself: a thread inside of `sys.stdin` would hold its lock when the process ends.
    """
    pipe = sys.stdin.fileno()

    def watch() -> None:
        while os.read(pipe, 4096):
            continue
        on_gone()
        threading.Event().wait(_ENGINE_GRACE_S)
        os._exit(1)

    thread = threading.Thread(target=watch, name="door-watch", daemon=True)
    thread.start()
    return thread


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    for wait_s, then in ((_STOP_GRACE_S, signal.SIGTERM), (_KILL_AFTER_S, signal.SIGKILL)):
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            _log.warning("door.engine_does_not_stop", pid=process.pid, sending=then.name)
            process.send_signal(then)
        else:
            return
    process.wait()
