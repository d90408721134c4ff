"""Rows of `unit` in one transaction. They lie by the hour in which they were last heard of.

A unit that is heard of again in the same hour is changed where it lies: its keys stay as they are.
In another hour it moves to the end.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from slo.ledger.bulk import Insert
from slo.ledger.unit import Status, Unit
from slo.objective import UnitKind

# SQLite takes plain text far sooner than members of an enumeration.
_TEXT: Final = {status: status.value for status in Status}
_NEW: Final = Insert(
    "unit (rowid, kind, key, status, at_us, touched_hour, method, source, checkout_id, events)",
    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
)
_CHANGED: Final = (
    "UPDATE unit SET status = ?, at_us = ?, method = ?, source = ?, checkout_id = ?, events = ?"
    " WHERE rowid = ?"
)


class UnitRows:
    """Collects in memory; `flush` writes it."""

    def __init__(self, db: sqlite3.Connection, hour: int) -> None:
        self._hour = hour
        found = db.execute("SELECT coalesce(max(rowid), 0) FROM unit").fetchone()
        self._last = int(found[0])
        self._new: list[tuple[object, ...]] = []
        self._changed: list[tuple[object, ...]] = []
        self._moved: list[tuple[int]] = []

    def add(self, kind: UnitKind, key: str, unit: Unit, blob: bytes) -> int:
        """A unit that the file does not hold; gives its row."""
        merged = unit.merged
        self._last += 1
        self._new.append(
            (
                self._last,
                kind.value,
                key,
                _TEXT[unit.status],
                merged.time_us,
                self._hour,
                merged.method,
                merged.source,
                merged.checkout_id,
                blob,
            )
        )
        return self._last

    def change(
        self, was: tuple[int, int], kind: UnitKind, key: str, unit: Unit, blob: bytes
    ) -> int:
        """A unit that the file holds in the row and since the hour of `was`; gives its row now."""
        row, hour = was
        if hour != self._hour:
            self._moved.append((row,))
            return self.add(kind, key, unit, blob)
        merged = unit.merged
        self._changed.append(
            (
                _TEXT[unit.status],
                merged.time_us,
                merged.method,
                merged.source,
                merged.checkout_id,
                blob,
                row,
            )
        )
        return row

    def flush(self, db: sqlite3.Connection) -> None:
        """Rows that move leave their old place first."""
        db.executemany("DELETE FROM unit WHERE rowid = ?", self._moved)
        _NEW.run(db, self._new)
        db.executemany(_CHANGED, self._changed)
