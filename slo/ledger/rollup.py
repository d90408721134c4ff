"""Adding up: a minute, an hour, a day becomes a cell of its own once it is over.

The hot path writes one level instead of four. A change that comes later goes into every level whose
mark has passed its slice (`levels.Marks.holds`), so that at each moment a coarse cell is the sum
of the finer ones.
"""

from __future__ import annotations

import sqlite3
from itertools import pairwise
from typing import Final

from slo.ledger.levels import LEVELS_US, Marks, marks_at

_NAMES: Final = ("fine_from_us", "minutes_to_us", "hours_to_us", "days_to_us")
_ADD_UP: Final = (
    "INSERT INTO cell SELECT c.objective_no, :level, c.slice_us - c.slice_us % :level,"
    " c.segment_id, c.currency, sum(c.good), sum(c.bad), sum(c.excluded), sum(c.good_minor),"
    " sum(c.bad_minor), sum(c.alert_total), sum(c.alert_bad), sum(c.alert_keyless)"
    " FROM objective o CROSS JOIN cell c WHERE c.objective_no = o.no AND c.level_us = :finer"
    " AND c.slice_us >= :low AND c.slice_us < :high GROUP BY 1, 3, 4, 5"
)


class Rollup:
    """Keeps the marks of one ledger file. Steps inside of the writer's transactions."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._marks: Marks | None = None

    @property
    def marks(self) -> Marks:
        """Where the levels end now."""
        if self._marks is None:
            self._marks = read_marks(self._db)
        return self._marks

    def step(self, received_us: int) -> bool:
        """Add up what is over at this receive time; True where the 5 s slices moved on."""
        return self.rise(marks_at(received_us, self.marks))

    def rise(self, after: Marks) -> bool:
        """Add up to these marks; True where the 5 s slices moved on."""
        before = self.marks
        if after == before:
            return False
        for finer, level in pairwise(LEVELS_US):
            low, high = before.ends(level) or 0, after.ends(level) or 0
            if high > low:
                values = {"level": level, "finer": finer, "low": low, "high": high}
                self._db.execute(_ADD_UP, values)
        self._db.executemany(
            "INSERT OR REPLACE INTO mark VALUES (?, ?)", zip(_NAMES, after, strict=True)
        )
        self._marks = after
        return after.fine_from_us > before.fine_from_us

    def forget(self) -> None:
        """After a rollback."""
        self._marks = None


def read_marks(db: sqlite3.Connection) -> Marks:
    """The marks as they stand in the file."""
    found = dict(db.execute(f"SELECT name, value FROM mark WHERE name IN {_NAMES}").fetchall())
    return Marks(*(found.get(name, 0) for name in _NAMES))
