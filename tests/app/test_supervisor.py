"""The engine process: started again when it dies, gone when the door is gone. Real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from app.supervisor import EngineSupervisor
from kernel.clock import SystemClock
from kernel.observability import Metrics

ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import pathlib, sys, threading
from app.supervisor import watch_door
stop = threading.Event()
watch_door(stop.set)
pathlib.Path(sys.argv[1]).write_text(str(__import__("os").getpid()))
stop.wait()
pathlib.Path(sys.argv[1] + ".ended").write_text("by the pipe")
"""
DOOR = """
import sys, threading
from app.supervisor import EngineSupervisor
from kernel.clock import SystemClock
from kernel.observability import Metrics
supervisor = EngineSupervisor([sys.executable, "-c", sys.argv[1], sys.argv[2]],
                              SystemClock(), Metrics())
supervisor.start()
threading.Event().wait()
"""


def until(condition, limit_s: float = 30):
    """The condition's first true value."""
    ends_s = time.monotonic() + limit_s
    pause = threading.Event()
    while not (found := condition()):
        if time.monotonic() > ends_s:
            pytest.fail("waited in vain")
        pause.wait(0.02)
    return found


def pid_in(path: Path) -> int:
    return int(path.read_text() or 0) if path.exists() else 0


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return True
    return state == "Z"


def supervisor_of(code: str, *arguments: str, metrics: Metrics | None = None) -> EngineSupervisor:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return EngineSupervisor(
        [sys.executable, "-c", code, *arguments],
        SystemClock(),
        metrics or Metrics(),
        environment=environment,
    )


def test_the_engine_is_ended_by_its_pipe_on_stop(tmp_path):
    file = tmp_path / "pid"
    supervisor = supervisor_of(CHILD, str(file))
    supervisor.start()
    pid = until(lambda: pid_in(file))
    assert supervisor.pid == pid
    supervisor.stop()
    assert supervisor.pid is None
    assert (tmp_path / "pid.ended").read_text() == "by the pipe"


def test_a_killed_engine_is_started_again(tmp_path):
    file, metrics = tmp_path / "pid", Metrics()
    supervisor = supervisor_of(CHILD, str(file), metrics=metrics)
    supervisor.start()
    first = until(lambda: pid_in(file))
    os.kill(first, signal.SIGKILL)
    second = until(lambda: pid_in(file) != first and pid_in(file))
    assert supervisor.pid == second
    supervisor.stop()
    assert metrics.registry.get_sample_value("tillwatch_engine_restarts_total") == 1


def test_kill_9_of_the_door_leaves_no_orphan(tmp_path):
    file = tmp_path / "pid"
    door = subprocess.Popen(
        [sys.executable, "-c", DOOR, CHILD, str(file)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    pid = until(lambda: pid_in(file))
    door.kill()
    door.wait()
    until(lambda: is_gone(pid))
    assert (tmp_path / "pid.ended").exists()


def test_an_engine_that_ends_by_itself_ends_cleanly_while_the_door_is_there():
    code = "from app.supervisor import watch_door; watch_door(print)"
    done = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert done.wait(30) == 0
    assert done.stderr.read() == b""
    done.stdin.close()
    done.stderr.close()


def test_a_stop_between_two_lives_of_the_engine_starts_no_third():
    metrics = Metrics()
    supervisor = supervisor_of("raise SystemExit(7)", metrics=metrics)
    supervisor.start()
    until(lambda: metrics.registry.get_sample_value("tillwatch_engine_restarts_total"))
    supervisor.stop()
    assert supervisor.pid is None
