"""Changes of cells in one transaction: added up in memory, then one upsert per touched cell."""

from __future__ import annotations

import sqlite3
from typing import Final

from kernel.clock import MINUTE_US
from slo.ledger.contribution import Contribution, Verdict
from slo.ledger.levels import FINE_US, LEVELS_US, floor_us

# good, bad, excluded, good_minor, bad_minor, alert_total, alert_bad, alert_keyless
Delta = tuple[int, int, int, int, int, int, int, int]
_Place = tuple[int, int, int, str]

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
    "INSERT INTO revision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
    + _ADD
)


def budget_delta(contribution: Contribution, sign: int) -> Delta:
    """What a unit adds (`sign` 1) or takes back (-1), alert counts of bad units apart."""
    minor = sign * contribution.amount_minor
    match contribution.verdict:
        case Verdict.GOOD:
            return (sign, 0, 0, minor, 0, sign, 0, 0)
        case Verdict.BAD:
            return (0, sign, 0, 0, minor, 0, 0, 0)
        case Verdict.EXCLUDED:
            return (0, 0, sign, 0, 0, 0, 0, 0)


def alert_delta(sign: int, *, keyless: bool) -> Delta:
    """What a bad attempt that counts for alerts adds or takes back."""
    return (0, 0, 0, 0, 0, sign, sign, sign if keyless else 0)


class CellChanges:
    """Sums of changes by 5 s slice, for one transaction."""

    def __init__(self) -> None:
        self._changes: dict[_Place, list[int]] = {}

    def add(
        self, objective_no: int, at_us: int, segment_id: int, currency: str, delta: Delta
    ) -> None:
        """Note a change at an event time."""
        place = (objective_no, floor_us(at_us, FINE_US), segment_id, currency)
        _add_to(self._changes, place, delta)

    def flush(self, db: sqlite3.Connection, known_us: int, fine_from_us: int) -> None:
        """Write all levels, and a revision for each change of a minute that was over already.

        `known_us`: receive time of what is applied. Slices before `fine_from_us` have no 5 s cell.
        """
        known_minute_us = floor_us(known_us, MINUTE_US)
        changes = {place: delta for place, delta in self._changes.items() if any(delta)}
        for level_us in LEVELS_US:
            if level_us != FINE_US:
                changes = _coarser(changes, level_us)
            db.executemany(
                _CELL,
                [
                    (no, level_us, slice_us, segment_id, currency, *delta)
                    for (no, slice_us, segment_id, currency), delta in changes.items()
                    if level_us != FINE_US or slice_us >= fine_from_us
                ],
            )
            if level_us == MINUTE_US:
                db.executemany(
                    _REVISION,
                    [
                        (no, slice_us, known_minute_us, segment_id, currency, *delta)
                        for (no, slice_us, segment_id, currency), delta in changes.items()
                        if slice_us < known_minute_us
                    ],
                )


def _coarser(changes: dict[_Place, list[int]], level_us: int) -> dict[_Place, list[int]]:
    result: dict[_Place, list[int]] = {}
    for (no, slice_us, segment_id, currency), delta in changes.items():
        _add_to(result, (no, floor_us(slice_us, level_us), segment_id, currency), delta)
    return result


def _add_to(changes: dict[_Place, list[int]], place: _Place, delta: list[int] | Delta) -> None:
    held = changes.get(place)
    if held is None:
        changes[place] = list(delta)
        return
    for index, value in enumerate(delta):
        if value:
            held[index] += value
