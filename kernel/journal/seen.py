"""Which declared keys were taken already: a log of the newest ones, and a sorted table of the rest.

Keys are digests. Put into a sorted table as they come, each would touch a page of its own, and a
commit of a hundred events would write a hundred pages. So the keys of a commit go into one row of a
log, and stay in memory; when they are many they move into the table in their order, a slice with
each commit: neighbours share pages. (What a log-structured merge tree does, with two levels.)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

# Of the log, before its keys begin to move: some ten MiB of memory, twice as much while they do.
_GENERATION = 100_000
# Moved with each commit, or twice as many as it brought: so a generation has gone before the next.
_SLICE = 500
_ASKED_AT_ONCE = 200
_FORGOTTEN_ROWS = 2_000
_TRIM_WINDOW = 20_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (
    key BLOB PRIMARY KEY, until_us INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS seen_log (
    number INTEGER PRIMARY KEY AUTOINCREMENT, keys BLOB NOT NULL) STRICT;
DROP INDEX IF EXISTS ix_seen_until;
"""
_MOVE = """
INSERT INTO seen VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET until_us = max(until_us, excluded.until_us)
"""
_FORGET = """
DELETE FROM seen_log WHERE number IN
    (SELECT number FROM seen_log WHERE number <= ? ORDER BY number LIMIT ?)
"""
# Without an index by time, which would cost as much with each key as the table does.
_WINDOW_END = "SELECT key FROM seen WHERE key > ? ORDER BY key LIMIT 1 OFFSET ?"
_TRIM = """
DELETE FROM seen WHERE key IN
    (SELECT key FROM seen WHERE key > ? AND (? IS NULL OR key <= ?) AND until_us < ? LIMIT ?)
"""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[bytes, int]).decode


class _Leaving:
    """A generation on its way from the log into the table: first it moves, then it is forgotten."""

    def __init__(self, keys: dict[bytes, int], through: int) -> None:
        """`through`: the log's last row of it."""
        self.keys = keys
        self._order = sorted(keys)
        self._through = through
        self._moved = self._moved_then = 0
        self._gone_then = False

    def write(self, db: sqlite3.Connection, at_most: int) -> None:
        part = self._order[self._moved : self._moved + at_most]
        if part:
            db.executemany(_MOVE, [(key, self.keys[key]) for key in part])
            self._moved_then = self._moved + len(part)
        else:
            gone = db.execute(_FORGET, (self._through, _FORGOTTEN_ROWS)).rowcount
            self._gone_then = gone < _FORGOTTEN_ROWS

    def committed(self) -> bool:
        """True where nothing of it is left in the log."""
        self._moved = self._moved_then
        return self._gone_then

    def undone(self) -> None:
        self._moved_then = self._moved
        self._gone_then = False


class Seen:
    """The keys of one journal, each with the time until which a repeat is known. For one thread.

    `load` once the file is open. Then `note` and `trim` while a transaction is open, `write` as its
    last part, and `committed` or `undone` behind it.
    """

    def __init__(self, generation: int = _GENERATION, slice_size: int = _SLICE) -> None:
        """`generation`: keys in the log before they move; `slice_size`: moved with a commit."""
        self._generation = generation
        self._slice = slice_size
        self._fresh: dict[bytes, int] = {}  # of the open transaction
        self._recent: dict[bytes, int] = {}
        self._leaving = _Leaving({}, 0)
        self._last_number = 0
        self._trimmed_to = b""

    def load(self, db: sqlite3.Connection) -> None:
        """Take over what the file has."""
        self._fresh = {}
        self._recent = {}
        self._last_number = 0
        for number, keys in db.execute("SELECT number, keys FROM seen_log ORDER BY number"):
            self._recent.update(_decode(keys))
            self._last_number = number
        self._leave()

    def note(
        self, db: sqlite3.Connection, keys: Sequence[bytes | None], horizon_us: int, now_us: int
    ) -> set[int]:
        """Indices of those that are known; the others are from now on, for `horizon_us`."""
        known: set[int] = set()
        new: dict[bytes, int] = {}
        fresh, recent, leaving = self._fresh, self._recent, self._leaving.keys
        for index, key in enumerate(keys):
            if key is None:
                continue
            met = key in fresh or key in recent or key in leaving
            if key in new or (met and self._until_us(key) >= now_us):
                known.add(index)
            else:
                new[key] = index
        for key in _in_table(db, list(new), now_us):
            known.add(new.pop(key))
        self._fresh.update(dict.fromkeys(new, now_us + horizon_us))
        return known

    def write(self, db: sqlite3.Connection) -> None:
        """Log what was noted, and let a slice of what was logged long ago leave."""
        if self._fresh:
            row = db.execute("INSERT INTO seen_log (keys) VALUES (?)", (_encode(self._fresh),))
            self._last_number = row.lastrowid or 0
        if self._leaving.keys:
            self._leaving.write(db, max(self._slice, 2 * len(self._fresh)))

    def trim(self, db: sqlite3.Connection, now_us: int, at_most: int) -> int:
        """Delete keys of the table past their time; returns how many went.

        Each call looks at a window of keys, the next one behind it, and so round and round.
        """
        row = db.execute(_WINDOW_END, (self._trimmed_to, _TRIM_WINDOW)).fetchone()
        end = row[0] if row else None
        gone = db.execute(_TRIM, (self._trimmed_to, end, end, now_us, at_most)).rowcount
        if gone < at_most:
            self._trimmed_to = end or b""
        return gone

    def committed(self) -> None:
        """The transaction is on disk."""
        self._recent.update(self._fresh)
        self._fresh = {}
        if self._leaving.committed():
            self._leaving = _Leaving({}, 0)
        if len(self._recent) >= self._generation and not self._leaving.keys:
            self._leave()

    def undone(self) -> None:
        """The transaction left nothing."""
        self._fresh = {}
        self._leaving.undone()

    def _leave(self) -> None:
        self._leaving = _Leaving(self._recent, self._last_number)
        self._recent = {}

    def _until_us(self, key: bytes) -> int:
        return max(keys.get(key, -1) for keys in (self._fresh, self._recent, self._leaving.keys))


def knows(db: sqlite3.Connection, key: bytes, now_us: int) -> bool:
    """True where a repeat of the key would be known; for any reader of the file, and few keys."""
    if any(_in_table(db, [key], now_us)):
        return True
    rows = db.execute("SELECT keys FROM seen_log ORDER BY number DESC")
    return any(_decode(keys).get(key, -1) >= now_us for (keys,) in rows)


def _in_table(db: sqlite3.Connection, keys: Sequence[bytes], now_us: int) -> Iterator[bytes]:
    for begin in range(0, len(keys), _ASKED_AT_ONCE):
        part = keys[begin : begin + _ASKED_AT_ONCE]
        for (key,) in db.execute(_query(len(part)), (now_us, *part)).fetchall():
            yield key


@lru_cache(maxsize=_ASKED_AT_ONCE)
def _query(count: int) -> str:
    marks = ",".join("?" * count)
    return f"SELECT key FROM seen WHERE until_us >= ? AND key IN ({marks})"
