"""What the collector does in the engine."""

from __future__ import annotations

from collector.changes.file_watch import FlagFileWatch
from collector.changes.tracker import ChangeTracker
from collector.counts.closing import DayCloser
from collector.finder import Finder
from collector.projector import Projector
from collector.vendors.page_watch import PageWatch
from kernel.clock import DAY_US, Clock
from kernel.parts import Job, Part
from kernel.telemetry_store.port import TelemetryStore

_PRUNE_EVERY_S = 3600.0
_CLOSE_EVERY_S = 60.0
_LOOK_FOR_DUE_S = 2.0


def parts(finder: Finder, projector: Projector, tracker: ChangeTracker) -> list[Part]:
    """The consumers of `raw`: a thread each, so that telemetry cannot hold up what counts."""
    return [
        Part("collector.find", finder.step),
        Part("collector.project", projector.step, gives_way=True),
        Part("collector.changes", tracker.step),
    ]


def watching(files: FlagFileWatch, pages: PageWatch, flagd_poll_s: float) -> list[Job]:
    """Looks at flag files and at those status pages that are due."""
    return [
        Job("collector.flag_files", files.look, flagd_poll_s),
        Job("collector.status_pages", pages.look, _LOOK_FOR_DUE_S),
    ]


def jobs(store: TelemetryStore, clock: Clock, retention_d: int, closer: DayCloser) -> list[Job]:
    """Old days leave the telemetry store; days that ended get their signed counts."""

    def prune() -> None:
        store.prune(clock.now_us() - retention_d * DAY_US)

    return [
        Job("collector.telemetry.prune", prune, _PRUNE_EVERY_S),
        Job("collector.counts.close", closer.run, _CLOSE_EVERY_S),
    ]
