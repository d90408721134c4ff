"""Token and database commands on a real installation's folder."""

from __future__ import annotations

import json

import pytest

from app.access_commands import open_access
from app.cli import run
from app.stores import instance_lock, schema_versions, settings_for
from kernel.database import Database
from kernel.errors import NotAuthenticated


@pytest.fixture
def data_dir(tmp_path, capsys):
    folder = tmp_path / "data"
    assert run(["db", "upgrade", "--data-dir", str(folder)]) == 0
    capsys.readouterr()
    return folder


def call(capsys, *arguments: str):
    code = run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_an_upgrade_brings_every_table_and_a_second_one_changes_nothing(data_dir, capsys):
    from sqlalchemy import inspect
    from sqlmodel import SQLModel

    import app.tables  # noqa: F401 - all models

    assert run(["db", "upgrade", "--data-dir", str(data_dir)]) == 0
    database = Database(settings_for(data_dir).control_url)
    have, want = schema_versions(database)
    assert have == want is not None
    tables = set(inspect(database.engine).get_table_names())
    known = {name for name in SQLModel.metadata.tables if not name.startswith("test_")}
    assert known <= tables
    database.close()


def test_a_new_data_folder_is_for_its_owner_alone(data_dir, tmp_path):
    """It holds reasons of people, prompts and hashes; the files in it need no care of their own."""
    with instance_lock(tmp_path / "another"):
        pass
    for folder in (data_dir, tmp_path / "another"):
        assert folder.stat().st_mode & 0o077 == 0


def test_a_person_is_linked_to_their_slack_user(data_dir, capsys):
    where = ("--data-dir", str(data_dir))
    link = ("person", "link-slack", "--team", "T1", "--user", "U1", *where)
    call(capsys, "token", "create", "--person", "ada", "--role", "approver", *where)
    call(capsys, "token", "create", "--person", "bob", "--role", "approver", *where)
    code, linked = call(capsys, *link, "--person", "ada")
    assert (code, linked) == (0, {"person": "ada", "team": "T1", "user": "U1"})
    with open_access(data_dir) as access:
        found = access.person_by_slack("T1", "U1")
        assert found is not None
        assert found.name == "ada"
        assert access.person_by_slack("T2", "U1") is None
    code, refused = call(capsys, *link, "--person", "bob")
    assert (code, refused["code"]) == (1, "conflict")
    code, refused = call(capsys, *link, "--person", "nobody")
    assert "nobody" in refused["message"]
    assert code != 0


def test_a_token_is_made_used_listed_and_revoked(data_dir, capsys):
    where = ("--data-dir", str(data_dir))
    _, made = call(
        capsys, "token", "create", "--person", "am", "--machine", "--role", "ingest", *where
    )
    with open_access(data_dir) as access:
        assert access.authenticate_bearer(made["token"]).name == "am"
    _, listed = call(capsys, "token", "list", *where)
    (row,) = listed["tokens"]
    assert (row["person"], row["kind"], row["revoked"]) == ("am", "machine", None)
    assert made["token"] not in json.dumps(listed)
    assert run(["token", "revoke", row["id"], *where]) == 0
    capsys.readouterr()
    with open_access(data_dir) as access, pytest.raises(NotAuthenticated):
        access.authenticate_bearer(made["token"])
    code, refused = call(capsys, "token", "revoke", row["id"], *where)
    assert (code, refused["code"]) == (1, "conflict")


def test_roles_of_somebody_known_are_not_changed_by_a_new_token(data_dir, capsys):
    create = ("token", "create", "--data-dir", str(data_dir), "--person", "ada")
    assert call(capsys, *create)[0] == 2
    assert call(capsys, *create, "--role", "viewer")[0] == 0
    assert call(capsys, *create, "--role", "viewer")[0] == 0
    assert call(capsys, *create)[0] == 0
    assert call(capsys, *create, "--role", "approver")[0] == 1


def test_a_backup_goes_and_comes_back_by_command(data_dir, tmp_path, capsys):
    where = ("--data-dir", str(data_dir))
    call(capsys, "token", "create", "--person", "ada", "--role", "viewer", *where)
    copy = str(tmp_path / "copy")
    assert call(capsys, "db", "backup", copy, *where)[0] == 0
    call(capsys, "token", "create", "--person", "eve", "--role", "viewer", *where)
    assert call(capsys, "db", "restore", copy, *where)[0] == 1
    assert call(capsys, "db", "restore", copy, "--yes", *where)[0] == 0
    _, listed = call(capsys, "token", "list", *where)
    assert [row["person"] for row in listed["tokens"]] == ["ada"]
