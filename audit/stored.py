"""What the verifier reads: raw rows of one snapshot, without any type conversion."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from audit.models import CHECKPOINT, HEAD, INDEX, LEAF, NODE, OUTBOX, PAYLOAD
from kernel.database import Database
from kernel.sqlite import open_reader, snapshot

Rows = Callable[[str], Iterator[tuple[Any, ...]]]
_TABLES = (LEAF, PAYLOAD, CHECKPOINT, HEAD, NODE, INDEX, OUTBOX)


@dataclass(frozen=True)
class Stored:
    """`rows(sql)` runs a query; `faults`: what the database's own check of the tables says."""

    rows: Rows
    faults: list[str]


@contextmanager
def reading(source: Database | Path) -> Iterator[Stored]:
    """One consistent read of a database or of an SQLite file. Raises the driver's errors."""
    path = source if isinstance(source, Path) else _sqlite_path(source)
    if path is not None:
        db = open_reader(path)
        # Text that is no UTF-8 must show up as a wrong value, not end the verification.
        db.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")
        try:
            with snapshot(db):
                yield Stored(db.execute, _sqlite_faults(db))
        finally:
            db.close()
    elif isinstance(source, Database):
        with source.reading() as session:
            connection = session.connection()
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield Stored(
                lambda sql: (tuple(row) for row in connection.exec_driver_sql(sql)), faults=[]
            )


def _sqlite_path(database: Database) -> Path | None:
    url = make_url(database.url)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def _sqlite_faults(db: sqlite3.Connection) -> list[str]:
    """A search index that was bent shows other rows than the table it belongs to."""
    faults = []
    for table in _TABLES:
        (answer,) = db.execute(f"PRAGMA integrity_check('{table.name}')").fetchone()
        if answer != "ok":
            faults.append(f"{table.name}: {answer}")
    return faults
