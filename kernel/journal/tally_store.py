"""Tallies in the journal's file, written in the transaction of the records they count.

By minute of receive time for 8 days, by UTC day for 400 days. Receive times never fall, and each
transaction ends with a tick: once the tick lies behind a day, its counts do not change any more.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence

from kernel.clock import DAY_US, MINUTE_US
from kernel.journal.records import Append, ItemClass
from kernel.journal.tally import Counts, Key, Pair, Sheet, SourceBudget, Tally, count, count_shed

KEEP_MINUTES_US = 8 * DAY_US
KEEP_DAYS_US = 400 * DAY_US
# Names per day, of them per sender; minutes and metrics name fewer, because they are many.
_DAY_SOURCES = (2_000, 500)
_MINUTE_SOURCES = (256, 128)
_METRIC_SOURCES = (200, 200)
# Refused items wait here for the next commit: a disk that is full for days must not fill memory.
_MAX_WAITING = 4_000

_COUNTS = "stored, rejected, duplicate, shed, first_position, last_position"
_TABLE = """
CREATE TABLE IF NOT EXISTS {name} (
    from_us INTEGER NOT NULL, sender TEXT NOT NULL, source TEXT NOT NULL, class TEXT NOT NULL,
    stored INTEGER NOT NULL, rejected INTEGER NOT NULL, duplicate INTEGER NOT NULL,
    shed INTEGER NOT NULL, first_position INTEGER, last_position INTEGER,
    PRIMARY KEY (from_us, sender, source, class)) WITHOUT ROWID, STRICT;
"""
MINUTES, DAYS = "tally_minute", "tally_day"
SCHEMA = _TABLE.format(name=MINUTES) + _TABLE.format(name=DAYS)
_ADD = """
INSERT INTO {name} (from_us, sender, source, class, {counts})
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (from_us, sender, source, class) DO UPDATE SET
    stored = stored + excluded.stored, rejected = rejected + excluded.rejected,
    duplicate = duplicate + excluded.duplicate, shed = shed + excluded.shed,
    first_position = coalesce(first_position, excluded.first_position),
    last_position = coalesce(excluded.last_position, last_position)
"""


class Tallies:
    """What the writer counts. `shed` is for all threads, the rest for the writer's alone.

    `count` while a transaction is open, `write` as its last part, then `committed` or `undone`.
    """

    def __init__(self) -> None:
        self._open: dict[int, Sheet] = {}
        self._shed = Sheet()
        self._lock = threading.Lock()
        self._day_us = -1
        self._day_names = SourceBudget(*_DAY_SOURCES)
        self._minute_names = SourceBudget(*_MINUTE_SOURCES)
        self._metric_names = SourceBudget(*_METRIC_SOURCES)
        self._shed_names = SourceBudget(_MAX_WAITING // 4, _MAX_WAITING // 8)
        self._totals = Sheet()

    def count(
        self, append: Append, duplicates: Sequence[int], position: int | None, now_us: int
    ) -> None:
        """Note what became of an append."""
        minute_us = now_us - now_us % MINUTE_US
        sheet = self._open.get(minute_us)
        if sheet is None:
            sheet = self._open[minute_us] = Sheet()
        count(sheet, append, duplicates, position)

    def shed(self, append: Append) -> None:
        """Note an append that was refused; written with the next commit, in its minute."""
        refused = Sheet()
        count_shed(refused, append)
        self._note_shed(refused)

    def shed_request(self, sender: str, item_class: ItemClass) -> None:
        """Note a body that was refused unread: one item, for nobody knows how many it held."""
        refused = Sheet()
        refused.add((sender, sender, item_class), Counts(shed=1))
        self._note_shed(refused)

    def write(self, db: sqlite3.Connection, now_us: int) -> None:
        """Add everything that was noted to the tables."""
        with self._lock:
            shed, self._shed = self._shed, Sheet()
        if shed:
            self._open.setdefault(now_us - now_us % MINUTE_US, Sheet()).merge(shed)
        for minute_us, sheet in self._open.items():
            self._write_minute(db, minute_us, sheet)

    def committed(self) -> None:
        """The transaction is on disk."""
        with self._lock:
            for sheet in self._open.values():
                for (_sender, source, item_class), counts in sheet.items():
                    _, name = self._metric_names.place("", source)
                    self._totals.add(("", name, item_class), counts)
            self._shed_names.begin(())
        self._open = {}

    def undone(self) -> None:
        """The transaction left nothing; what was refused meanwhile still is."""
        with self._lock:
            for sheet in self._open.values():
                for key, counts in sheet.items():
                    if counts.shed:
                        self._shed.add(key, Counts(shed=counts.shed))
        self._open = {}

    def totals(self) -> list[tuple[str, ItemClass, Counts]]:
        """(source, class, counts) since the start of the process, a bounded number of sources."""
        with self._lock:
            return [
                (source, item_class, Counts(*counts.by_verdict()))
                for (_, source, item_class), counts in self._totals.items()
            ]

    def _note_shed(self, refused: Sheet) -> None:
        with self._lock:
            for (sender, source, item_class), counts in refused.items():
                place = self._shed_names.place(_storable(sender), _storable(source))
                self._shed.add((*place, item_class), counts)

    def _write_minute(self, db: sqlite3.Connection, minute_us: int, sheet: Sheet) -> None:
        day_us = minute_us - minute_us % DAY_US
        if day_us != self._day_us:
            self._begin_day(db, day_us)
        by_day, by_minute = Sheet(), Sheet()
        for (sender, source, item_class), counts in sheet.items():
            pair = self._day_names.place(sender, source)
            by_day.add((*pair, item_class), counts)
            by_minute.add((*self._minute_names.place(*pair), item_class), counts)
        _add(db, DAYS, day_us, by_day)
        _add(db, MINUTES, minute_us, by_minute)

    def _begin_day(self, db: sqlite3.Connection, day_us: int) -> None:
        self._day_names.begin(_named(db, DAYS, day_us, day_us + 1))
        self._minute_names.begin(_named(db, MINUTES, day_us, day_us + DAY_US))
        self._day_us = day_us


def trim(db: sqlite3.Connection, now_us: int, limit: int) -> int:
    """Delete what is past its time, a bounded number of rows; returns how many."""
    gone = 0
    for name, keep_us in ((MINUTES, KEEP_MINUTES_US), (DAYS, KEEP_DAYS_US)):
        gone += db.execute(
            f"DELETE FROM {name} WHERE (from_us, sender, source, class) IN"
            f" (SELECT from_us, sender, source, class FROM {name} WHERE from_us < ? LIMIT ?)",
            (now_us - keep_us, limit),
        ).rowcount
    return gone


def read(
    db: sqlite3.Connection, table: str, from_us: int, to_us: int, only: Sequence[tuple[str, str]]
) -> list[Tally]:
    """Tallies with from_us <= start < to_us in order of time; `only`: (column, value) pairs."""
    narrower = "".join(f" AND {column} = ?" for column, _ in only)
    rows = db.execute(
        f"SELECT from_us, sender, source, class, {_COUNTS} FROM {table}"
        f" WHERE from_us >= ? AND from_us < ?{narrower} ORDER BY from_us, sender, source, class",
        (from_us, to_us, *(value for _, value in only)),
    )
    return [
        Tally(start_us, sender, source, ItemClass(item_class), Counts(*counts))
        for start_us, sender, source, item_class, *counts in rows
    ]


def _add(db: sqlite3.Connection, table: str, from_us: int, sheet: Sheet) -> None:
    db.executemany(
        _ADD.format(name=table, counts=_COUNTS),
        [_row(from_us, key, counts) for key, counts in sheet.items()],
    )


def _row(from_us: int, key: Key, counts: Counts) -> tuple[object, ...]:
    return (from_us, *key, *counts.by_verdict(), counts.first_position, counts.last_position)


def _named(db: sqlite3.Connection, table: str, from_us: int, to_us: int) -> list[Pair]:
    return db.execute(
        f"SELECT DISTINCT sender, source FROM {table} WHERE from_us >= ? AND from_us < ?",
        (from_us, to_us),
    ).fetchall()


def _storable(text: str) -> str:
    """A name as UTF-8 can hold it: what was refused was never checked."""
    return text.encode("utf-8", "replace").decode()
