"""What was last seen of flags, flag files and vendors: `changes.db`, beside the telemetry store.

A view like its neighbours: deleting the telemetry folder makes both anew from the journal. A unit
is one transaction that also moves the cursor, so that nothing is taken in twice.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from collector.changes.evaluations import FlagKey
from collector.changes.flagd import FlagDefinition, FlagFile, FlagSet
from collector.changes.flags import FlagState
from collector.vendors.status import VendorState
from kernel.clock import DAY_US
from kernel.sqlite import open_reader, open_writer, writing

MAX_FLAGS_OF_SOURCE: Final = 2_000
_MAX_FILES_OF_SOURCE = 100
_FORGOTTEN_US = 7 * DAY_US
_encode = msgspec.json.Encoder().encode
_SCHEMA = """
CREATE TABLE IF NOT EXISTS progress (
    name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS flag (
    source TEXT NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL,
    flag_set TEXT NOT NULL, flag TEXT NOT NULL, seen_us INTEGER NOT NULL, state BLOB NOT NULL,
    PRIMARY KEY (source, service, environment, flag_set, flag)) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS flag_file (
    source TEXT NOT NULL, service TEXT NOT NULL, environment TEXT NOT NULL,
    flag_set TEXT NOT NULL, seen_us INTEGER NOT NULL, flags BLOB NOT NULL,
    PRIMARY KEY (source, service, environment, flag_set)) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS vendor (
    name TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS watched (
    what TEXT PRIMARY KEY, place TEXT NOT NULL, tried_us INTEGER NOT NULL,
    read_us INTEGER NOT NULL, state TEXT NOT NULL, problem TEXT NOT NULL) WITHOUT ROWID, STRICT;
"""
_Decoded = TypeVar("_Decoded")


@dataclass(frozen=True)
class Watched:
    """One thing that is looked at again and again.

    `read_us`: when it could be read last (0: never); `state`: what it said then; `problem`: why it
    could not be read at `tried_us`, or "".
    """

    what: str
    place: str
    tried_us: int
    read_us: int = 0
    state: str = ""
    problem: str = ""


class Unit:
    """One transaction. States are handed out once and written back as they are at its end."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._flags: dict[tuple[str, FlagKey], FlagState] = {}
        self._new: Counter[str] = Counter()

    def flag(self, source: str, key: FlagKey) -> FlagState | None:
        """The state of a flag; None where the source already has its bound of newer ones."""
        known = self._flags.get((source, key))
        if known is not None:
            return known
        row = self._db.execute(
            "SELECT state FROM flag WHERE source = ? AND service = ? AND environment = ?"
            " AND flag_set = ? AND flag = ?",
            (source, *_columns(key)),
        ).fetchone()
        if row is None and not self._has_room(source):
            return None
        self._new[source] += row is None
        state = _decoded(row, FlagState) or FlagState()
        self._flags[source, key] = state
        return state

    def swap_file(self, source: str, file: FlagFile, seen_us: int) -> FlagSet | None:
        """Remember this file; what stood in its place before, None at first sight."""
        place = (source, file.service, file.environment, file.flag_set)
        row = self._db.execute(
            "SELECT flags FROM flag_file WHERE source = ? AND service = ? AND environment = ?"
            " AND flag_set = ?",
            place,
        ).fetchone()
        if row is None:
            self._bound_files(source)
        self._db.execute(
            "INSERT OR REPLACE INTO flag_file VALUES (?, ?, ?, ?, ?, ?)",
            (*place, seen_us, _encode(file.flags)),
        )
        return _decoded(row, dict[str, FlagDefinition])

    def vendor(self, name: str) -> VendorState:
        """What was last read of a vendor; empty at first sight."""
        row = self._db.execute("SELECT state FROM vendor WHERE name = ?", (name,)).fetchone()
        return _decoded(row, VendorState) or VendorState()

    def keep_vendor(self, name: str, state: VendorState) -> None:
        """Remember it."""
        self._db.execute("INSERT OR REPLACE INTO vendor VALUES (?, ?)", (name, _encode(state)))

    def finish(self, consumer: str, position: int) -> None:
        """Write the flags back and move the cursor."""
        self._db.executemany(
            "INSERT OR REPLACE INTO flag VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (source, *_columns(key), state.seen_us, _encode(state))
                for (source, key), state in self._flags.items()
            ],
        )
        self._db.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (consumer, position))

    def _has_room(self, source: str) -> bool:
        count, newest_us = self._db.execute(
            "SELECT count(*), max(seen_us) FROM flag WHERE source = ?", (source,)
        ).fetchone()
        new = self._new[source]
        if count + new < MAX_FLAGS_OF_SOURCE:
            return True
        gone = self._db.execute(
            "DELETE FROM flag WHERE source = ? AND seen_us < ?",
            (source, (newest_us or 0) - _FORGOTTEN_US),
        ).rowcount
        return bool(count + new - gone < MAX_FLAGS_OF_SOURCE)

    def _bound_files(self, source: str) -> None:
        """A source that invents a new name for each file forgets its oldest."""
        self._db.execute(
            "DELETE FROM flag_file WHERE source = ? AND seen_us <= (SELECT seen_us FROM flag_file"
            " WHERE source = ? ORDER BY seen_us DESC LIMIT 1 OFFSET ?)",
            (source, source, _MAX_FILES_OF_SOURCE - 1),
        )


class ChangeMemory:
    """One file; written by the engine, read by every process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None

    @contextmanager
    def unit(self) -> Iterator[Unit]:
        """All or nothing of what is done inside."""
        with self._lock, writing(self._writer()) as db:
            yield Unit(db)

    def note(self, one: Watched) -> None:
        """Remember the newest look at something; a failed look keeps what was read before."""
        with self._lock, writing(self._writer()) as db:
            db.execute(
                "INSERT INTO watched VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (what) DO UPDATE SET"
                " place = excluded.place, tried_us = excluded.tried_us, problem = excluded.problem,"
                " read_us = iif(excluded.read_us, excluded.read_us, read_us),"
                " state = iif(excluded.read_us, excluded.state, state)",
                (one.what, one.place, one.tried_us, one.read_us, one.state, one.problem),
            )

    def only_watch(self, names: set[str]) -> None:
        """Forget what is not looked at any more."""
        with self._lock, writing(self._writer()) as db:
            known = [what for (what,) in db.execute("SELECT what FROM watched")]
            gone = [(what,) for what in known if what not in names]
            db.executemany("DELETE FROM watched WHERE what = ?", gone)

    def position(self, consumer: str) -> int:
        """How far a journal was taken in (0 before the first unit)."""
        rows = self._read("SELECT position FROM progress WHERE name = ?", (consumer,))
        return int(rows[0][0]) if rows else 0

    def watched(self) -> list[Watched]:
        """Everything that is looked at, by name."""
        rows = self._read(
            "SELECT what, place, tried_us, read_us, state, problem FROM watched ORDER BY what", ()
        )
        return [Watched(*row) for row in rows]

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _writer(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = open_writer(self._path, _SCHEMA, synchronous="NORMAL")
        return self._db

    def _read(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Any thread may ask: a connection of its own. No rows where the engine has made none."""
        try:
            db = open_reader(self._path)
        except sqlite3.OperationalError:
            return []
        try:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'watched'").fetchone():
                return []
            return db.execute(query, values).fetchall()
        finally:
            db.close()


def _columns(key: FlagKey) -> tuple[str, str, str, str]:
    return key.service, key.environment, key.flag_set, key.flag


def _decoded(row: tuple[Any, ...] | None, shape: type[_Decoded]) -> _Decoded | None:
    """None where there is no row, or one of an older form: then it is first sight again."""
    if row is None:
        return None
    try:
        return msgspec.json.decode(row[0], type=shape)
    except msgspec.MsgspecError:
        return None
