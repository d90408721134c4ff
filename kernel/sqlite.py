"""How every SQLite file of ours is opened: WAL, synchronous=FULL, a busy timeout, checked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_TIMEOUT_MS = 10_000


def open_writer(path: Path, schema: str, *, synchronous: str = "FULL") -> sqlite3.Connection:
    """Open (and make) the file for writing. `schema` is idempotent DDL.

    The connection is in autocommit mode: transactions are written out (`with writing(db)`).
    It may be handed from one thread to another, but used by one at a time.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {synchronous}")
    db.execute("PRAGMA foreign_keys = ON")
    db.executescript(schema)
    return db


def open_reader(path: Path) -> sqlite3.Connection:
    """Open an existing file for reading only (sqlite3.OperationalError where it is absent)."""
    db = sqlite3.connect(
        f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    db.execute("PRAGMA query_only = ON")
    return db


def copy_file(source: Path, target: Path) -> None:
    """A consistent copy of a file that others may be writing to; they go on meanwhile (WAL).

    In one step: a copy in several begins anew with each commit of somebody else.
    """
    reader = sqlite3.connect(f"file:{source}?mode=ro", uri=True)
    writer = sqlite3.connect(target)
    try:
        reader.backup(writer)
    finally:
        writer.close()
        reader.close()


@contextmanager
def writing(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One write transaction: BEGIN IMMEDIATE, then COMMIT or ROLLBACK."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One read transaction: all statements inside see the same state."""
    db.execute("BEGIN")
    try:
        yield db
    finally:
        db.execute("ROLLBACK" if db.in_transaction else "SELECT 1")
