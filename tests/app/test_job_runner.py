"""Parts and jobs survive their failures and stop in bounded time."""

from __future__ import annotations

import threading

import pytest

from app.engine_runtime import EngineRuntime
from app.job_runner import JobRunner, backoff_s
from kernel.clock import HOUR_US, FrozenClock, SystemClock
from kernel.engine_status import read_status
from kernel.observability import Metrics
from kernel.parts import Job, Part

WAIT_S = 20


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def failures(metrics: Metrics, part: str) -> float:
    name = "tillwatch_part_failures_total"
    return metrics.registry.get_sample_value(name, {"part": part}) or 0.0


def test_a_failing_part_is_tried_again_and_its_neighbour_goes_on(metrics):
    runner = JobRunner(metrics, SystemClock())
    tries, good = threading.Semaphore(0), threading.Event()

    def bad() -> bool:
        tries.release()
        if failures(metrics, "a.bad") < 2:
            raise RuntimeError("no")
        return False

    def fine() -> bool:
        good.set()
        return False

    runner.start([Part("a.bad", bad), Part("b.good", fine)])
    for _ in range(3):
        assert tries.acquire(timeout=WAIT_S)
    assert good.wait(WAIT_S)
    assert runner.stop()
    assert failures(metrics, "a.bad") == 2
    assert set(metrics.ages.snapshot()) == {"a.bad", "b.good"}
    assert runner.failing == {}


def test_a_busy_part_is_called_again_at_once_and_an_idle_one_waits(metrics):
    runner = JobRunner(metrics, SystemClock())
    left, drained = list(range(1000)), threading.Event()

    def step() -> bool:
        if not left:
            drained.set()
            return False
        left.pop()
        return True

    runner.start([Part("a", step, idle_wait_s=3600)])
    assert drained.wait(WAIT_S)
    assert runner.stop()


def test_the_stop_is_bounded_even_if_a_part_hangs(metrics):
    runner = JobRunner(metrics, SystemClock())
    entered, leave = threading.Event(), threading.Event()

    def hang() -> bool:
        entered.set()
        leave.wait()
        return False

    runner.start([Part("a.hangs", hang)])
    assert entered.wait(WAIT_S)
    assert runner.stop(grace_s=0.05) is False
    leave.set()


def test_a_job_runs_on_when_the_wall_clock_was_set_back_and_the_schedule_sleeps(metrics):
    clock = FrozenClock()
    runner = JobRunner(metrics, clock)
    runs = threading.Semaphore(0)
    runner.start_job(Job("j", runs.release, every_s=5.0))
    clock.set_us(clock.now_us() - HOUR_US)
    clock.advance_s(12)
    assert runs.acquire(timeout=WAIT_S)
    assert runner.stop()


def test_the_wait_after_failures_grows_to_a_minute():
    assert [backoff_s(n) for n in (1, 2, 3, 8, 9, 1000)] == [0.5, 1.0, 2.0, 60.0, 60.0, 60.0]


def test_jobs_run_by_schedule_and_the_engine_shows_a_sign_of_life(metrics, tmp_path):
    runtime = EngineRuntime(metrics, SystemClock(), tmp_path)
    runs, stepped = threading.Semaphore(0), threading.Event()

    def step() -> bool:
        stepped.set()
        return False

    runtime.start([Part("p", step)], [Job("j", runs.release, every_s=0.05)])
    for _ in range(3):
        assert runs.acquire(timeout=WAIT_S)
    assert stepped.wait(WAIT_S)
    seen = threading.Event()
    while (status := read_status(tmp_path)) is None or not {"j", "engine.metrics"} <= set(
        status.times
    ):
        seen.wait(0.02)
    assert runtime.stop()
    assert "tillwatch_part_failures" in read_status(tmp_path).metrics


def test_a_collector_that_fails_does_not_make_the_engine_look_dead(metrics, tmp_path):
    class Broken:
        def describe(self):
            return []

        def collect(self):
            raise RuntimeError("no ledger yet")

    metrics.registry.register(Broken())
    runtime = EngineRuntime(metrics, SystemClock(), tmp_path)
    runtime.start([], [])
    seen = threading.Event()
    while (status := read_status(tmp_path)) is None or "engine.metrics" not in status.failing:
        seen.wait(0.02)
    assert runtime.stop()
    assert "engine.status" in status.times
