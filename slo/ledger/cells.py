"""Changes of cells in one transaction: added up in memory, then one upsert per touched cell."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from operator import add
from typing import Final, cast

from kernel.clock import MINUTE_US
from slo.ledger.bulk import Insert
from slo.ledger.contribution import Verdict
from slo.ledger.levels import FINE_US, LEVELS_US, Marks, floor_us
from slo.ledger.rulebook import Plan
from slo.ledger.segments import SegmentBook

# objective number, start of the 5 s slice, segment number, currency
Place = tuple[int, int, int, str]
# good, bad, excluded, good_minor, bad_minor, alert_total, alert_bad, alert_keyless
Delta = tuple[int, int, int, int, int, int, int, int]
# A place and what changed there; a place may stand in several of them.
Change = tuple[int, int, int, str, int, int, int, int, int, int, int, int]

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
_ADDING: Final = f"ON CONFLICT DO UPDATE SET {_ADD}"
_FINE_CELL: Final = Insert("cell", f"(?, {FINE_US}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _ADDING)
_CELL: Final = Insert("cell", "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _ADDING)
_REVISION: Final = Insert("revision", "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _ADDING)


class CellChanges:
    """Sums of changes by 5 s slice, for one transaction."""

    def __init__(self, segments: SegmentBook) -> None:
        self._segments = segments
        # Units by plan: the objectives are gone through once per slice, not once per unit.
        self._units: dict[tuple[Plan, int, str], list[int]] = {}
        self._alerts: dict[Place, list[int]] = {}
        # Slices that `flush` changed although their minutes were over.
        self.late_us: set[int] = set()

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

    def flush(self, db: sqlite3.Connection, known_us: int, marks: Marks) -> list[Change]:
        """Write all levels that hold the slices, and a revision for each change of a minute that
        was over already. Gives what changed.

        `known_us`: receive time of what is applied.
        """
        changes = self._changes()
        # In the order of the table's key, so that a page is found and changed once.
        changes.sort()
        fine_from_us = marks.fine_from_us
        _FINE_CELL.run(db, [one for one in changes if one[1] >= fine_from_us])
        known_minute_us = floor_us(known_us, MINUTE_US)
        over_us = max(known_minute_us, marks.minutes_to_us)
        minutes = _coarser([one for one in changes if one[1] < over_us], MINUTE_US)
        self.late_us = {one[1] for one in minutes if one[1] < marks.minutes_to_us}
        rows = minutes
        # Each level ends at a border of its own, so that its rows add up those of the finer one.
        for level_us in LEVELS_US[1:]:
            ends_us = marks.ends(level_us) or 0
            rows = [one for one in rows if one[1] < ends_us]
            if level_us != MINUTE_US:
                rows = _coarser(rows, level_us)
            if not rows:
                break
            _CELL.run(db, [(one[0], level_us, *one[1:]) for one in rows])
        _REVISION.run(
            db,
            [
                (one[0], MINUTE_US, one[1], known_minute_us, *one[2:])
                for one in minutes
                if one[1] < known_minute_us
            ],
        )
        return changes

    def _changes(self) -> list[Change]:
        changes: list[Change] = []
        add, places = changes.append, self._segments.places
        for (plan, slice_us, currency), (units, minor) in self._units.items():
            if not units and not minor:
                continue
            deltas: dict[Verdict, Delta] = {
                Verdict.GOOD: (units, 0, 0, minor, 0, units, 0, 0),
                Verdict.BAD: (0, units, 0, 0, minor, 0, 0, 0),
                Verdict.EXCLUDED: (0, 0, units, 0, 0, 0, 0, 0),
            }
            for no, segment_id, verdict in places(plan, slice_us):
                add((no, slice_us, segment_id, currency, *deltas[verdict]))
        for place, (count, keyless) in self._alerts.items():
            if count or keyless:
                add((*place, 0, 0, 0, 0, 0, count, count, keyless))
        return changes


def _coarser(changes: Iterable[Change], level_us: int) -> list[Change]:
    """The same changes in slices of a coarser level, each place once, in the order of the key."""
    rows: dict[Place, tuple[int, ...]] = {}
    for change in changes:
        slice_us = change[1]
        place = change[0], slice_us - slice_us % level_us, change[2], change[3]
        delta = change[4:]
        held = rows.get(place)
        rows[place] = delta if held is None else tuple(map(add, held, delta))
    return sorted(cast("Change", place + delta) for place, delta in rows.items() if any(delta))
