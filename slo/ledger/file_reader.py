"""One ledger file, opened for reading: connections, numbers of objectives and segments."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kernel.sqlite import open_reader, snapshot
from slo.ledger.levels import Marks
from slo.ledger.memory import LedgerMemory
from slo.ledger.rollup import read_marks
from slo.ledger.schema import VERSION
from slo.ledger.sums import SegmentKey
from slo.objective import Objective


class FileReader:
    """Reads one ledger file. May be shared: each thread gets a connection of its own."""

    def __init__(self, path: Path, memory: LedgerMemory | None = None) -> None:
        """`memory`: what is remembered together with other readers of the file; None: alone."""
        self._path = path
        self._memory = LedgerMemory() if memory is None else memory
        self._local = threading.local()
        self._numbers: dict[tuple[str, str], int] = {}
        self._segments: dict[int, SegmentKey] = {}

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """All questions inside see the same state of the ledger. May be nested."""
        db = self._connection()
        if db is None or db.in_transaction:
            yield
            return
        # Objectives share sources, windows and traffic: what was covered and what is pending is
        # asked once in one state.
        self._local.covered = {}
        self._local.pending = {}
        try:
            with snapshot(db):
                self._local.state = self.transactions()
                self._memory.settle(self._local.file, self._local.state)
                yield
        finally:
            self._local.covered = None
            self._local.pending = None

    def close(self) -> None:
        """Give this thread's connection back (those of ended threads are gone with them)."""
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is not None:
            db.close()
            self._local.db = None

    def watermark_us(self, sources: Sequence[str] = ()) -> int:  # noqa: ARG002 (see below)
        """Receive time up to which everything of these sources is counted; 0 before the start.

        All sources come through the same two streams, so that today it is one time for all.
        """
        rows = self._rows("SELECT min(watermark_us), count(*) FROM cursor", ())
        return rows[0][0] if rows and rows[0][1] == 2 else 0

    def transactions(self) -> int:
        """How many transactions the writer has committed (`Told.number` of the newest)."""
        return self._mark("transactions")

    @property
    def memory(self) -> LedgerMemory:
        """What is remembered together with other readers."""
        return self._memory

    def state(self) -> int:
        """The number of the newest transaction that is seen inside of `at_once`."""
        return int(getattr(self._local, "state", 0))

    def marks(self) -> Marks:
        """Where the levels of cells end."""
        db = self._connection()
        return read_marks(db) if db is not None else Marks()

    def number(self, objective: Objective) -> int:
        """The objective's number in this file; -1 (which has no rows) while it is unknown."""
        place = objective.id, objective.generation
        if place not in self._numbers:
            found = self._rows("SELECT no FROM objective WHERE id = ? AND generation = ?", place)
            if not found:
                return -1
            self._numbers[place] = found[0][0]
        return self._numbers[place]

    def _segment(self, segment_id: int) -> SegmentKey:
        if segment_id not in self._segments:
            rows = self._rows("SELECT key FROM segment WHERE id = ?", (segment_id,))
            self._segments[segment_id] = tuple(json.loads(rows[0][0]))
        return self._segments[segment_id]

    def _mark(self, name: str) -> int:
        rows = self._rows("SELECT value FROM mark WHERE name = ?", (name,))
        return rows[0][0] if rows else 0

    def _rows(self, query: str, values: Sequence[Any]) -> list[Any]:
        db = self._connection()
        return db.execute(query, values).fetchall() if db is not None else []

    def _connection(self) -> sqlite3.Connection | None:
        """None until the writer has made the file, in the make that this code can read."""
        held: sqlite3.Connection | None = getattr(self._local, "db", None)
        if held is not None or not self._path.exists():
            return held
        try:
            file = self._path.stat().st_ino
            db = open_reader(self._path)
            version = db.execute("PRAGMA user_version").fetchone()[0]
        except (OSError, sqlite3.OperationalError):
            return None
        if version != VERSION:
            db.close()
            return None
        self._local.db, self._local.file = db, file
        return db
