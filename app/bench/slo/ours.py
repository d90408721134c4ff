"""Our side: the real ledger and the real evaluator, in this process, on a clock that is stepped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.bench.slo.shop import Stream, objectives, seconds
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, FrozenClock, SystemClock
from kernel.database import Database
from kernel.facts.bus import FactRow
from kernel.journal import Append, Item, JournalRecord, JournalWriter
from kernel.journal import Stream as JournalStream
from kernel.shop_event import ShopEvent, encode_event
from slo import models
from slo.board import ChangeFeed
from slo.catalogue import Catalogue
from slo.evaluation import Evaluator
from slo.ledger import LedgerReader, LedgerWriter
from slo.ledger.projector import LedgerProjector

START_US: Final = 1_795_000_200 * SECOND_US
HISTORY_US: Final = 28 * DAY_US
_HISTORY_STEP_US: Final = 10 * MINUTE_US
_PASS_S: Final = 5
_WARM_UP_PASSES: Final = 24
_RECORD_EVENTS: Final = 100
_APPLY_RECORDS: Final = 20
_REBUILD_RECORD: Final = 500
_LIVE_RATE: Final = 20


@dataclass
class Judged:
    """CPU seconds of judging and of counting, and seconds on the wall clock: of whole rounds (all
    objectives were judged) and of the stretches without a rest that they are cut into.
    """

    rounds_s: list[float] = field(default_factory=list)
    stretches_s: list[float] = field(default_factory=list)
    judging_cpu_s: float = 0.0
    counting_cpu_s: float = 0.0
    looked_minutes: float = 0.0
    alerts: int = 0


class Till:
    """One ledger, one evaluator, and a stream into them."""

    def __init__(self, folder: Path, amount: int) -> None:
        folder.mkdir(parents=True)
        self.clock = FrozenClock(START_US - HISTORY_US)
        self.objectives = objectives(amount)
        self.stream = Stream(20261201)
        feed = ChangeFeed()
        self.path = folder / "ledger.db"
        # The wall clock sizes its transactions; everything else runs on the stepped one.
        self.writer = LedgerWriter(self.path, SystemClock(), self.objectives, told=feed.put)
        self.database = Database(f"sqlite:///{folder / 'control.db'}")
        assert models, FactRow  # noqa: S101 (their tables are made below)
        self.database.create_all()
        self.evaluator = Evaluator(
            self.database,
            self.reader,
            Catalogue(self.objectives),
            self.clock,
            feed,
            rest=self._note_stretch,
        )
        self._stretch_begun_s = 0.0
        self._stretches_s: list[float] = []

    def reader(self) -> LedgerReader:
        """A reader of the ledger."""
        return LedgerReader(self.path)

    def fill_history(self) -> None:
        """28 days, thinly: one payment in ten minutes leaves no hour of any window empty."""
        for at_us in range(START_US - HISTORY_US, START_US - HOUR_US, HOUR_US):
            payments = HOUR_US // _HISTORY_STEP_US
            self.take(self.stream.slice(at_us, HOUR_US - 10 * SECOND_US, payments), at_us + HOUR_US)
        self.clock.set_us(START_US)
        self.take([], START_US)

    def take(self, events: Sequence[ShopEvent], received_us: int) -> None:
        """Count these events, received then, and move the watermarks."""
        position = self.writer.cursor(JournalStream.SHOP)
        records = [
            _record(position + 1 + number, events[begin : begin + _RECORD_EVENTS], received_us)
            for number, begin in enumerate(range(0, len(events), _RECORD_EVENTS))
        ]
        for begin in range(0, len(records), _APPLY_RECORDS):
            self.writer.apply(JournalStream.SHOP, records[begin : begin + _APPLY_RECORDS])
        for stream in (JournalStream.SHOP, JournalStream.DERIVED):
            self.writer.reach(stream, self.writer.cursor(stream), received_us)

    def judge(self, minutes: float) -> Judged:
        """Live traffic and a pass every 5 s; the first passes fill caches and are not measured."""
        found = Judged(looked_minutes=minutes)
        for number in range(_WARM_UP_PASSES + round(minutes * 60 / _PASS_S)):
            begin_us = self.clock.now_us()
            events = self.stream.slice(begin_us, seconds(_PASS_S) - 2_000_000, _LIVE_RATE * _PASS_S)
            self.clock.advance_s(_PASS_S)
            begun_s = time.process_time()
            self.take(events, self.clock.now_us())
            counted_s = time.process_time()
            begun_wall_s = self._stretch_begun_s = time.perf_counter()
            self._stretches_s = []
            self.evaluator.run_once()
            self._note_stretch()
            if number >= _WARM_UP_PASSES:
                found.rounds_s.append(self._stretch_begun_s - begun_wall_s)
                found.stretches_s += self._stretches_s
                found.counting_cpu_s += counted_s - begun_s
                found.judging_cpu_s += time.process_time() - counted_s
        return found

    def _note_stretch(self) -> None:
        """Between two passes of a round, and at its end."""
        now_s = time.perf_counter()
        self._stretches_s.append(now_s - self._stretch_begun_s)
        self._stretch_begun_s = now_s

    def late_cells(self) -> int:
        """Cells that one late failure changes, of all objectives together."""
        db = self.writer.connection()
        at_us = self.clock.now_us() - 3 * DAY_US
        before = set(db.execute("SELECT * FROM cell WHERE slice_us < ?", (at_us + DAY_US,)))
        late = [
            one for one in self.stream.slice(at_us, SECOND_US, 1) if "attempted" not in one.type
        ]
        self.take(late, self.clock.now_us())
        after = set(db.execute("SELECT * FROM cell WHERE slice_us < ?", (at_us + DAY_US,)))
        return len(after - before)

    def close(self) -> None:
        """Give all files back."""
        self.writer.close()
        self.database.close()


def events_a_cpu_second(folder: Path, amount: int, events: int) -> float:
    """Events counted in a second of one core, with so many objectives, at 1,000 events/s."""
    till = Till(folder, amount)
    begin_us, a_second = START_US - HISTORY_US, 500
    made = [
        till.stream.slice(begin_us + number * SECOND_US, SECOND_US, a_second)
        for number in range(events // (2 * a_second))
    ]
    cpu_s = 0.0
    for number in range(0, len(made), 2):
        told = [event for part in made[number : number + 2] for event in part]
        received_us = begin_us + (number + 4) * SECOND_US
        records = [
            _record(
                till.writer.cursor(JournalStream.SHOP) + 1 + place,
                told[low : low + 100],
                received_us,
            )
            for place, low in enumerate(range(0, len(told), _RECORD_EVENTS))
        ]
        begun_s = time.process_time()
        till.writer.apply(JournalStream.SHOP, records)
        cpu_s += time.process_time() - begun_s
    till.close()
    return sum(len(one) for one in made) / cpu_s


def rebuild_s(folder: Path, amount: int, events: int, say: Callable[[str], None]) -> float:
    """Seconds until a ledger that is lost has counted 28 days of journal again."""
    folder.mkdir(parents=True)
    journal, derived = folder / "journal.db", folder / "derived.db"
    clock = FrozenClock(START_US - HISTORY_US)
    _write_journal(journal, clock, events, say)
    JournalWriter(derived, clock).close()
    writer = LedgerWriter(folder / "ledger.db", SystemClock(), objectives(amount))
    projector = LedgerProjector(writer, journal, derived)
    begun_s, told_s = time.perf_counter(), 0.0
    while projector.step():
        if time.perf_counter() - begun_s - told_s >= 10:
            told_s = time.perf_counter() - begun_s
            counted_us = writer.watermark_us(JournalStream.SHOP) - (START_US - HISTORY_US)
            say(f"rebuild: {counted_us / HISTORY_US:.0%} after {told_s:.0f} s")
    took_s = time.perf_counter() - begun_s
    projector.close()
    return took_s


def _write_journal(path: Path, clock: FrozenClock, events: int, say: Callable[[str], None]) -> None:
    say(f"rebuild: writing a journal of {events:,} events")
    journal, stream = JournalWriter(path, clock, max_bytes=64 * 1024**3), Stream(7)
    records = max(1, events // _REBUILD_RECORD)
    step_us = HISTORY_US // records
    for number in range(records):
        begin_us = START_US - HISTORY_US + number * step_us
        clock.set_us(begin_us + step_us)
        told = stream.slice(begin_us, max(1, step_us - 2_000_000), _REBUILD_RECORD // 2)
        items = [Item(encode_event(one)) for one in told]
        done = journal.append(Append(JournalStream.SHOP, "shop", "shop.events", items))
        if number % 16 == 0:
            done.result(timeout=60)
    done.result(timeout=60)
    journal.close()


def _record(position: int, events: Sequence[ShopEvent], received_us: int) -> JournalRecord:
    body = b"[" + b",".join(encode_event(one) for one in events) + b"]"
    return JournalRecord(
        position, JournalStream.SHOP, "shop", "bench", received_us, len(events), body, "", {}
    )
