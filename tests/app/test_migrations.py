"""The schema's history and the table classes say the same."""

from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.stores import SCHEMA_VERSION, schema_versions, upgrade
from app.tables import METADATA
from kernel.database import Database


def test_the_program_wants_the_one_head_of_the_history() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[2] / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_VERSION]


def test_an_upgraded_database_has_exactly_the_tables_of_the_code(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'control.db'}")
    assert schema_versions(database) == (None, SCHEMA_VERSION)
    upgrade(database)
    assert schema_versions(database) == (SCHEMA_VERSION, SCHEMA_VERSION)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": _is_ours})
        differences = compare_metadata(context, METADATA)
    database.close()
    assert differences == []


def _is_ours(_object: object, name: str | None, *_: object) -> bool:
    """Tests of the kernel map tables of their own into the same metadata."""
    return not (name or "").startswith("test_")
