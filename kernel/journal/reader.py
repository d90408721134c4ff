"""Reading the journal: bounded batches per stream, and how far the file is known to be complete."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernel.journal import letters, seen, tally_store
from kernel.journal.letters import Letter, LetterFilter, LetterTotal
from kernel.journal.records import JournalRecord, Stream
from kernel.journal.tally import Tally
from kernel.sqlite import open_reader, snapshot

_COLUMNS = "position, stream, source, format, received_us, items, receipt, detail, body"


@dataclass(frozen=True)
class Head:
    """Everything received up to `tick_us` lies at or below `position`.

    A consumer whose cursor has reached `position` may therefore move its watermark to `tick_us`.
    """

    position: int
    tick_us: int


@dataclass(frozen=True)
class Waiting:
    """What lies behind a position, up to a bound. `oldest_us`: receive time of the first."""

    records: int = 0
    bytes: int = 0
    oldest_us: int | None = None


class JournalReader:
    """Reads one journal file. Not for sharing between threads: open one per part."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None

    def read(
        self,
        streams: Sequence[Stream],
        after: int,
        *,
        limit: int = 500,
        max_bytes: int = 16 * 1024**2,
    ) -> list[JournalRecord]:
        """Records of these streams with position > `after`, oldest first, bounded both ways."""
        db = self._connection()
        if db is None:
            return []
        marks = ",".join("?" * len(streams))
        query = (
            f"SELECT {_COLUMNS} FROM record WHERE stream IN ({marks}) AND position > ?"
            " ORDER BY position LIMIT ?"
        )
        found: list[JournalRecord] = []
        size = 0
        for row in db.execute(query, (*streams, after, limit)):
            record = _record(row)
            found.append(record)
            size += len(record.body)
            if size >= max_bytes:
                break
        return found

    def head(self) -> Head:
        """The newest position and the time up to which the file is complete, as one snapshot."""
        db = self._connection()
        if db is None:
            return Head(0, 0)
        with snapshot(db):
            tick = db.execute("SELECT at_us FROM tick").fetchone()
            top = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'record'").fetchone()
        return Head(top[0] if top else 0, tick[0] if tick else 0)

    def record(self, position: int) -> JournalRecord | None:
        """The record at this position, while it is kept."""
        db = self._connection()
        query = f"SELECT {_COLUMNS} FROM record WHERE position = ?"
        row = db.execute(query, (position,)).fetchone() if db else None
        return _record(row) if row else None

    def waiting(self, streams: Sequence[Stream], after: int, *, limit: int) -> Waiting:
        """What of these streams lies behind a position; no more than `limit` records are looked at.

        Bodies are not read: their length stands in the row's head.
        """
        db = self._connection()
        if db is None:
            return Waiting()
        marks = ",".join("?" * len(streams))
        row = db.execute(
            "SELECT count(*), coalesce(sum(size), 0), min(received_us) FROM"
            " (SELECT length(body) AS size, received_us FROM record"
            f" WHERE stream IN ({marks}) AND position > ? ORDER BY position LIMIT ?)",
            (*streams, after, limit),
        ).fetchone()
        return Waiting(*row)

    def knows(self, key: bytes, now_us: int) -> bool:
        """True where an item with this key would be a duplicate now."""
        db = self._connection()
        return db is not None and seen.knows(db, key, now_us)

    def receipt(self, receipt_id: str) -> dict[str, Any] | None:
        """What was answered under this receipt: counts, position, rejected items, known ones.

        `accepted`, `duplicates` and `rejected_count` count the sender's items, `rejected` lists
        those that were noted; `known`: duplicates among the append's items, as [first, last] runs.
        """
        db = self._connection()
        if db is None:
            return None
        # All columns by their names: those that came later may be missing in a file of before.
        found = db.execute("SELECT * FROM receipt WHERE id = ?", (receipt_id,))
        row = found.fetchone()
        if row is None:
            return None
        return _receipt(dict(zip((one[0] for one in found.description), row, strict=True)))

    def tallies(
        self, from_us: int, to_us: int, *, sender: str = "", source: str = ""
    ) -> list[Tally]:
        """Items by minute of receive time, sender, source and class; kept for 8 days.

        Complete for all minutes that end at or before the head's tick. Minutes in which nothing
        came have no entry: whether the door was there says the tick.
        """
        return self._tallies(tally_store.MINUTES, from_us, to_us, sender=sender, source=source)

    def day_tallies(self, day_us: int, *, sender: str = "", source: str = "") -> list[Tally]:
        """The same for the UTC day that begins at `day_us`; kept for 400 days."""
        span = day_us, day_us + 1
        return self._tallies(tally_store.DAYS, *span, sender=sender, source=source)

    def days(self, before_us: int) -> list[int]:
        """Beginnings of the UTC days before that time in which anything was counted."""
        db = self._connection()
        if db is None or not _has(db, tally_store.DAYS):
            return []
        rows = db.execute(
            f"SELECT DISTINCT from_us FROM {tally_store.DAYS} WHERE from_us < ? ORDER BY from_us",
            (before_us,),
        )
        return [row[0] for row in rows]

    def _tallies(
        self, table: str, from_us: int, to_us: int, *, sender: str, source: str
    ) -> list[Tally]:
        db = self._connection()
        if db is None or not _has(db, table):
            return []
        named = (("sender", sender), ("source", source))
        return tally_store.read(db, table, from_us, to_us, [one for one in named if one[1]])

    def letters(self, wanted: LetterFilter, *, limit: int = 100) -> list[tuple[int, Letter]]:
        """Dead letters of the door with their sequence numbers, newest first."""
        db = self._connection()
        return letters.read(db, wanted, limit) if db else []

    def letter(self, receipt_id: str, item: int) -> Letter | None:
        """One dead letter of the door."""
        db = self._connection()
        return letters.find(db, receipt_id, item) if db else None

    def replayed_of(self, receipt_id: str) -> dict[int, str]:
        """Which rejected items of a receipt were replayed since, and under which receipt."""
        db = self._connection()
        return letters.replayed_of(db, receipt_id) if db else {}

    def letter_total(self) -> LetterTotal:
        """How many dead letters are kept, and how many had to go."""
        db = self._connection()
        return letters.total(db) if db else LetterTotal()

    def close(self) -> None:
        """Give the file back."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _connection(self) -> sqlite3.Connection | None:
        """None until the writer has made the file."""
        if self._db is None and self._path.exists():
            try:
                db = open_reader(self._path)
                db.execute("SELECT 1 FROM tick").fetchone()
            except sqlite3.OperationalError:
                return None
            self._db = db
        return self._db


def _has(db: sqlite3.Connection, table: str) -> bool:
    """False in a file of an older version that no writer has opened since."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return db.execute(query, (table,)).fetchone() is not None


def _receipt(row: dict[str, Any]) -> dict[str, Any]:
    rejected = json.loads(row["rejected"])
    count = row.get("rejected_count")
    return {
        **row,
        "sender": row.get("sender", ""),
        "rejected": rejected,
        "rejected_count": len(rejected) if count is None else count,
        "known": json.loads(row.get("known", "[]")),
    }


def _record(row: tuple[Any, ...]) -> JournalRecord:
    return JournalRecord(
        position=row[0],
        stream=Stream(row[1]),
        source=row[2],
        format=row[3],
        received_us=row[4],
        items=row[5],
        receipt=row[6],
        detail=json.loads(row[7]),
        body=row[8],
    )
