"""A backup holds what was committed; a restore never overwrites by accident."""

from __future__ import annotations

import sqlite3

import pytest

from app.backup import backup, restore
from app.stores import instance_lock
from kernel.clock import FrozenClock
from kernel.errors import BadInput, Conflict, NotFound
from kernel.journal import Append, Item, JournalReader, JournalWriter, Stream
from kernel.telemetry_store.port import Batch
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore


@pytest.fixture
def data_dir(tmp_path):
    folder = tmp_path / "data"
    (folder / "telemetry").mkdir(parents=True)
    (folder / "telemetry" / "day.db").write_text("big")
    (folder / "audit.key").write_text("key")
    (folder / "audit.key").chmod(0o600)
    return folder


@pytest.fixture
def journal(data_dir):
    writer = JournalWriter(data_dir / "journal.db", FrozenClock())
    yield writer
    writer.close()


def append(journal: JournalWriter, body: bytes) -> None:
    journal.append(Append(Stream.SHOP, "shop", "json", [Item(body, body)])).result(10)


def bodies(folder) -> list[bytes]:
    reader = JournalReader(folder / "journal.db")
    try:
        return [record.body for record in reader.read([Stream.SHOP], 0)]
    finally:
        reader.close()


def test_a_running_journal_is_copied_and_comes_back_whole(data_dir, journal, tmp_path):
    append(journal, b"1")
    manifest = backup(data_dir, tmp_path / "copy", FrozenClock())
    append(journal, b"2")
    assert set(manifest["files"]) == {"journal.db", "audit.key"}
    restore(tmp_path / "copy", tmp_path / "new", overwrite=False)
    assert bodies(tmp_path / "new") == [b"[1]"]
    assert (tmp_path / "new" / "audit.key").stat().st_mode & 0o777 == 0o600


def test_working_files_of_a_database_are_no_part_of_a_backup(data_dir, journal, tmp_path):
    names = [
        "ledger.db.rebuild",
        "ledger.db.rebuild-wal",
        "ledger.db.snapshot.new",
        "ledger.db.broken",
    ]
    for name in names:
        (data_dir / name).write_bytes(b"large, and soon gone")
    manifest = backup(data_dir, tmp_path / "copy", FrozenClock(0))
    assert not set(names).intersection(manifest["files"])


def test_a_restore_overwrites_only_when_told(data_dir, journal, tmp_path):
    append(journal, b"1")
    backup(data_dir, tmp_path / "copy", FrozenClock())
    append(journal, b"2")
    journal.close()
    with pytest.raises(Conflict):
        restore(tmp_path / "copy", data_dir, overwrite=False)
    assert len(bodies(data_dir)) == 2
    restore(tmp_path / "copy", data_dir, overwrite=True)
    assert bodies(data_dir) == [b"[1]"]
    with sqlite3.connect(data_dir / "journal.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_after_a_restore_all_raw_records_are_searched_again(data_dir, journal, tmp_path):
    append(journal, b"1")
    backup(data_dir, tmp_path / "copy", FrozenClock())
    store = SqliteTelemetryStore(data_dir / "telemetry", FrozenClock())
    store.write(Batch(cursor=1 << 60))
    store.close()
    journal.close()
    restore(tmp_path / "copy", data_dir, overwrite=True)
    assert SqliteTelemetryStore(data_dir / "telemetry", FrozenClock()).cursor() == 0
    assert (data_dir / "telemetry" / "day.db").exists()


def test_a_damaged_backup_is_refused_before_anything_is_touched(data_dir, journal, tmp_path):
    append(journal, b"1")
    backup(data_dir, tmp_path / "copy", FrozenClock())
    with (tmp_path / "copy" / "journal.db").open("r+b") as file:
        file.seek(5000)
        file.write(b"\xff")
    with pytest.raises(BadInput, match=r"journal\.db"):
        restore(tmp_path / "copy", tmp_path / "new", overwrite=True)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil"])
def test_a_manifest_cannot_name_files_outside(tmp_path, name):
    (tmp_path / "backup.json").write_text(f'{{"files": {{"{name}": "00"}}}}')
    with pytest.raises(BadInput):
        restore(tmp_path, tmp_path / "new", overwrite=True)


def test_a_folder_without_stores_and_a_filled_target_are_refused(tmp_path, data_dir, journal):
    append(journal, b"1")
    with pytest.raises(NotFound):
        backup(tmp_path / "nothing", tmp_path / "copy", FrozenClock())
    with pytest.raises(Conflict):
        backup(data_dir, data_dir, FrozenClock())
    with pytest.raises(NotFound):
        restore(tmp_path, tmp_path / "new", overwrite=True)


def test_one_data_folder_has_one_service(tmp_path):
    with instance_lock(tmp_path), pytest.raises(Conflict), instance_lock(tmp_path):
        pass
    with instance_lock(tmp_path):
        pass
