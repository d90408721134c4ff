"""`tillwatch db upgrade|backup|restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app.backup import backup, restore
from app.stores import instance_lock, schema_versions, settings_for, upgrade
from kernel.clock import SystemClock
from kernel.database import Database
from kernel.terminal import AsJson, DataDir, Yes, emit


def build_db_cli() -> typer.Typer:
    """`tillwatch db ...`."""
    cli = typer.Typer(help="The stores: upgrade, back up, restore.", no_args_is_help=True)
    cli.command("upgrade")(_upgrade)
    cli.command("backup")(_backup)
    cli.command("restore")(_restore)
    return cli


def _upgrade(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Bring the control database to this program's version."""
    database = Database(settings_for(data_dir).control_url)
    try:
        upgrade(database)
        version, _ = schema_versions(database)
    finally:
        database.close()
    emit({"version": version}, as_json, lambda found: f"at version {found['version']}")


def _backup(
    target: Annotated[Path, typer.Argument(help="A new folder for the copy.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Copy ledger, control, journal, keys and checkpoints; the service may go on running."""
    manifest = backup(settings_for(data_dir).data_dir, target, SystemClock())
    emit(manifest, as_json, lambda found: f"{len(found['files'])} files copied to {target}")


def _restore(
    source: Annotated[Path, typer.Argument(help="A folder that `db backup` made.")],
    data_dir: DataDir = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup into the data folder. Refuses to overwrite without --yes."""
    folder = settings_for(data_dir).data_dir
    with instance_lock(folder):
        names = restore(source, folder, overwrite=yes)
    document: dict[str, Any] = {"restored": names, "data_dir": str(folder)}
    emit(document, as_json, lambda found: f"{len(found['restored'])} files restored to {folder}")
