"""What the collector does in the engine."""

from __future__ import annotations

from collector.counts.closing import DayCloser
from collector.finder import Finder
from collector.projector import Projector
from kernel.clock import DAY_US, Clock
from kernel.parts import Job, Part
from kernel.telemetry_store.port import TelemetryStore

_PRUNE_EVERY_S = 3600.0
_CLOSE_EVERY_S = 60.0


def parts(finder: Finder, projector: Projector) -> list[Part]:
    """The consumers of `raw`: a thread each, so that telemetry cannot hold up what counts."""
    return [Part("collector.find", finder.step), Part("collector.project", projector.step)]


def jobs(store: TelemetryStore, clock: Clock, retention_d: int, closer: DayCloser) -> list[Job]:
    """Old days leave the telemetry store; days that ended get their signed counts."""

    def prune() -> None:
        store.prune(clock.now_us() - retention_d * DAY_US)

    return [
        Job("collector.telemetry.prune", prune, _PRUNE_EVERY_S),
        Job("collector.counts.close", closer.run, _CLOSE_EVERY_S),
    ]
