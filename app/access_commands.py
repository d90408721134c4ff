"""Opens the control database for the `token` and `person` commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from access.cli import build_cli, build_person_cli
from access.service import AccessService
from access.settings import AccessSettings
from app.stores import open_control, settings_for
from audit.log import AuditLog
from audit.settings import AuditSettings
from kernel.clock import SystemClock


def build_token_cli() -> typer.Typer:
    """`tillwatch token ...`."""
    return build_cli(open_access)


def build_person_commands() -> typer.Typer:
    """`tillwatch person ...`."""
    return build_person_cli(open_access)


@contextmanager
def open_access(data_dir: Path | None) -> Iterator[AccessService]:
    """The access service on the stores of this folder."""
    settings = settings_for(data_dir)
    clock = SystemClock()
    database = open_control(settings)
    try:
        audit_log = AuditLog(database, clock, AuditSettings(data_dir=settings.data_dir))
        yield AccessService(database, audit_log, clock, AccessSettings())
    finally:
        database.close()
