"""Runs parts and jobs: a thread each, surviving their failures.

One of the three edges that catch everything: a failing part is logged, counted and tried again
after a growing wait, and never takes its neighbours with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from kernel.clock import Clock
from kernel.observability import Metrics, get_logger, tracer
from kernel.parts import Job, Part

GRACE_S = 10.0
_FIRST_BACKOFF_S = 0.5
_MAX_BACKOFF_S = 60.0
_FORGOTTEN_S = 1.0
# A step that took a third longer than it computed had to wait for the processor.
_SHORT_OF = 1.33
_WAITS = 4.0
_MAX_GRANTED_S = 10.0

_log = get_logger(__name__)


def backoff_s(failures: int) -> float:
    """Wait after so many failures in a row: 0.5 s, doubling, at most a minute."""
    return float(min(_MAX_BACKOFF_S, _FIRST_BACKOFF_S * 2 ** min(failures - 1, 20)))


class Courtesy:
    """How long a busy part lets others go first: acknowledging comes before looking for causes.

    Its own thread tells whether the processor is short: then a step takes longer than it computes.
    What it grants in one busy stretch is bounded, so that a lasting load is not worked off late.
    """

    def __init__(self) -> None:
        self._granted_s = 0.0
        self._took_s = 0.0
        self._computed_s = 0.0

    def timed(self, step: Callable[[], bool]) -> bool:
        """Do the step."""
        began_s, computed_s = time.perf_counter(), time.thread_time()
        busy = step()
        self._took_s = time.perf_counter() - began_s
        self._computed_s = time.thread_time() - computed_s
        return busy

    def wait_s(self) -> float:
        """How long to wait before the next step."""
        if self._took_s < _SHORT_OF * self._computed_s:
            return 0.0
        wait_s = min(_WAITS * self._computed_s, _MAX_GRANTED_S - self._granted_s)
        self._granted_s += wait_s
        return wait_s


class JobRunner:
    """The threads of one process. `start()` once, `stop()` once."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failing: dict[str, str] = {}

    @property
    def failing(self) -> dict[str, str]:
        """Parts and jobs whose last run failed, with the error's text."""
        return dict(self._failing)

    @property
    def stopping(self) -> threading.Event:
        """Set once the stop was asked for."""
        return self._stop

    def start(self, parts: Sequence[Part]) -> None:
        """Start a thread for each part."""
        for part in parts:
            self._spawn(part.name, lambda part=part: self._loop(part))

    def start_job(self, job: Job) -> threading.Event:
        """Start a thread for the job; it runs each time the event is set, never twice at once.

        It also runs when nobody set the event for two intervals and more: schedulers go by the
        wall clock, and one that was set back by an hour would else stop the job for an hour.
        """
        due = threading.Event()
        now_s = self._clock.monotonic_s()
        self._spawn(job.name, lambda: self._wait_and_run(job, due, now_s))
        return due

    def stop(self, grace_s: float = GRACE_S) -> bool:
        """End all threads; True where each ended within `grace_s` in total."""
        self._stop.set()
        deadline_s = self._clock.monotonic_s() + grace_s
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - self._clock.monotonic_s()))
        late = [thread.name for thread in self._threads if thread.is_alive()]
        if late:
            _log.warning("engine.parts_did_not_stop", parts=late, grace_s=grace_s)
        return not late

    def _spawn(self, name: str, target: object) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _loop(self, part: Part) -> None:
        failures = 0
        courtesy = Courtesy()
        while not self._stop.is_set():
            began_us = self._clock.now_us()
            try:
                busy = courtesy.timed(part.step)
            except Exception as error:  # noqa: BLE001 - the edge that keeps the process alive
                failures += 1
                self._failed(part.name, error, failures)
                self._stop.wait(backoff_s(failures))
                continue
            failures = 0
            self._went_well(part.name)
            if busy:
                self._trace(part.name, began_us)
                self._stop.wait(courtesy.wait_s() if part.gives_way else 0)
            else:
                courtesy = Courtesy()
                self._stop.wait(part.idle_wait_s)

    def _wait_and_run(self, job: Job, due: threading.Event, idle_since_s: float) -> None:
        failures = 0
        while not self._stop.is_set():
            forgotten = self._clock.monotonic_s() - idle_since_s > 2 * job.every_s + _FORGOTTEN_S
            if not due.wait(timeout=0.2) and not forgotten:
                continue
            due.clear()
            idle_since_s = self._clock.monotonic_s()
            began_us = self._clock.now_us()
            try:
                job.run()
            except Exception as error:  # noqa: BLE001 - the edge that keeps the process alive
                failures += 1
                self._failed(job.name, error, failures)
                self._stop.wait(min(backoff_s(failures), job.every_s))
                continue
            failures = 0
            idle_since_s = self._clock.monotonic_s()
            self._went_well(job.name)
            self._trace(job.name, began_us)

    @staticmethod
    def _trace(name: str, began_us: int) -> None:
        """A span for work that was done; idle looks would only bury it."""
        tracer(__name__).start_span(name, start_time=began_us * 1000).end()

    def _went_well(self, name: str) -> None:
        self._metrics.ages.mark(name, self._clock.now_us())
        self._failing.pop(name, None)

    def _failed(self, name: str, error: Exception, failures: int) -> None:
        self._failing[name] = f"{type(error).__name__}: {error}"[:300]
        self._metrics.part_failures.labels(part=name).inc()
        _log.error("engine.part_failed", part=name, failures=failures, exc_info=error)
