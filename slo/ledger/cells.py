"""Changes of cells in one transaction: added up in memory, then one upsert per touched cell."""

from __future__ import annotations

import sqlite3
from typing import Final

from kernel.clock import MINUTE_US
from slo.ledger.contribution import Verdict
from slo.ledger.levels import FINE_US, LEVELS_US, Marks, floor_us
from slo.ledger.rulebook import Plan
from slo.ledger.segments import SegmentBook

# good, bad, excluded, good_minor, bad_minor, alert_total, alert_bad, alert_keyless
Delta = list[int]
# objective number, start of the 5 s slice, segment number, currency
Place = tuple[int, int, int, str]
Changes = dict[Place, Delta]

_NAMES: Final = (
    "good",
    "bad",
    "excluded",
    "good_minor",
    "bad_minor",
    "alert_total",
    "alert_bad",
    "alert_keyless",
)
_ADD: Final = ", ".join(f"{name} = {name} + excluded.{name}" for name in _NAMES)
_CELL: Final = (
    "INSERT INTO cell VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
    + _ADD
)
_REVISION: Final = (
    "INSERT INTO revision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET " + _ADD
)


class CellChanges:
    """Sums of changes by 5 s slice, for one transaction."""

    def __init__(self, segments: SegmentBook) -> None:
        self._segments = segments
        # Units by plan: the objectives are gone through once per slice, not once per unit.
        self._units: dict[tuple[Plan, int, str], list[int]] = {}
        self._alerts: dict[Place, list[int]] = {}

    def count(self, plan: Plan, at_us: int, currency: str, amount_minor: int, sign: int) -> None:
        """A unit counts from now on (`sign` 1) or no longer (-1); bad ones alert apart."""
        place = plan, at_us - at_us % FINE_US, currency
        held = self._units.get(place)
        if held is None:
            self._units[place] = [sign, sign * amount_minor]
        else:
            held[0] += sign
            held[1] += sign * amount_minor

    def alert(self, place: Place, sign: int, *, keyless: bool) -> None:
        """A bad attempt counts for alerts from now on, or no longer."""
        no, at_us, segment_id, currency = place
        held = self._alerts.setdefault((no, floor_us(at_us, FINE_US), segment_id, currency), [0, 0])
        held[0] += sign
        held[1] += sign if keyless else 0

    def flush(self, db: sqlite3.Connection, known_us: int, marks: Marks) -> Changes:
        """Write all levels that hold the slices, and a revision for each change of a minute that
        was over already. Gives what changed.

        `known_us`: receive time of what is applied.
        """
        changes = self._by_place()
        for level_us in LEVELS_US:
            rows = _held(changes, level_us, marks)
            db.executemany(
                _CELL,
                [
                    (no, level_us, slice_us, segment_id, currency, *delta)
                    for (no, slice_us, segment_id, currency), delta in rows.items()
                ],
            )
        self._revise(db, changes, floor_us(known_us, MINUTE_US))
        return changes

    @staticmethod
    def _revise(db: sqlite3.Connection, changes: Changes, known_minute_us: int) -> None:
        late: Changes = {}
        for place, delta in changes.items():
            if place[1] < known_minute_us:
                _add(late, _coarser(place, MINUTE_US), delta)
        db.executemany(
            _REVISION,
            [
                (no, MINUTE_US, slice_us, known_minute_us, segment_id, currency, *delta)
                for (no, slice_us, segment_id, currency), delta in late.items()
            ],
        )

    def _by_place(self) -> Changes:
        changes: Changes = {}
        get, places = changes.get, self._segments.places
        for (plan, slice_us, currency), (units, minor) in self._units.items():
            if not units and not minor:
                continue
            for no, segment_id, verdict in places(plan, slice_us):
                place = no, slice_us, segment_id, currency
                held = get(place)
                if held is None:
                    held = changes[place] = [0, 0, 0, 0, 0, 0, 0, 0]
                if verdict is Verdict.GOOD:
                    held[0] += units
                    held[3] += minor
                    held[5] += units
                elif verdict is Verdict.BAD:
                    held[1] += units
                    held[4] += minor
                else:
                    held[2] += units
        for place, (count, keyless) in self._alerts.items():
            if count or keyless:
                _add(changes, place, [0, 0, 0, 0, 0, count, count, keyless])
        return {place: delta for place, delta in changes.items() if any(delta)}


def _held(changes: Changes, level_us: int, marks: Marks) -> Changes:
    """The changes as cells of one level, as far as the level holds them (`Marks.holds`)."""
    if level_us == FINE_US:
        from_us = marks.fine_from_us
        return {place: delta for place, delta in changes.items() if place[1] >= from_us}
    to_us = marks.ends(level_us) or 0
    rows: Changes = {}
    for place, delta in changes.items():
        if place[1] < to_us:
            _add(rows, _coarser(place, level_us), delta)
    return rows


def _coarser(place: Place, level_us: int) -> Place:
    no, slice_us, segment_id, currency = place
    return no, slice_us - slice_us % level_us, segment_id, currency


def _add(changes: Changes, place: Place, delta: Delta) -> None:
    held = changes.get(place)
    if held is None:
        changes[place] = list(delta)
        return
    for index, value in enumerate(delta):
        if value:
            held[index] += value
