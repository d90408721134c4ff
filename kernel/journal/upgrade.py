"""A journal of an older version gets the columns that came later. Idempotent."""

from __future__ import annotations

import sqlite3

from kernel.sqlite import writing

# (table, column, declaration): constants, so that old rows are not rewritten.
_COLUMNS = (
    ("receipt", "sender", "TEXT NOT NULL DEFAULT ''"),
    ("receipt", "rejected_count", "INTEGER"),
    ("receipt", "known", "TEXT NOT NULL DEFAULT '[]'"),
)


def add_columns(db: sqlite3.Connection) -> None:
    """Bring the tables up to date; all of it or nothing."""
    missing = [one for one in _COLUMNS if one[1] not in {row[1] for row in _columns(db, one[0])}]
    if not missing:
        return
    with writing(db):
        for table, column, declaration in missing:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {declaration}")


def _columns(db: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    return db.execute(f"PRAGMA table_info({table})").fetchall()
