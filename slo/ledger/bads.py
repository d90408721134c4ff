"""Bad units of each objective: which count for alerts, and what lost baskets are made of."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from slo.ledger.cells import CellChanges, alert_delta
from slo.ledger.contribution import Contribution
from slo.ledger.repeats import counted

_INSERT: Final = "INSERT OR REPLACE INTO bad VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE: Final = (
    "DELETE FROM bad WHERE objective_no = ? AND alert_key = ? AND at_us = ? AND unit_key = ?"
)
_SELECT: Final = (
    "SELECT objective_no, alert_key, at_us, unit_key, segment_id, currency, amount_minor,"
    " checkout_id, counted FROM bad WHERE objective_no = ? AND alert_key"
)
_IN_CHUNK: Final = 500

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
        stored = self._stored(db)
        for (no, alert_key), group in self._groups.items():
            before = stored.get((no, alert_key), {})
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

    def _stored(self, db: sqlite3.Connection) -> dict[tuple[int, str], dict[_Attempt, _Row]]:
        """Rows that the changes may touch: the keys'; without a key only those taken out."""
        keys: dict[int, list[str]] = {}
        rows: list[tuple[Any, ...]] = []
        for (no, alert_key), group in self._groups.items():
            if alert_key:
                keys.setdefault(no, []).append(alert_key)
                continue
            single = f"{_SELECT} = '' AND at_us = ? AND unit_key = ?"
            for attempt in group.removed:
                rows += db.execute(single, (no, *attempt))
        for no, wanted in keys.items():
            for begin in range(0, len(wanted), _IN_CHUNK):
                chunk = wanted[begin : begin + _IN_CHUNK]
                marks = ",".join("?" * len(chunk))
                rows += db.execute(f"{_SELECT} IN ({marks})", (no, *chunk))
        stored: dict[tuple[int, str], dict[_Attempt, _Row]] = {}
        for no, alert_key, *values in rows:
            row = _Row(*values)
            stored.setdefault((no, alert_key), {})[row.at_us, row.unit_key] = row
        return stored

    def _group(self, objective_no: int, bad: Contribution) -> _Group:
        return self._groups.setdefault((objective_no, bad.alert_key), _Group())


def _no_longer(
    before: dict[_Attempt, _Row], after: dict[_Attempt, _Row], chosen: set[_Attempt]
) -> list[_Row]:
    """Rows whose alert count must be taken back from where it lies."""
    return [
        row
        for attempt, row in before.items()
        if row.counted and (attempt not in chosen or after[attempt] is not row)
    ]
