"""The embedded telemetry store: one SQLite file per day of event time, and `meta.db`.

The files are opened with `synchronous=NORMAL`: they are a view. A crash of the process loses
nothing; a power cut may lose the newest seconds of rows, which is what one commit per batch
without a wait for the disk costs. Nothing that counts, pays or proves is read from here, and
the whole can be made again from the journal by deleting the folder.

Rows outside of the retention (by event time) do not open a day file: shop events are skipped and
counted (a backfill of weeks belongs into the ledger), other rows go into `other.db`, which keeps
the newest 50,000 of each kind.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from kernel.clock import DAY_US, HOUR_US, Clock, from_us
from kernel.sqlite import open_reader, open_writer, writing
from kernel.telemetry_store import meta
from kernel.telemetry_store.meta import (
    META_SCHEMA,
    DeadLetter,
    LeftOut,
    LettersWanted,
    Notes,
    Shedding,
)
from kernel.telemetry_store.port import (
    Batch,
    ChangeRow,
    EventRow,
    LogRow,
    MetricRow,
    SpanRow,
)
from kernel.telemetry_store.rows import (
    ALL_TABLES,
    CHANGES,
    DAY_SCHEMA,
    EVENTS,
    LOGS,
    METRICS,
    SPANS,
    Table,
)

Row = TypeVar("Row")
JOURNAL = "journal"
_OTHER = "other"
_OTHER_ROWS = 50_000
_MAX_OPEN = 4
# Pages of 4 KiB: trace ids are random, and what goes back to the file less often goes back once.
_CHECKPOINT_PAGES = 4_000
_MAX_INT64 = (1 << 63) - 1
_AHEAD_US = HOUR_US
_NOTHING = Notes()
_ALL_LETTERS = LettersWanted()


class SqliteTelemetryStore:
    """One writer (the projector's process); readers in any thread and process."""

    def __init__(self, folder: Path, clock: Clock, retention_d: int = 7) -> None:
        """`retention_d`: days of event time that are kept."""
        self._dir = folder
        self._clock = clock
        self._retention_us = retention_d * DAY_US
        self._lock = threading.Lock()
        self._writers: dict[str, sqlite3.Connection] = {}
        self._meta: sqlite3.Connection | None = None

    # -- writing ------------------------------------------------------------------------------

    def write(self, batch: Batch) -> None:
        """Store the rows (known keys change nothing), then move the cursor."""
        self.write_as(JOURNAL, batch)

    def write_as(self, consumer: str, batch: Batch, notes: Notes = _NOTHING) -> None:
        """Like `write`, for a consumer with a cursor of its own (`derived`); notes go with it."""
        with self._lock:
            skipped = self._write_rows(batch)
            with writing(self._meta_writer()) as db:
                meta.write(db, consumer, batch.cursor, notes, skipped)

    def prune(self, before_us: int) -> int:
        """Drop whole days older than this; returns how many days went."""
        gone = 0
        with self._lock:
            for day, path in self._days():
                if _day_start_us(day) + DAY_US > before_us:
                    continue
                writer = self._writers.pop(day, None)
                if writer is not None:
                    writer.close()
                for suffix in ("", "-wal", "-shm"):
                    path.with_name(path.name + suffix).unlink(missing_ok=True)
                gone += 1
        return gone

    def close(self) -> None:
        """Give the files back."""
        with self._lock:
            for db in (*self._writers.values(), self._meta):
                if db is not None:
                    db.close()
            self._writers.clear()
            self._meta = None

    # -- reading ------------------------------------------------------------------------------

    def cursor(self) -> int:
        """The journal position up to which rows are stored."""
        return self.progress(JOURNAL)

    def progress(self, consumer: str) -> int:
        """The position that this consumer has reached (0 before its first write)."""
        with self._reading_meta() as db:
            return meta.position(db, consumer) if db else 0

    def skipped(self) -> dict[str, int]:
        """Rows not kept because their event time lies outside of the retention, by kind."""
        with self._reading_meta() as db:
            return meta.skipped(db) if db else {}

    def deadletters(
        self, wanted: LettersWanted = _ALL_LETTERS, *, limit: int = 100
    ) -> list[DeadLetter]:
        """What could not be projected, newest first."""
        with self._reading_meta() as db:
            return meta.deadletters(db, wanted, limit) if db else []

    def deadletters_of(self, position: int) -> list[DeadLetter]:
        """The dead letters of one record."""
        with self._reading_meta() as db:
            return meta.deadletters_of(db, position) if db else []

    def replayed(self, positions: Sequence[int]) -> dict[int, tuple[int, str]]:
        """Of these dead letters those put right since: when, and under which receipt."""
        with self._reading_meta() as db:
            return meta.replayed(db, positions) if db else {}

    def dropped_values(self, *, limit: int = 100) -> list[LeftOut]:
        """Attribute values that became `__other__`, the largest counts first."""
        with self._reading_meta() as db:
            return meta.left_out(db, "label_drop", limit) if db else []

    def dropped_by_source(self, *, limit: int = 100) -> list[LeftOut]:
        """The same, all names of a source together."""
        with self._reading_meta() as db:
            return meta.dropped_by_source(db, limit) if db else []

    def shed_items(self, *, limit: int = 100) -> list[LeftOut]:
        """Items that were shed by source and class, the largest counts first."""
        with self._reading_meta() as db:
            return meta.left_out(db, "shed", limit) if db else []

    def shed_level(self, position: int) -> int:
        """The level of shedding at which this record was projected; 0 for none."""
        with self._reading_meta() as db:
            return meta.shed_level(db, position) if db else 0

    def shedding(self) -> Shedding | None:
        """The newest stretch of shedding."""
        with self._reading_meta() as db:
            return meta.shedding(db) if db else None

    def events(
        self, *, from_us: int, to_us: int, types: Sequence[str] = (), limit: int = 10_000
    ) -> list[EventRow]:
        """Shop events of these types (all, where none is named)."""
        where = f" AND type IN ({','.join('?' * len(types))})" if types else ""
        return _newest(self._range(EVENTS, (from_us, to_us), where, tuple(types), limit))

    def trace(self, trace_id: str) -> list[SpanRow]:
        """All spans of one trace, by start."""
        query = f"{SPANS.select} WHERE trace_id = ? ORDER BY time_us LIMIT 20000"
        found: dict[str, SpanRow] = {}
        for path in [path for _, path in self._days()] + [self._path(_OTHER)]:
            for row in self._read(path, SPANS, query, (trace_id.lower(),)):
                found.setdefault(row.span_id, row)
        return sorted(found.values(), key=lambda row: (row.start_us, row.position, row.item))

    def spans(
        self,
        *,
        from_us: int,
        to_us: int,
        service: str = "",
        status: str = "",
        limit: int = 1_000,
    ) -> list[SpanRow]:
        """Spans that started in the range."""
        where, values = _conditions({"service": service, "status": status})
        return self._range(SPANS, (from_us, to_us), where, values, limit)

    def logs(
        self,
        *,
        from_us: int,
        to_us: int,
        service: str = "",
        min_severity: int = 0,
        trace_id: str = "",
        limit: int = 1_000,
    ) -> list[LogRow]:
        """Log records of the range."""
        where, equal = _conditions({"service": service, "trace_id": trace_id.lower()})
        values: tuple[str | int, ...] = equal
        if min_severity:
            where, values = where + " AND severity >= ?", (*values, min_severity)
        return self._range(LOGS, (from_us, to_us), where, values, limit)

    def metrics(
        self, *, from_us: int, to_us: int, name: str = "", limit: int = 1_000
    ) -> list[MetricRow]:
        """Metric points of the range."""
        where, values = _conditions({"name": name})
        return self._range(METRICS, (from_us, to_us), where, values, limit)

    def changes(self, *, from_us: int, to_us: int, limit: int = 1_000) -> list[ChangeRow]:
        """Changes of the range."""
        return self._range(CHANGES, (from_us, to_us), "", (), limit)

    # -- inside -------------------------------------------------------------------------------

    def _write_rows(self, batch: Batch) -> dict[str, int]:
        kinds: tuple[tuple[Table[Any], Sequence[Any]], ...] = (
            (EVENTS, batch.events),
            (SPANS, batch.spans),
            (LOGS, batch.logs),
            (METRICS, batch.metrics),
            (CHANGES, batch.changes),
        )
        by_file: dict[str, dict[str, list[tuple[Any, ...]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        skipped: dict[str, int] = defaultdict(int)
        now_us = self._clock.now_us()
        for table, rows in kinds:
            for row in rows:
                name = self._file_of(table.time_us(row), now_us)
                if name == _OTHER and table is EVENTS:
                    skipped[table.name] += 1
                    continue
                by_file[name][table.name].append(table.to_values(row))
        for name, tables in by_file.items():
            with writing(self._writer(name)) as db:
                for table in ALL_TABLES:
                    if values := tables.get(table.name):
                        db.executemany(table.insert, values)
                        self._bound_other(db, name, table)
        return skipped

    def _file_of(self, time_us: int, now_us: int) -> str:
        if not now_us - self._retention_us <= time_us <= now_us + _AHEAD_US:
            return _OTHER
        return _day_of(time_us // DAY_US)

    @staticmethod
    def _bound_other(db: sqlite3.Connection, name: str, table: Table[Any]) -> None:
        if name == _OTHER:
            db.execute(
                f"DELETE FROM {table.name} WHERE rowid <="
                f" (SELECT max(rowid) FROM {table.name}) - {_OTHER_ROWS}"
            )

    def _path(self, name: str) -> Path:
        return self._dir / f"{name}.db"

    def _days(self) -> list[tuple[str, Path]]:
        """The day files, newest first."""
        found = [(path.stem, path) for path in self._dir.glob("[0-9]*-[0-9]*-[0-9]*.db")]
        return sorted(found, reverse=True)

    def _writer(self, name: str) -> sqlite3.Connection:
        if name not in self._writers:
            if len(self._writers) >= _MAX_OPEN:
                self._writers.pop(min(self._writers)).close()
            writer = open_writer(self._path(name), DAY_SCHEMA, synchronous="NORMAL")
            writer.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            self._writers[name] = writer
        return self._writers[name]

    def _meta_writer(self) -> sqlite3.Connection:
        if self._meta is None:
            self._meta = open_writer(self._path("meta"), META_SCHEMA, synchronous="NORMAL")
        return self._meta

    def _range(
        self,
        table: Table[Row],
        span_us: tuple[int, int],
        where: str,
        values: tuple[Any, ...],
        limit: int,
    ) -> list[Row]:
        """Newest first over the files that can hold the range."""
        from_us_, to_us_ = (max(-_MAX_INT64, min(_MAX_INT64, edge)) for edge in span_us)
        query = (
            f"{table.select} WHERE time_us >= ? AND time_us < ?{where}"
            " ORDER BY time_us DESC, position DESC, item DESC LIMIT ?"
        )
        found: list[Row] = []
        others = self._read(self._path(_OTHER), table, query, (from_us_, to_us_, *values, limit))
        for day, path in self._days():
            if _day_start_us(day) >= to_us_ or _day_start_us(day) + DAY_US <= from_us_:
                continue
            left = limit - len(found)
            if left <= 0:
                break
            found += self._read(path, table, query, (from_us_, to_us_, *values, left))
        if others:
            found = sorted(found + others, key=table.time_us, reverse=True)
        return found[:limit]

    def _read(
        self, path: Path, table: Table[Row], query: str, values: tuple[Any, ...]
    ) -> list[Row]:
        with _reading(path) as db:
            if db is None:
                return []
            return [table.from_values(row) for row in db.execute(query, values)]

    def _reading_meta(self) -> AbstractContextManager[sqlite3.Connection | None]:
        return _reading(self._path("meta"))


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    """A connection of its own for each read: any thread may ask. None where there is no file.

    A day may be pruned, or still lack its tables, between the look and the read: that is no rows.
    """
    try:
        db = open_reader(path)
        db.execute("SELECT 1 FROM sqlite_master WHERE type = 'index' LIMIT 1").fetchone()
    except sqlite3.OperationalError:
        yield None
        return
    try:
        has_tables = db.execute(
            "SELECT 1 FROM sqlite_master WHERE name IN ('change', 'shed_stretch')"
        ).fetchone()
        yield db if has_tables else None
    finally:
        db.close()


def _newest(rows: list[EventRow]) -> list[EventRow]:
    """A derived event that was told anew (a mapping was mended) stands for what it was before."""
    found: dict[tuple[object, ...], EventRow] = {}
    for row in rows:
        # Positions of shop events are their own; those of derived ones are negative.
        key = (row.event.source, row.event.id) if row.position < 0 else (row.position, row.item)
        known = found.get(key)
        if known is None or row.position < known.position:
            found[key] = row
    return rows if len(found) == len(rows) else list(found.values())


def _conditions(equal: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    wanted = {column: value for column, value in equal.items() if value}
    where = "".join(f" AND {column} = ?" for column in wanted)
    return where, tuple(wanted.values())


@lru_cache(maxsize=64)
def _day_of(days: int) -> str:
    return from_us(days * DAY_US).strftime("%Y-%m-%d")


def _day_start_us(day: str) -> int:
    date = dt.date.fromisoformat(day)
    return (date - dt.date(1970, 1, 1)).days * DAY_US
