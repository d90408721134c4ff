"""Counting: journal records become units, cells and revisions, each batch in one transaction.

Exactly once: a unit is the set of its messages, and what it adds to an objective is the difference
between its outcome before and after. Applying a record again therefore changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from kernel.clock import DAY_US, MINUTE_US, Clock
from kernel.journal import JournalRecord, Stream
from kernel.shop_event import ShopEvent, decode_events
from kernel.sqlite import writing
from slo.ledger.absence import mark_idle_pulses, settle_absences
from slo.ledger.cells import Change
from slo.ledger.counting import Books, Counting
from slo.ledger.late import note_late
from slo.ledger.levels import Marks
from slo.ledger.pulse import QUARTER_US, PulseBook, add_up, group_key
from slo.ledger.recent import RecentUnits
from slo.ledger.retention import trim_cells, trim_units
from slo.ledger.rollup import Rollup
from slo.ledger.rulebook import Rulebook
from slo.ledger.schema import open_ledger
from slo.ledger.segments import MAX_A_DAY, SegmentBook
from slo.ledger.source_book import SourceBook
from slo.objective import Objective

STREAMS: Final = (Stream.SHOP, Stream.DERIVED)
_MAX_ITEMS: Final = 2_000
_MIN_ITEMS: Final = 500
_GOAL_S: Final = 0.05
# The door refuses events older than 400 days and recounts those of the future; a time outside of
# these wide borders is a broken record.
_OLDEST_US: Final = 500 * DAY_US
_AHEAD_US: Final = DAY_US


class _Chunk(NamedTuple):
    """Events of one transaction, all received within one minute, and the cursor behind them."""

    events: list[ShopEvent]
    received_us: int
    position: int
    skipped: list[tuple[int, str]]


class Told(NamedTuple):
    """What one committed transaction changed, by 5 s slice. `number` rises by one each time."""

    number: int
    changes: Sequence[Change]


class LedgerWriter:
    """The one writer of a ledger file. Not for sharing between threads."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        objectives: Iterable[Objective],
        *,
        max_segments_a_day: int = MAX_A_DAY,
        told: Callable[[Told], None] | None = None,
    ) -> None:
        """`missing` then lists objectives whose past must be rebuilt before they are counted.

        `told` hears of each transaction once it is committed.
        """
        self.path = path
        self.clock = clock
        self._db = open_ledger(path)
        self._objectives = list(objectives)
        self._segments = SegmentBook(self._db, max_a_day=max_segments_a_day)
        self._sources = SourceBook(self._db)
        self._recent = RecentUnits()
        self._rollup = Rollup(self._db)
        self._told = told
        self._chunk_items = _MAX_ITEMS // 2
        with writing(self._db):
            for stream in STREAMS:
                self._db.execute("INSERT OR IGNORE INTO cursor VALUES (?, 0, 0)", (stream,))
            cursors = {stream.value: self.cursor(stream) for stream in STREAMS}
            if not any(cursors.values()):
                self._number(self._objectives)
            wanted = {(one.id, one.generation) for one in self._objectives}
            settle_absences(self._db, wanted, cursors)
        self._books = self._take_up()

    @property
    def missing(self) -> list[Objective]:
        """Objectives (or new generations) that this file does not count yet."""
        counted = {(one.id, one.generation) for one in self._books.rules.objectives.values()}
        return [one for one in self._objectives if (one.id, one.generation) not in counted]

    def cursor(self, stream: Stream) -> int:
        """Position up to which the stream is applied."""
        row = self._db.execute("SELECT position FROM cursor WHERE stream = ?", (stream,)).fetchone()
        return int(row[0])

    def watermark_us(self, stream: Stream) -> int:
        """Receive time up to which the stream is applied."""
        query = "SELECT watermark_us FROM cursor WHERE stream = ?"
        return int(self._db.execute(query, (stream,)).fetchone()[0])

    def apply(
        self, stream: Stream, records: Sequence[JournalRecord], until_us: int | None = None
    ) -> int:
        """Count the records and move the stream's cursor with them; gives the number of events.

        One transaction holds at most 2,000 events, fewer where they take longer than 50 ms, but at
        least one record. It never spans two receive minutes, so that revisions know theirs. The
        watermark follows the receive times, but never past `until_us`.
        """
        events = 0
        for chunk in self._chunks(records):
            begun_s = self.clock.monotonic_s()
            try:
                with writing(self._db) as db:
                    told = self._count(db, chunk)
                    self._move(db, stream, chunk, until_us)
            except BaseException:
                self._forget()
                raise
            if self._told is not None:
                self._told(told)
            events += len(chunk.events)
            self._adapt(len(chunk.events), self.clock.monotonic_s() - begun_s)
        return events

    def reach(self, stream: Stream, position: int, tick_us: int) -> None:
        """The stream holds nothing new up to here: cursor and watermark follow."""
        with writing(self._db) as db:
            db.execute(
                "UPDATE cursor SET position = max(position, ?), watermark_us = max(watermark_us, ?)"
                " WHERE stream = ?",
                (position, tick_us, stream),
            )

    @property
    def marks(self) -> Marks:
        """Where the levels of cells end."""
        return self._rollup.marks

    def recall(self, events: list[ShopEvent], received_us: int) -> None:
        """Count events of units that are known from elsewhere; no cursor moves. For the rebuild."""
        try:
            with writing(self._db) as db:
                self._count(db, _Chunk(events, received_us, 0, []))
        except BaseException:
            self._forget()
            raise

    def rise_to(self, marks: Marks) -> None:
        """Add up until the levels end where those of another file do. For the rebuild."""
        with writing(self._db) as db:
            self._rise(db, lambda: self._rollup.rise(marks))

    def reload(self) -> None:
        """Take up objectives that were numbered since (after a rebuild)."""
        self._forget()
        self._books = self._take_up()

    def _take_up(self) -> Books:
        wanted = {(one.id, one.generation): one for one in self._objectives}
        rows = self._db.execute("SELECT no, id, generation FROM objective").fetchall()
        numbered = {no: wanted[name, made] for no, name, made in rows if (name, made) in wanted}
        rules = Rulebook(numbered, self._objectives)
        with writing(self._db) as db:
            counted = {group_key(one) for one in numbered.values()}
            mark_idle_pulses(db, counted, {group_key(one) for one in self._objectives})
            pulses = PulseBook(db, numbered.values())
        return Books(rules, pulses, self._segments, self._sources, self._recent)

    def _forget(self) -> None:
        """What is remembered of the file may not be in it any more."""
        self._segments.forget()
        self._sources.forget()
        self._recent.forget()
        self._rollup.forget()

    def beside(self, path: Path, objectives: Sequence[Objective] = ()) -> LedgerWriter:
        """A writer of another file that counts only what is missing here, or these of it."""
        return LedgerWriter(path, self.clock, objectives or self.missing)

    def connection(self) -> sqlite3.Connection:
        """The connection, for the rebuild alone."""
        return self._db

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def _number(self, objectives: Iterable[Objective]) -> None:
        self._db.executemany(
            "INSERT OR IGNORE INTO objective (id, generation) VALUES (?, ?)",
            [(one.id, one.generation) for one in objectives],
        )

    def _chunks(self, records: Sequence[JournalRecord]) -> Iterator[_Chunk]:
        """Whole records only: a rebuild relies on the cursor to tell exactly what was counted."""
        events: list[ShopEvent] = []
        skipped: list[tuple[int, str]] = []
        last: JournalRecord | None = None
        for record in records:
            readable, reason = _read(record)
            if last is not None and (
                len(events) + len(readable) > self._chunk_items
                or record.received_us // MINUTE_US != last.received_us // MINUTE_US
            ):
                yield _Chunk(events, last.received_us, last.position, skipped)
                events, skipped = [], []
            events += readable
            if reason:
                skipped.append((record.position, reason))
            last = record
        if last is not None:
            yield _Chunk(events, last.received_us, last.position, skipped)

    def _count(self, db: sqlite3.Connection, chunk: _Chunk) -> Told:
        if self._rise(db, lambda: self._rollup.step(chunk.received_us)):
            trim_cells(db, self._rollup.marks.fine_from_us, chunk.received_us)
        trim_units(db, chunk.received_us)
        marks = self._segments.marks = self._rollup.marks
        counting = Counting(db, self._books, chunk.received_us, marks)
        counting.take(chunk.events)
        changes = counting.write()
        number = db.execute(
            "INSERT INTO mark VALUES ('transactions', 1)"
            " ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value"
        ).fetchone()[0]
        note_late(db, counting.late_us, number)
        return Told(number, changes)

    def _rise(self, db: sqlite3.Connection, step: Callable[[], bool]) -> bool:
        """Move the marks by `step`; the quarters of an hour of the pulse follow the minutes."""
        before = self._rollup.marks.minutes_to_us // QUARTER_US * QUARTER_US
        moved = step()
        after = self._rollup.marks.minutes_to_us // QUARTER_US * QUARTER_US
        if after > before:
            add_up(db, before, after)
        return moved

    @staticmethod
    def _move(
        db: sqlite3.Connection, stream: Stream, chunk: _Chunk, until_us: int | None = None
    ) -> None:
        known_us = chunk.received_us if until_us is None else min(chunk.received_us, until_us)
        db.execute(
            "UPDATE cursor SET position = max(position, ?), watermark_us = max(watermark_us, ?)"
            " WHERE stream = ?",
            (chunk.position, known_us, stream),
        )
        db.executemany(
            "INSERT OR IGNORE INTO skipped VALUES (?, ?, ?)",
            [(stream, position, reason) for position, reason in chunk.skipped],
        )

    def _adapt(self, items: int, took_s: float) -> None:
        """Transactions as large as the goal allows: each has costs that do not depend on size."""
        if took_s > _GOAL_S:
            self._chunk_items = max(_MIN_ITEMS, self._chunk_items * 3 // 4)
        elif 2 * items > self._chunk_items and took_s * self._chunk_items < _GOAL_S / 2 * items:
            # Whole records seldom fill it: what a full one would have taken is what matters.
            self._chunk_items = min(_MAX_ITEMS, self._chunk_items * 5 // 4)


def _read(record: JournalRecord) -> tuple[list[ShopEvent], str]:
    """The record's events, and why some or all of it cannot be counted."""
    try:
        events = decode_events(record.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return [], f"undecodable: {error}"[:300]
    low, high = record.received_us - _OLDEST_US, record.received_us + _AHEAD_US
    timely = [event for event in events if low <= event.time_us <= high]
    lost = len(events) - len(timely)
    return timely, f"{lost} events with an impossible time" if lost else ""
