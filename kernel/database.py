"""The control database: SQLModel rows, one unit of work per request or job step.

`unit_of_work()` is the only place that commits. Table classes are rows, never request bodies
(SQLModel does not validate `table=True` classes).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Engine, Integer, create_engine, event
from sqlalchemy.engine import make_url
from sqlmodel import Session, SQLModel

from kernel.sqlite import BUSY_TIMEOUT_MS

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

# int64 that stays a rowid alias on SQLite: use as sa_type for times, counts and positions.
BigInt = BigInteger().with_variant(Integer(), "sqlite")


class Database:
    """The control database behind a SQLAlchemy address (`sqlite:///path`)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._is_sqlite = make_url(url).get_backend_name() == "sqlite"
        if self._is_sqlite and (path := make_url(url).database):
            Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._writer = self._engine(immediate=True)
        self._reader = self._engine(immediate=False)

    @property
    def engine(self) -> Engine:
        """The writing engine, for migrations only."""
        return self._writer

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """One write transaction (BEGIN IMMEDIATE on SQLite): all or nothing.

        No network call may happen inside: intent, commit, call, result, commit.
        """
        with Session(self._writer, expire_on_commit=False) as session:
            try:
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                raise

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent read; writes are refused by the database."""
        with Session(self._reader, expire_on_commit=False, autoflush=False) as session:
            try:
                yield session
            finally:
                # A rollback expires what the session still holds: rows outlive the read.
                session.expunge_all()
                session.rollback()

    def create_all(self) -> None:
        """Make all known tables (tests; a served database is made by the migrations)."""
        SQLModel.metadata.create_all(self._writer)

    def close(self) -> None:
        """Give back all connections."""
        self._writer.dispose()
        self._reader.dispose()

    def _engine(self, *, immediate: bool) -> Engine:
        if not self._is_sqlite:
            options = {} if immediate else {"postgresql_readonly": True}
            return create_engine(
                self.url, pool_pre_ping=True, execution_options=options, hide_parameters=True
            )
        # Errors are logged: the values of a statement (hashes, reasons of people) stay out of them.
        engine = create_engine(
            self.url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, hide_parameters=True
        )

        def on_connect(connection: Any, _record: Any) -> None:
            connection.isolation_level = None
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            if not immediate:
                connection.execute("PRAGMA query_only = ON")

        def on_begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

        event.listen(engine, "connect", on_connect)
        event.listen(engine, "begin", on_begin)
        return engine
