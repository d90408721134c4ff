"""Bad units of each objective: which count for alerts, and what lost baskets are made of."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from slo.ledger.cells import CellChanges, alert_delta
from slo.ledger.contribution import Contribution
from slo.ledger.repeats import counted

_INSERT: Final = "INSERT OR REPLACE INTO bad VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE: Final = (
    "DELETE FROM bad WHERE objective_no = ? AND alert_key = ? AND at_us = ? AND unit_key = ?"
)
_SELECT: Final = (
    "SELECT at_us, unit_key, segment_id, currency, amount_minor, checkout_id, counted FROM bad"
    " WHERE objective_no = ? AND alert_key = ?"
)

_Attempt = tuple[int, str]


class _Row(NamedTuple):
    at_us: int
    unit_key: str
    segment_id: int
    currency: str
    amount_minor: int
    checkout_id: str
    counted: int


@dataclass
class _Group:
    """Changes of one objective's bad attempts under one alert key."""

    removed: set[_Attempt] = field(default_factory=set)
    added: dict[_Attempt, _Row] = field(default_factory=dict)


class BadChanges:
    """Bad units that came and went in one transaction."""

    def __init__(self) -> None:
        self._groups: dict[tuple[int, str], _Group] = {}

    def add(self, objective_no: int, unit_key: str, segment_id: int, bad: Contribution) -> None:
        """A unit is bad now."""
        group = self._group(objective_no, bad)
        group.added[bad.at_us, unit_key] = _Row(
            bad.at_us, unit_key, segment_id, bad.currency, bad.amount_minor, bad.checkout_id, 0
        )

    def remove(self, objective_no: int, unit_key: str, bad: Contribution) -> None:
        """A unit is no longer bad in this way. Comes before the `add` that replaces it."""
        self._group(objective_no, bad).removed.add((bad.at_us, unit_key))

    def settle(self, db: sqlite3.Connection, cells: CellChanges, touched_hour: int) -> None:
        """Write the rows; move alert counts where repeats became first attempts or the reverse."""
        gone: list[tuple[int, str, int, str]] = []
        kept: list[tuple[object, ...]] = []
        for (no, alert_key), group in self._groups.items():
            before = _before(db, no, alert_key, group)
            after = {a: row for a, row in before.items() if a not in group.removed} | group.added
            chosen = counted(after) if alert_key else set(after)
            for row in _no_longer(before, after, chosen):
                delta = alert_delta(-1, keyless=not alert_key)
                cells.add(no, row.at_us, row.segment_id, row.currency, delta)
            for attempt, row in after.items():
                held = before.get(attempt)
                counts = int(attempt in chosen)
                if counts and not (held is row and row.counted):
                    delta = alert_delta(1, keyless=not alert_key)
                    cells.add(no, row.at_us, row.segment_id, row.currency, delta)
                if held is not row or row.counted != counts:
                    kept.append((no, alert_key, *row[:6], counts, touched_hour))
            gone += [(no, alert_key, *attempt) for attempt in before.keys() - after.keys()]
        db.executemany(_DELETE, gone)
        db.executemany(_INSERT, kept)

    def _group(self, objective_no: int, bad: Contribution) -> _Group:
        return self._groups.setdefault((objective_no, bad.alert_key), _Group())


def _before(
    db: sqlite3.Connection, objective_no: int, alert_key: str, group: _Group
) -> dict[_Attempt, _Row]:
    """Stored rows that the change may touch: the key's; without a key only those taken out."""
    if alert_key:
        rows = db.execute(_SELECT, (objective_no, alert_key)).fetchall()
    else:
        single = f"{_SELECT} AND at_us = ? AND unit_key = ?"
        found = (db.execute(single, (objective_no, "", *one)).fetchone() for one in group.removed)
        rows = [row for row in found if row is not None]
    return {(row[0], row[1]): _Row(*row) for row in rows}


def _no_longer(
    before: dict[_Attempt, _Row], after: dict[_Attempt, _Row], chosen: set[_Attempt]
) -> list[_Row]:
    """Rows whose alert count must be taken back from where it lies."""
    return [
        row
        for attempt, row in before.items()
        if row.counted and (attempt not in chosen or after[attempt] is not row)
    ]
