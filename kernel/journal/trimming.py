"""What leaves the journal: old records, keys, receipts and tallies, a bounded number at a time."""

from __future__ import annotations

import sqlite3

from kernel.clock import DAY_US
from kernel.journal import letters, tally_store
from kernel.journal.admission import TRIM_TO_SHARE
from kernel.journal.seen import Seen

_KEEP_RECORDS_US = 7 * DAY_US
_KEEP_RECEIPTS_US = 8 * DAY_US
# Appends wait while rows are deleted, so one step of trimming is small.
_MAX_TRIMMED = 2_000


def trim(
    db: sqlite3.Connection, seen: Seen, now_us: int, before_position: int, max_bytes: int
) -> int:
    """Delete what is past its time or exceeds the quota; returns how many rows went."""
    gone = seen.trim(db, now_us, _MAX_TRIMMED)
    gone += db.execute(
        "DELETE FROM receipt WHERE id IN (SELECT id FROM receipt WHERE received_us < ? LIMIT ?)",
        (now_us - _KEEP_RECEIPTS_US, _MAX_TRIMMED),
    ).rowcount
    # Receive times never fall as positions grow: the oldest records come first.
    gone += db.execute(
        "DELETE FROM record WHERE received_us < ? AND position IN"
        " (SELECT position FROM record WHERE position < ? ORDER BY position LIMIT ?)",
        (now_us - _KEEP_RECORDS_US, before_position, _MAX_TRIMMED),
    ).rowcount
    gone += tally_store.trim(db, now_us, _MAX_TRIMMED)
    gone += letters.trim(db, now_us, _MAX_TRIMMED)
    return gone + _trim_to_size(db, before_position, max_bytes)


def _trim_to_size(db: sqlite3.Connection, before_position: int, max_bytes: int) -> int:
    """Give up oldest records until the rows fill the quota no further than is healthy."""
    over = rows_bytes(db) - max_bytes * TRIM_TO_SHARE
    last = 0
    for position, length in db.execute(
        "SELECT position, length(body) FROM record WHERE position < ? ORDER BY position LIMIT ?",
        (before_position, _MAX_TRIMMED),
    ):
        if over <= 0:
            break
        last, over = position, over - length
    return db.execute("DELETE FROM record WHERE position <= ?", (last,)).rowcount


def rows_bytes(db: sqlite3.Connection) -> int:
    """What the rows take, without the free pages."""
    size, pages, free = (
        int(db.execute(f"PRAGMA {one}").fetchone()[0])
        for one in ("page_size", "page_count", "freelist_count")
    )
    return (pages - free) * size
