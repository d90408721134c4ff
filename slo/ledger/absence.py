"""Objectives that were away: taken out of the files, or changed and changed back.

While one is away nothing is counted for it. If anything was counted for the others meanwhile, its
sums have a hole, and a later message of a unit from that hole would take back what was never
added. It is then dropped and counted anew from the journal, like an objective nobody knew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from typing import Final

_OWN: Final = ("cell", "revision", "bad")


def settle_absences(
    db: sqlite3.Connection, wanted: Collection[tuple[str, str]], cursors: Mapping[str, int]
) -> None:
    """At the start, in the caller's transaction. `wanted`: (id, generation) in force now.

    Notes for each other objective where the streams stood when it left, and drops those that come
    back when the streams have moved on.
    """
    for no, name, generation in db.execute("SELECT no, id, generation FROM objective").fetchall():
        now = {f"away:{no}:{stream}": position for stream, position in cursors.items()}
        if (name, generation) not in wanted:
            db.executemany("INSERT OR IGNORE INTO mark VALUES (?, ?)", now.items())
            continue
        left = dict(db.execute("SELECT name, value FROM mark WHERE name GLOB ?", (f"away:{no}:*",)))
        if left and left != now:
            _drop(db, no)
        db.execute("DELETE FROM mark WHERE name GLOB ?", (f"away:{no}:*",))


def mark_idle_pulses(
    db: sqlite3.Connection, counted: Collection[str], configured: Collection[str]
) -> None:
    """Mark the groups of attempts that no objective watches: theirs are not counted meanwhile.

    The mark stays until one of the group's objectives is counted again, by which time the rebuild
    has filled the hole. Both are keys of `pulse_group`; in the caller's transaction.
    """
    for no, key in db.execute("SELECT no, key FROM pulse_group").fetchall():
        if key in counted:
            db.execute("DELETE FROM mark WHERE name = ?", (f"idle:{no}",))
        elif key not in configured:
            db.execute("INSERT OR IGNORE INTO mark VALUES (?, 1)", (f"idle:{no}",))


def _drop(db: sqlite3.Connection, no: int) -> None:
    for table in _OWN:
        db.execute(f"DELETE FROM {table} WHERE objective_no = ?", (no,))
    db.execute("DELETE FROM objective WHERE no = ?", (no,))
