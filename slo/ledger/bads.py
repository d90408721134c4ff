"""Bad units of each objective: which count for alerts, and what lost baskets are made of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from slo.ledger.cells import CellChanges
from slo.ledger.repeats import REPEAT_US, counted

_INSERT: Final = "INSERT OR REPLACE INTO bad VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE: Final = (
    "DELETE FROM bad WHERE objective_no = ? AND alert_key = ? AND at_us = ? AND unit_key = ?"
)
_COLUMNS: Final = (
    "b.at_us, b.unit_key, b.segment_id, b.currency, b.amount_minor, b.checkout_id, b.counted"
)
_ONE: Final = (
    f"SELECT {_COLUMNS} FROM bad b WHERE b.objective_no = ? AND b.alert_key = ''"
    " AND b.at_us = ? AND b.unit_key = ?"
)
_IN_CHUNK: Final = 200

_Attempt = tuple[int, str]


class BadRow(NamedTuple):
    """A bad unit as one objective keeps it."""

    at_us: int
    unit_key: str
    segment_id: int
    currency: str
    amount_minor: int
    checkout_id: str
    counted: int = 0


@dataclass
class _Group:
    """Changes of one objective's bad attempts under one alert key."""

    removed: set[_Attempt] = field(default_factory=set)
    added: dict[_Attempt, BadRow] = field(default_factory=dict)

    @property
    def first_us(self) -> int:
        """Time of the earliest change: what counted before it still counts."""
        return min(at_us for at_us, _ in (*self.removed, *self.added))


@dataclass
class _Stored:
    """One key's rows from the earliest change on, and the last counted time before it."""

    rows: dict[_Attempt, BadRow] = field(default_factory=dict)
    last_us: int | None = None


class BadChanges:
    """Bad units that came and went in one transaction."""

    def __init__(self) -> None:
        self._groups: dict[tuple[int, str], _Group] = {}

    def add(self, objective_no: int, alert_key: str, bad: BadRow) -> None:
        """A unit is bad now."""
        group = self._groups.setdefault((objective_no, alert_key), _Group())
        group.added[bad.at_us, bad.unit_key] = bad

    def remove(self, objective_no: int, alert_key: str, at_us: int, unit_key: str) -> None:
        """A unit is no longer bad in this way. Comes before the `add` that replaces it."""
        group = self._groups.setdefault((objective_no, alert_key), _Group())
        group.removed.add((at_us, unit_key))

    def settle(self, db: sqlite3.Connection, cells: CellChanges, touched_hour: int) -> None:
        """Write the rows; move alert counts where repeats became first attempts or the reverse."""
        gone: list[tuple[int, str, int, str]] = []
        kept: list[tuple[object, ...]] = []
        stored = self._stored(db)
        for (no, alert_key), group in self._groups.items():
            held = stored.get((no, alert_key), _Stored())
            before = held.rows
            after = {a: row for a, row in before.items() if a not in group.removed} | group.added
            chosen = counted(after, held.last_us) if alert_key else set(after)
            for row in _no_longer(before, after, chosen):
                cells.alert(_place(no, row), -1, keyless=not alert_key)
            for attempt, row in after.items():
                was = before.get(attempt)
                counts = int(attempt in chosen)
                if counts and not (was is row and row.counted):
                    cells.alert(_place(no, row), 1, keyless=not alert_key)
                if was is not row or row.counted != counts:
                    kept.append((no, alert_key, *row[:6], counts, touched_hour))
            gone += [(no, alert_key, *attempt) for attempt in before.keys() - after.keys()]
        db.executemany(_DELETE, gone)
        db.executemany(_INSERT, kept)

    def _stored(self, db: sqlite3.Connection) -> dict[tuple[int, str], _Stored]:
        """What lies under the keys, never more than the changes can touch."""
        stored: dict[tuple[int, str], _Stored] = {}
        keyed: dict[int, dict[str, int]] = {}
        for (no, alert_key), group in self._groups.items():
            if alert_key:
                keyed.setdefault(no, {})[alert_key] = group.first_us
                continue
            held = stored.setdefault((no, ""), _Stored())
            for attempt in group.removed:
                for row in map(BadRow._make, db.execute(_ONE, (no, *attempt))):
                    held.rows[row.at_us, row.unit_key] = row
        for no, wanted in keyed.items():
            for alert_key, last_us, found in _read(db, no, wanted):
                held = stored.setdefault((no, alert_key), _Stored())
                held.last_us = last_us
                if found is not None:
                    held.rows[found.at_us, found.unit_key] = found
        return stored


def _read(
    db: sqlite3.Connection, no: int, wanted: Mapping[str, int]
) -> Iterator[tuple[str, int | None, BadRow | None]]:
    """Of each key the last counted time before, and each row from the time on (None: no row)."""
    pairs = list(wanted.items())
    for begin in range(0, len(pairs), _IN_CHUNK):
        chunk = pairs[begin : begin + _IN_CHUNK]
        values: list[Any] = [value for pair in chunk for value in pair]
        rows = db.execute(
            f"WITH w (alert_key, from_us) AS (VALUES {','.join(['(?, ?)'] * len(chunk))})"
            " SELECT w.alert_key, (SELECT max(c.at_us) FROM bad c WHERE c.objective_no = ?"
            " AND c.alert_key = w.alert_key AND c.counted = 1 AND c.at_us < w.from_us"
            f" AND c.at_us > w.from_us - {REPEAT_US}), {_COLUMNS}"
            " FROM w LEFT JOIN bad b ON b.objective_no = ? AND b.alert_key = w.alert_key"
            " AND b.at_us >= w.from_us",
            (*values, no, no),
        )
        for alert_key, last_us, *row in rows.fetchall():
            yield alert_key, last_us, None if row[0] is None else BadRow._make(row)


def _place(no: int, bad: BadRow) -> tuple[int, int, int, str]:
    return no, bad.at_us, bad.segment_id, bad.currency


def _no_longer(
    before: dict[_Attempt, BadRow], after: dict[_Attempt, BadRow], chosen: set[_Attempt]
) -> list[BadRow]:
    """Rows whose alert count must be taken back from where it lies."""
    return [
        row
        for attempt, row in before.items()
        if row.counted and (attempt not in chosen or after[attempt] is not row)
    ]
