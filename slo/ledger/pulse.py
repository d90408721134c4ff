"""The pulse: attempts begun, by source and slice, for the objectives that they may matter to.

A unit is begun at the time of its first message, whatever becomes of it: a hanging provider makes
no silence, a dead shop does. Objectives that watch the same part of the same kind of unit share a
group, so that an attempt costs one row.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from kernel.clock import MINUTE_US, SECOND_US
from kernel.shop_event import ShopEvent
from slo.ledger.levels import Marks, floor_us
from slo.ledger.rulebook import Reading
from slo.objective import Objective, Selector, UnitKind

PULSE_US: Final = 5 * SECOND_US
QUARTER_US: Final = 15 * MINUTE_US
_ADD: Final = (
    "INSERT INTO pulse VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " begun = begun + excluded.begun"
)
_MAX_KEYS: Final = 20_000


class Beat(msgspec.Struct, frozen=True, gc=False):
    """Where one unit beats: the groups it belongs to, its source, and when it was begun."""

    groups: tuple[int, ...]
    source: str
    at_us: int


def group_key(objective: Objective) -> str:
    """What tells the units of one group: their kind, and the part of the traffic."""
    indicator = objective.indicator
    where = {name: sorted(values) for name, values in sorted(indicator.total.where.items())}
    types = sorted(indicator.total.events) if indicator.unit_kind is UnitKind.ITEM else []
    return json.dumps([indicator.unit_kind.value, where, types], ensure_ascii=False)


class PulseBook:
    """The groups of the objectives that are counted, and which of them a unit belongs to."""

    def __init__(self, db: sqlite3.Connection, objectives: Iterable[Objective]) -> None:
        """Numbers groups that are new; call it inside of a transaction."""
        self._rules: dict[UnitKind, list[tuple[int, Selector]]] = {}
        seen: set[str] = set()
        for one in objectives:
            key = group_key(one)
            if key in seen:
                continue
            seen.add(key)
            db.execute("INSERT OR IGNORE INTO pulse_group (key) VALUES (?)", (key,))
            row = db.execute("SELECT no FROM pulse_group WHERE key = ?", (key,)).fetchone()
            indicator = one.indicator
            self._rules.setdefault(indicator.unit_kind, []).append((row[0], indicator.total))
        self._readings = {kind: Reading(_names(kind, rules)) for kind, rules in self._rules.items()}
        self._groups: dict[UnitKind, dict[Any, tuple[int, ...]]] = {
            kind: {} for kind in self._rules
        }

    def groups(self, kind: UnitKind, merged: ShopEvent) -> tuple[int, ...]:
        """Numbers of the groups that the unit belongs to, finished or not."""
        reading = self._readings.get(kind)
        if reading is None:
            return ()
        groups, key = self._groups[kind], reading.key(merged)
        found = groups.get(key)
        if found is None:
            if len(groups) >= _MAX_KEYS:
                groups.clear()
            found = tuple(no for no, total in self._rules[kind] if _belongs(kind, total, merged))
            groups[key] = found
        return found


class PulseChanges:
    """Attempts begun, and no longer begun there, in one transaction."""

    def __init__(self) -> None:
        self._begun: dict[tuple[tuple[int, ...], str, int], int] = {}

    def begin(self, beat: Beat) -> None:
        """A unit is begun that nobody has heard of before."""
        place = beat.groups, beat.source, beat.at_us - beat.at_us % PULSE_US
        self._begun[place] = self._begun.get(place, 0) + 1

    def move(self, was: Beat | None, beat: Beat | None) -> None:
        """A unit is begun at `beat`, and was believed to be begun at `was` (None: nowhere)."""
        for one, sign in ((was, -1), (beat, 1)):
            if one is not None:
                place = one.groups, one.source, one.at_us - one.at_us % PULSE_US
                self._begun[place] = self._begun.get(place, 0) + sign

    def flush(self, db: sqlite3.Connection, marks: Marks, quarters_to_us: int) -> None:
        """Write 5 s slices where they are kept, and quarters of an hour that were over already."""
        rows: dict[tuple[int, str, int, int], int] = {}
        for (groups, source, slice_us), begun in self._begun.items():
            for no in groups if begun else ():
                if slice_us >= marks.fine_from_us:
                    place = no, source, PULSE_US, slice_us
                    rows[place] = rows.get(place, 0) + begun
                if slice_us < quarters_to_us:
                    place = no, source, QUARTER_US, floor_us(slice_us, QUARTER_US)
                    rows[place] = rows.get(place, 0) + begun
        db.executemany(_ADD, [(*place, begun) for place, begun in rows.items() if begun])


def add_up(db: sqlite3.Connection, from_us: int, to_us: int) -> None:
    """Quarters of an hour in [from, to) become rows of their own."""
    db.execute(
        "INSERT INTO pulse SELECT p.group_no, p.source, :quarter,"
        " p.slice_us - p.slice_us % :quarter, sum(p.begun) FROM pulse_group g CROSS JOIN pulse p"
        " WHERE p.group_no = g.no AND p.level_us = :fine"
        " AND p.slice_us >= :low AND p.slice_us < :high GROUP BY 1, 2, 4",
        {"quarter": QUARTER_US, "fine": PULSE_US, "low": from_us, "high": to_us},
    )


def begun_at(events: Sequence[ShopEvent]) -> tuple[str, int]:
    """Source and time of a unit's first message."""
    if len(events) == 1:
        return events[0].source, events[0].time_us
    if len(events) == 2 and events[0].time_us != events[1].time_us:
        first = events[0] if events[0].time_us < events[1].time_us else events[1]
    else:
        first = min(events, key=lambda event: (event.time_us, event.source, event.id))
    return first.source, first.time_us


def _belongs(kind: UnitKind, total: Selector, merged: ShopEvent) -> bool:
    return total.keeps(merged) if kind is UnitKind.ITEM else total.fits(merged)


def _names(kind: UnitKind, rules: Iterable[tuple[int, Selector]]) -> set[str]:
    names = {name for _, total in rules for name in total.where}
    return names | {"type"} if kind is UnitKind.ITEM else names
