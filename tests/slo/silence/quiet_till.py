"""A till whose shop can fall silent: real ledger, real control database, a look every 5 s."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kernel.clock import DAY_US, HOUR_US, SECOND_US, FrozenClock
from kernel.shop_event import ShopEvent
from slo.objective import Objective
from slo.silence.watcher import SilenceWatcher
from tests.slo.shop_till import Till, nothing_fails, payments

# Thursday, 2026-11-19T12:00:00Z: by day, and long before any change of the clocks.
NOON_US = 1_795_089_600 * SECOND_US


class QuietTill(Till):
    """`backfill` gives the shop a past, `live` lets it sell, `still` lets nothing arrive."""

    def __init__(
        self,
        tmp_path: Path,
        objectives: Sequence[Objective] | None = None,
        past: Path | None = None,
    ) -> None:
        """`past`: a folder with the ledger of another such till, closed."""
        if past is not None:
            shutil.copy(past / "ledger.db", tmp_path / "ledger.db")
        super().__init__(tmp_path, objectives or [payments()])
        self.attempts = 0 if past is None else 1_000_000
        self.clock = FrozenClock(NOON_US)
        self.writer._clock = self.clock
        self.restart()
        self.service._clock = self.clock

    def restart(self) -> None:
        super().restart()
        self.watcher = SilenceWatcher(self.database, self.reader, self.catalogue, self.clock)

    def backfill(
        self, weeks: int = 3, *, hours: float = 2.75, per_s: float = 0.5, **sources: float
    ) -> None:
        """The same hours of each of the last weeks, and of today up to now, evenly spread."""
        for week in range(weeks, -1, -1):
            end_us = self.clock.now_us() - 7 * week * DAY_US + (HOUR_US if week else 0)
            begin_us = end_us - round(hours * HOUR_US)
            for source, rate in (sources or {"shop": per_s}).items():
                count = round((end_us - begin_us) / SECOND_US * rate)
                events = [
                    self.sold(begin_us + (end_us - begin_us) * n // count, source)
                    for n in range(count)
                ]
                for start in range(0, count, 500):
                    self.arrive(events[start : start + 500])

    def sold(self, at_us: int, source: str = "shop") -> ShopEvent:
        event = self.attempt(at_us, nothing_fails, ("stripe", "adyen"))
        return msgspec.structs.replace(event, source=source)

    def hung(self, at_us: int, source: str = "shop") -> ShopEvent:
        return msgspec.structs.replace(
            self.sold(at_us, source), type="payment.attempted", outcome=""
        )

    def live(self, seconds: int, *, hang: bool = False, **sources: float) -> None:
        """Attempts per second by source (shop=0.5); each 5 s they arrive and a look is taken."""
        owed = dict.fromkeys(sources, 0.0)
        for _ in range(seconds // 5):
            start_us = self.clock.now_us()
            events = []
            for source, rate in sources.items():
                owed[source] += rate * 5
                count, owed[source] = int(owed[source]), owed[source] % 1
                begin = self.hung if hang else self.sold
                events += [
                    begin(start_us + 5 * SECOND_US * n // max(1, count), source)
                    for n in range(count)
                ]
            self.clock.advance_s(5)
            self.arrive(events)
            self.watcher.run_once()

    def still(self, seconds: int) -> None:
        """We listen, and nothing arrives."""
        self.live(seconds)

    def deaf(self, seconds: int) -> None:
        """Time passes and our own watermark stands still."""
        for _ in range(seconds // 5):
            self.clock.advance_s(5)
            self.watcher.run_once()
