"""How long the ledger keeps what: small deletions beside each batch, never one large sweep."""

from __future__ import annotations

import sqlite3
from typing import Final

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from slo.ledger.late import trim_late
from slo.ledger.levels import FINE_US, LEVELS_US, floor_us
from slo.ledger.pulse import PULSE_US, QUARTER_US

UNITS_US: Final = 7 * DAY_US
CELLS_US: Final = 400 * DAY_US
REVISIONS_US: Final = 35 * DAY_US
_VOLUME_US: Final = 8 * DAY_US
# More than one batch can make, so that the backlog always shrinks.
_ROWS_A_BATCH: Final = 4_000
_COUNTS: Final = (
    "good",
    "bad",
    "excluded",
    "good_minor",
    "bad_minor",
    "alert_total",
    "alert_bad",
    "alert_keyless",
)
_BY_DAY: Final = (
    f"INSERT INTO revision SELECT objective_no, {DAY_US}, slice_us - slice_us % {DAY_US},"
    f" known_us - known_us % {DAY_US}, segment_id, currency,"
    f" {', '.join(f'sum({name})' for name in _COUNTS)} FROM revision"
    f" WHERE objective_no = ? AND level_us = {MINUTE_US} AND known_us < ? GROUP BY 1, 3, 4, 5, 6"
    " ON CONFLICT DO UPDATE SET "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in _COUNTS)
)


def trim_units(db: sqlite3.Connection, received_us: int) -> None:
    """One batch's share of the units and bad rows that were not heard of for 7 days.

    Units lie in the order in which they were last touched, so the oldest are the first.
    """
    oldest_hour = (received_us - UNITS_US) // HOUR_US
    first = db.execute("SELECT rowid, touched_hour FROM unit ORDER BY rowid LIMIT 1").fetchone()
    if first is not None and first[1] < oldest_hour:
        db.execute(
            "DELETE FROM unit WHERE rowid IN (SELECT rowid FROM unit ORDER BY rowid LIMIT ?)"
            " AND touched_hour < ?",
            (_ROWS_A_BATCH, oldest_hour),
        )
    db.execute(
        "DELETE FROM bad WHERE (objective_no, alert_key, at_us, unit_key) IN (SELECT"
        " objective_no, alert_key, at_us, unit_key FROM bad WHERE touched_hour < ? LIMIT ?)",
        (oldest_hour, _ROWS_A_BATCH),
    )


def trim_cells(db: sqlite3.Connection, fine_from_us: int, received_us: int) -> None:
    """Every quarter of an hour: cells, revisions, pulses, presence and volumes past their time.

    Revisions older than 35 days are kept by day, of the slice and of when it was known.
    """
    oldest_us = max(0, received_us - CELLS_US)
    revisions_from = max(0, floor_us(received_us - REVISIONS_US, DAY_US))
    for (no,) in db.execute("SELECT no FROM objective").fetchall():
        for level_us in LEVELS_US:
            kept_us = fine_from_us if level_us == FINE_US else floor_us(oldest_us, DAY_US)
            db.execute(
                "DELETE FROM cell WHERE objective_no = ? AND level_us = ? AND slice_us < ?",
                (no, level_us, kept_us),
            )
        _trim_revisions(db, no, revisions_from, floor_us(oldest_us, DAY_US))
    for (no,) in db.execute("SELECT no FROM pulse_group").fetchall():
        for level_us, kept_us in ((PULSE_US, fine_from_us), (QUARTER_US, oldest_us)):
            db.execute(
                "DELETE FROM pulse WHERE group_no = ? AND level_us = ? AND slice_us < ?",
                (no, level_us, kept_us),
            )
    for (source,) in db.execute("SELECT source FROM heard").fetchall():
        db.execute("DELETE FROM presence WHERE source = ? AND minute_us < ?", (source, oldest_us))
    trim_late(db, oldest_us)
    db.execute("DELETE FROM volume WHERE hour_us < ?", (received_us - _VOLUME_US,))
    db.execute("INSERT OR REPLACE INTO mark VALUES ('revisions_from_us', ?)", (revisions_from,))


def _trim_revisions(db: sqlite3.Connection, no: int, by_minute_from: int, oldest_us: int) -> None:
    known = db.execute("SELECT value FROM mark WHERE name = 'revisions_from_us'").fetchone()
    if known is not None and known[0] == by_minute_from:
        return
    db.execute(_BY_DAY, (no, by_minute_from))
    db.execute(
        "DELETE FROM revision WHERE objective_no = ? AND level_us = ? AND known_us < ?",
        (no, MINUTE_US, by_minute_from),
    )
    db.execute(
        "DELETE FROM revision WHERE objective_no = ? AND level_us = ? AND slice_us < ?",
        (no, DAY_US, oldest_us),
    )
