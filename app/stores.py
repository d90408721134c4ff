"""Where the stores of an installation are, opened for a process or a command."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from sqlalchemy import inspect, text

from kernel.database import Database
from kernel.errors import Conflict, NotConfigured
from kernel.settings import KernelSettings

# The newest revision in migrations/versions; a test keeps the two together.
SCHEMA_VERSION = "20261201_11"


def settings_for(data_dir: Path | None) -> KernelSettings:
    """The settings, with the folder of the option where one was given."""
    return KernelSettings(data_dir=data_dir) if data_dir else KernelSettings()


def open_control(settings: KernelSettings) -> Database:
    """The control database, which must exist and be up to date."""
    if not settings.database_url and not (settings.data_dir / "control.db").exists():
        raise NotConfigured(
            f"there is no control database in {settings.data_dir}",
            hint="start `tillwatch serve` once, or run `tillwatch db upgrade`; --data-dir names it",
        )
    database = Database(settings.control_url)
    have, want = schema_versions(database)
    if have != want:
        database.close()
        raise NotConfigured(
            f"the control database is at version {have or 'none'}, this program needs {want}",
            hint="run `tillwatch db upgrade`",
        )
    return database


def upgrade(database: Database) -> None:
    """Bring the control database to this program's version. Runs that are not needed do nothing."""
    # Alembic is large and needed once: neither door nor engine shall hold it in memory.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _migrations_folder().replace("%", "%%"))
    config.attributes["engine"] = database.engine
    command.upgrade(config, "head")


def schema_versions(database: Database) -> tuple[str | None, str | None]:
    """(the database's version, this program's version)."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None, SCHEMA_VERSION
        have = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return have, SCHEMA_VERSION


@contextmanager
def instance_lock(data_dir: Path) -> Iterator[None]:
    """At most one service per data folder: its journal has one writer. Conflict where one runs.

    Raises NotConfigured where the folder cannot be written.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (data_dir / "serve.lock").open("a+")
    except OSError as error:
        raise NotConfigured(
            f"the data folder {data_dir} cannot be written: {error.strerror}",
            hint="give this user the right to write there, or choose another --data-dir",
        ) from None
    with file:
        _lock(file, data_dir)
        yield


def _lock(file: IO[str], data_dir: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        raise Conflict(
            f"a service (process {file.read().strip() or 'unknown'}) already uses {data_dir}",
            hint="stop it first, or choose another --data-dir",
        ) from None
    with contextlib.suppress(OSError):
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()


def _migrations_folder() -> str:
    spec = find_spec("migrations")
    folder = next(iter(spec.submodule_search_locations or []), None) if spec else None
    if folder is None:
        raise NotConfigured("the package `migrations` is not installed", hint="install anew")
    return folder
