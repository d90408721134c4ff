"""The engine's running: parts in threads, jobs by schedule, a sign of life every second.

The one module that knows APScheduler. The scheduler only says when; each job has a thread of its
own in the runner, so that runs never overlap and the stop is bounded.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from apscheduler.schedulers.background import BackgroundScheduler
from prometheus_client import generate_latest

from app.job_runner import GRACE_S, JobRunner
from kernel.clock import Clock, from_us
from kernel.engine_status import own_status, write_status
from kernel.observability import Metrics, get_logger
from kernel.parts import Job, Part

_log = get_logger(__name__)
_STATUS_EVERY_S = 1.0
_METRICS_EVERY_S = 5.0
# With thousands of objectives collecting takes long: it shall not take more than a twentieth.
_METRICS_REST = 19


class EngineRuntime:
    """All parts and jobs of the engine process."""

    def __init__(
        self,
        metrics: Metrics,
        clock: Clock,
        data_dir: Path,
        not_judged: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`not_judged`: objectives that cannot be judged now, with the reason."""
        self._metrics = metrics
        self._clock = clock
        self._data_dir = data_dir
        self._not_judged = not_judged
        self._runner = JobRunner(metrics, clock)
        self._scheduler = BackgroundScheduler(timezone=dt.UTC)
        self._exposition = ""
        self._metrics_due_s = -math.inf

    def start(self, parts: Sequence[Part], jobs: Sequence[Job]) -> None:
        """Start everything; each job runs once at once, then by its interval."""
        own = [
            Part("engine.status", self._write_status, idle_wait_s=_STATUS_EVERY_S),
            Part("engine.metrics", self._collect_metrics, idle_wait_s=_METRICS_EVERY_S),
        ]
        self._runner.start([*parts, *own])
        for job in jobs:
            due = self._runner.start_job(job)
            self._scheduler.add_job(
                due.set,
                "interval",
                seconds=job.every_s,
                id=job.name,
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
                next_run_time=from_us(self._clock.now_us()),
            )
        self._scheduler.start()
        _log.info("engine.started", parts=[p.name for p in parts], jobs=[j.name for j in jobs])

    def stop(self, grace_s: float = GRACE_S) -> bool:
        """End everything; True where all of it ended within `grace_s`."""
        self._scheduler.shutdown(wait=False)
        ended = self._runner.stop(grace_s)
        _log.info("engine.stopped", all_ended=ended)
        return ended

    def _write_status(self) -> bool:
        times = self._metrics.ages.snapshot()
        status = own_status(
            self._clock.now_us(),
            times,
            self._runner.failing,
            self._exposition,
            self._not_judged(),
        )
        write_status(self._data_dir, status)
        return False

    def _collect_metrics(self) -> bool:
        """Apart from the sign of life: a failing collector must not make the engine look dead."""
        begun_s = self._clock.monotonic_s()
        if begun_s < self._metrics_due_s:
            return False
        self._exposition = generate_latest(self._metrics.registry).decode()
        ended_s = self._clock.monotonic_s()
        self._metrics_due_s = ended_s + _METRICS_REST * (ended_s - begun_s)
        return False
