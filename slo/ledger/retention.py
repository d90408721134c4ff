"""How long the ledger keeps what: small deletions beside each batch, never one large sweep."""

from __future__ import annotations

import sqlite3
from typing import Final

from kernel.clock import DAY_US, HOUR_US
from slo.ledger.levels import FINE_US, fine_from_us, floor_us

UNITS_US: Final = 7 * DAY_US
_REVISIONS_US: Final = 35 * DAY_US
_PRESENCE_US: Final = 400 * DAY_US
_VOLUME_US: Final = 8 * DAY_US
# More than one batch can make, so that the backlog always shrinks.
_ROWS_A_BATCH: Final = 4_000


class Retention:
    """Deletes what is past its time, seen from the newest receive time."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._fine_from: int | None = None

    def step(self, received_us: int) -> int:
        """One batch's share of the work; gives the time from which 5 s slices are kept."""
        known = self._known()
        fine_from = max(known, fine_from_us(received_us))
        self._trim_units(received_us)
        if fine_from > known:
            self._trim_cells(fine_from, received_us)
        self._fine_from = fine_from
        return fine_from

    def forget(self) -> None:
        """After a rollback."""
        self._fine_from = None

    def _known(self) -> int:
        if self._fine_from is None:
            query = "SELECT value FROM mark WHERE name = 'fine_from_us'"
            row = self._db.execute(query).fetchone()
            self._fine_from = row[0] if row else 0
        return self._fine_from

    def _trim_units(self, received_us: int) -> None:
        oldest_hour = (received_us - UNITS_US) // HOUR_US
        self._db.execute(
            "DELETE FROM unit WHERE (kind, key) IN"
            " (SELECT kind, key FROM unit WHERE touched_hour < ? LIMIT ?)",
            (oldest_hour, _ROWS_A_BATCH),
        )
        self._db.execute(
            "DELETE FROM bad WHERE (objective_no, alert_key, at_us, unit_key) IN (SELECT"
            " objective_no, alert_key, at_us, unit_key FROM bad WHERE touched_hour < ? LIMIT ?)",
            (oldest_hour, _ROWS_A_BATCH),
        )

    def _trim_cells(self, fine_from: int, received_us: int) -> None:
        """Every quarter of an hour: 5 s cells, revisions, presence and volumes."""
        revisions_from = max(0, floor_us(received_us - _REVISIONS_US, HOUR_US))
        objectives = self._db.execute("SELECT no FROM objective").fetchall()
        for (no,) in objectives:
            self._db.execute(
                "DELETE FROM cell WHERE objective_no = ? AND level_us = ? AND slice_us < ?",
                (no, FINE_US, fine_from),
            )
            self._db.execute(
                "DELETE FROM revision WHERE objective_no = ? AND slice_us < ? AND known_us < ?",
                (no, revisions_from, revisions_from),
            )
        for (source,) in self._db.execute("SELECT source FROM heard").fetchall():
            self._db.execute(
                "DELETE FROM presence WHERE source = ? AND minute_us < ?",
                (source, received_us - _PRESENCE_US),
            )
        self._db.execute("DELETE FROM volume WHERE hour_us < ?", (received_us - _VOLUME_US,))
        marks = (("fine_from_us", fine_from), ("revisions_from_us", revisions_from))
        self._db.executemany("INSERT OR REPLACE INTO mark VALUES (?, ?)", marks)
