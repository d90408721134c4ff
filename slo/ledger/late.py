"""Which hours changed after their minutes were over: what was added up of them is out of date.

A late message, an outcome that revises another: the cell of a minute changes long after somebody
read it. Beside each hour stands the number of the last transaction that did so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from kernel.clock import HOUR_US

TAKEN_OVER: Final = "taken_over"
BETWEEN: Final = "SELECT name, value FROM mark WHERE name >= ? AND name < ?"
_NOTE: Final = (
    "INSERT INTO mark VALUES (?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)"
)
_PREFIX: Final = "late:"


def name_of(at_us: int) -> str:
    """The mark of the hour; names sort like the hours."""
    return f"{_PREFIX}{max(0, at_us // HOUR_US):010}"


def hour_of(name: str) -> int:
    """The hour (since the epoch) of a mark."""
    return int(name.removeprefix(_PREFIX))


def note_late(db: sqlite3.Connection, slices_us: Iterable[int], number: int) -> None:
    """Transaction `number` changed these slices, whose minutes were over."""
    db.executemany(_NOTE, [(name, number) for name in {name_of(one) for one in slices_us}])


def trim_late(db: sqlite3.Connection, oldest_us: int) -> None:
    """Forget hours whose cells are gone."""
    db.execute("DELETE FROM mark WHERE name >= ? AND name < ?", (_PREFIX, name_of(oldest_us)))
