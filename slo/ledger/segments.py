"""The dictionary of segments, and its bound: 2,000 a day and objective, the rest is `__other__`."""

from __future__ import annotations

import json
import sqlite3
from typing import Final

from kernel.clock import DAY_US
from slo.ledger.contribution import Verdict
from slo.ledger.levels import Marks, cut, floor_us
from slo.ledger.rulebook import Plan
from slo.ledger.sums import OTHER, SegmentKey

Places = list[tuple[int, int, Verdict]]

MAX_A_DAY: Final = 2_000
_MAX_CACHED_DAYS: Final = 1_000
_MAX_CACHED_KEYS: Final = 100_000
_MAX_CACHED_PLACES: Final = 20_000
# Objectives of all cached places together, some 80 bytes each.
_MAX_CACHED_ENTRIES: Final = 1_000_000
# A longer value is an accident or an attack, and would cost its length in every answer.
_MAX_VALUE: Final = 200


class SegmentBook:
    """Gives each segment its number. What is in a day's cells stays in it, so a later revision of a
    unit finds the cell that the unit was counted in.
    """

    def __init__(self, db: sqlite3.Connection, *, max_a_day: int = MAX_A_DAY) -> None:
        self._db = db
        self._max_a_day = max_a_day
        self._ids: dict[SegmentKey, int] = {}
        self._days: dict[tuple[int, int], set[int]] = {}
        self._places: dict[tuple[Plan, int], Places] = {}
        self._entries = 0
        # The day's cells are read by level: where the levels end, as the writer's marks say.
        self.marks = Marks()

    def places(self, plan: Plan, at_us: int) -> Places:
        """Where a unit of this plan counts on that day: (objective, segment number, verdict)."""
        day = plan, floor_us(at_us, DAY_US)
        found = self._places.get(day)
        if found is None:
            if len(self._places) >= _MAX_CACHED_PLACES or self._entries >= _MAX_CACHED_ENTRIES:
                self._places.clear()
                self._entries = 0
            found = [(no, self.id_of(no, at_us, key), how) for no, how, key in plan.entries]
            self._places[day] = found
            self._entries += len(found)
        return found

    def id_of(self, objective_no: int, at_us: int, key: SegmentKey) -> int:
        """Number of the segment on that day; that of `__other__` where the day is full.

        What finds no room gets no number either: made-up values must not fill the dictionary.
        """
        day = objective_no, floor_us(at_us, DAY_US)
        known = self._days.get(day)
        if known is None:
            known = self._days_segments(day)
        segment_id = self._find(key)
        if segment_id is not None and segment_id in known:
            return segment_id
        if len(known) >= self._max_a_day:
            return self._number((OTHER,) * len(key))
        segment_id = self._number(key)
        known.add(segment_id)
        return segment_id

    def forget(self) -> None:
        """After a rollback: numbers given since are not in the file."""
        self._ids.clear()
        self._days.clear()
        self._places.clear()
        self._entries = 0

    def _find(self, key: SegmentKey) -> int | None:
        if key in self._ids:
            return self._ids[key]
        row = self._db.execute("SELECT id FROM segment WHERE key = ?", (_text(key),)).fetchone()
        return None if row is None else self._keep(key, row[0])

    def _number(self, key: SegmentKey) -> int:
        found = self._find(key)
        if found is not None:
            return found
        row = self._db.execute(
            "INSERT INTO segment (key) VALUES (?) RETURNING id", (_text(key),)
        ).fetchone()
        return self._keep(key, row[0])

    def _keep(self, key: SegmentKey, segment_id: int) -> int:
        if len(self._ids) >= _MAX_CACHED_KEYS:
            self._ids.clear()
        self._ids[key] = segment_id
        return segment_id

    def _days_segments(self, day: tuple[int, int]) -> set[int]:
        if len(self._days) >= _MAX_CACHED_DAYS:
            self._days.clear()
        objective_no, day_us = day
        known: set[int] = set()
        for span in cut(day_us, day_us + DAY_US, self.marks):
            rows = self._db.execute(
                "SELECT DISTINCT segment_id FROM cell WHERE objective_no = ? AND level_us = ?"
                " AND slice_us >= ? AND slice_us < ?",
                (objective_no, *span),
            )
            known.update(segment_id for (segment_id,) in rows)
        self._days[day] = known
        return known


def _text(key: SegmentKey) -> str:
    return json.dumps([value[:_MAX_VALUE] for value in key], ensure_ascii=False)
