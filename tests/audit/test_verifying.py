"""Whatever an administrator of the database does to the log, the verifier names the place."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import audit.verify
from audit.canonical import canonicalise, parse
from audit.entries import Actor, Entry
from audit.merkle import Frontier, leaf_hash
from audit.note import Checkpoint, SignerKey, sign_checkpoint
from audit.report import Report
from audit.verify import verify
from tests.audit.installation import Installation

PERSON = Actor("human", "person-1")
COUNT = 12


@pytest.fixture
def signed(home: Installation) -> Installation:
    """Twelve records with checkpoints at 5 and 12."""
    home.record_many(4)
    home.sequencer.step()
    home.record_many(COUNT - 5)
    home.sequencer.step()
    assert home.verify().result == "verified"
    home.database.close()
    return home


def expect_tampered(home: Installation, index: int) -> Report:
    report = home.verify()
    assert (report.result, report.first_bad_index) == ("tampered", index), report
    assert report.next_step
    return report


def test_an_untouched_log_is_verified_up_to_its_newest_checkpoint(signed: Installation):
    report = signed.verify()
    assert (report.size, report.first_bad_index, report.problems) == (COUNT, None, [])
    assert report.checkpoint is not None
    assert report.checkpoint["size"] == COUNT
    assert verify(signed.database, signed.vkey, signed.settings.checkpoint_path) == report


def test_a_log_without_records_is_called_empty(home: Installation):
    key = SignerKey("x/y", bytes(32)).verifier
    assert verify(home.path, key, home.settings.checkpoint_path).result == "empty"


@pytest.mark.parametrize("index", range(COUNT))
def test_a_flipped_byte_in_any_leaf_is_found_there(signed: Installation, index: int):
    (body,) = signed.rows("SELECT bytes FROM audit_leaf WHERE seq = ?", index)[0]
    for place in range(0, len(body), 31):
        bent = bytearray(body)
        bent[place] ^= 1
        signed.attack("UPDATE audit_leaf SET bytes = ? WHERE seq = ?", bytes(bent), index)
        expect_tampered(signed, index)


def test_a_changed_leaf_with_its_hash_made_to_fit_is_found(signed: Installation):
    body = signed.rows("SELECT bytes FROM audit_leaf WHERE seq = 6")[0][0]
    value = parse(body)
    value["data"]["number"] = 77
    bent = canonicalise(value)
    signed.attack("UPDATE audit_leaf SET bytes = ?, hash = ? WHERE seq = 6", bent, leaf_hash(bent))
    expect_tampered(signed, 6)


def rebuild_derived(home: Installation) -> None:
    """The attacker makes hashes, nodes and head fit; only the signatures are out of reach."""
    edge = Frontier()
    home.attack("DELETE FROM audit_node")
    for seq, body in home.rows("SELECT seq, bytes FROM audit_leaf ORDER BY seq"):
        home.attack("UPDATE audit_leaf SET hash = ? WHERE seq = ?", leaf_hash(body), seq)
        for node in edge.append(leaf_hash(body)):
            home.attack("INSERT INTO audit_node VALUES (?, ?, ?)", *node)
    home.attack("UPDATE audit_head SET size = ?, root = ?", edge.size, edge.root())


def test_a_changed_leaf_with_everything_rebuilt_is_found_by_the_signatures(signed: Installation):
    value = parse(signed.rows("SELECT bytes FROM audit_leaf WHERE seq = 6")[0][0])
    value["data"]["number"] = 77
    signed.attack("UPDATE audit_leaf SET bytes = ? WHERE seq = 6", canonicalise(value))
    rebuild_derived(signed)
    # Nothing but the roots is wrong: known is that it lies after the last good checkpoint.
    expect_tampered(signed, 5)


def test_a_deleted_last_leaf_is_missed(signed: Installation):
    signed.attack("DELETE FROM audit_leaf WHERE seq = ?", COUNT - 1)
    expect_tampered(signed, COUNT - 1)


def test_a_deleted_last_leaf_with_everything_rebuilt_is_missed(signed: Installation):
    signed.attack("DELETE FROM audit_leaf WHERE seq = ?", COUNT - 1)
    signed.attack("DELETE FROM audit_index WHERE seq = ?", COUNT - 1)
    rebuild_derived(signed)
    expect_tampered(signed, COUNT - 1)


def test_a_tail_deleted_together_with_its_checkpoints_is_missed_by_the_file(signed: Installation):
    for table in ("audit_leaf", "audit_index"):
        signed.attack(f"DELETE FROM {table} WHERE seq >= 5")
    signed.attack("DELETE FROM audit_checkpoint WHERE size > 5")
    live = {parse(row[0])["id"] for row in signed.rows("SELECT bytes FROM audit_leaf")}
    for (key,) in signed.rows("SELECT id FROM audit_payload"):
        if key.split(":")[0] not in live:
            signed.attack("DELETE FROM audit_payload WHERE id = ?", key)
    rebuild_derived(signed)
    # The database alone looks perfect: that is what the file outside of it is for.
    assert verify(signed.path, signed.vkey, None).result == "verified"
    report = expect_tampered(signed, 5)
    assert "records 5 to 11 were signed" in report.problems[0].what


@pytest.mark.parametrize(("one", "two"), [(0, 1), (2, 9), (6, 7), (10, 11)])
@pytest.mark.parametrize("fully", [False, True])
def test_two_swapped_leaves_are_found(signed: Installation, one: int, two: int, fully: bool):
    for table in ("audit_leaf", "audit_index") if fully else ("audit_leaf",):
        signed.attack(f"UPDATE {table} SET seq = -1 WHERE seq = ?", one)
        signed.attack(f"UPDATE {table} SET seq = ? WHERE seq = ?", one, two)
        signed.attack(f"UPDATE {table} SET seq = ? WHERE seq = -1", two)
    expect_tampered(signed, one)


def test_an_inserted_leaf_is_found(signed: Installation):
    body = signed.rows("SELECT bytes FROM audit_leaf WHERE seq = 3")[0][0]
    signed.attack("INSERT INTO audit_leaf VALUES (?, ?, ?)", COUNT, body, leaf_hash(body))
    expect_tampered(signed, COUNT)


def test_an_edited_checkpoint_is_found(signed: Installation):
    (note,) = signed.rows("SELECT note FROM audit_checkpoint WHERE size = 12")[0]
    for place in range(len(note)):
        bent = bytearray(note)
        bent[place] ^= 1
        signed.attack("UPDATE audit_checkpoint SET note = ? WHERE size = 12", bytes(bent))
        expect_tampered(signed, 5)


def test_a_checkpoint_of_another_key_is_not_believed(signed: Installation):
    (root,) = signed.rows("SELECT root FROM audit_checkpoint WHERE size = 5")[0]
    forger = SignerKey(signed.vkey.name, bytes(32))
    note = sign_checkpoint(Checkpoint(forger.name, 5, root), forger)
    signed.attack("UPDATE audit_checkpoint SET note = ? WHERE size = 5", note)
    expect_tampered(signed, 0)


def test_a_bent_checkpoint_file_is_found(signed: Installation):
    path = signed.settings.checkpoint_path
    path.write_bytes(path.read_bytes().replace(b"\n12\n", b"\n11\n"))
    expect_tampered(signed, 5)


def test_two_signed_checkpoints_of_one_size_are_a_fork(signed: Installation):
    from audit.keys import signing_key

    key = signing_key(signed.settings)
    note = sign_checkpoint(Checkpoint(key.name, 12, leaf_hash(b"other")), key)
    signed.settings.checkpoint_path.write_bytes(note)
    assert "fork" in expect_tampered(signed, 5).problems[0].what


def test_an_edited_payload_or_salt_is_found_at_its_record(signed: Installation):
    keys = dict(signed.rows("SELECT id, seq FROM audit_index"))
    for column in ("salt", "bytes"):
        for (key,) in signed.rows("SELECT id FROM audit_payload"):
            (old,) = signed.rows(f"SELECT {column} FROM audit_payload WHERE id = ?", key)[0]
            bent = bytes([old[0] ^ 1]) + old[1:]
            signed.attack(f"UPDATE audit_payload SET {column} = ? WHERE id = ?", bent, key)
            expect_tampered(signed, keys[key.split(":")[0]])
            signed.attack(f"UPDATE audit_payload SET {column} = ? WHERE id = ?", old, key)
    assert signed.verify().result == "verified"


def test_a_payload_that_is_gone_needs_an_erasure_record(signed: Installation):
    (key,) = signed.rows("SELECT id FROM audit_payload ORDER BY id")[0]
    record, name = key.split(":")
    signed.attack("DELETE FROM audit_payload WHERE id = ?", key)
    expect_tampered(signed, 0)
    data = {"record": record, "name": name, "basis": "article_17"}
    signed.record(Entry("audit.erasure", PERSON, "record", record, data=data))
    signed.sequencer.step()
    report = signed.verify()
    assert (report.result, report.erased, report.good) == ("verified_erased", 1, True)


EDITS = {
    "audit_leaf": {"seq": 99, "bytes": b"{}", "hash": b"x"},
    "audit_index": {
        "seq": 99, "id": "x", "type": "x", "incident": "x", "actor": "x", "at_us": 7,
    },
    "audit_node": {"level": 9, "position": 99, "hash": b"x"},
    "audit_head": {"id": 2, "size": 3, "root": b"x"},
    "audit_checkpoint": {"size": 6, "root": b"x", "note": b"x", "at_us": 7},
    "audit_payload": {"id": "x", "salt": b"x", "bytes": b"x"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        (t, c, v)
        for t, columns in EDITS.items()
        for c, good in columns.items()
        for v in (good, "text")
    ],
)
def test_an_edit_of_any_column_of_any_row_is_found(
    signed: Installation, table: str, column: str, value: object
):
    original = signed.path.read_bytes()
    count = signed.rows(f"SELECT count(*) FROM {table}")[0][0]
    for number in range(count):
        row = f"(SELECT rowid FROM {table} LIMIT 1 OFFSET ?)"
        sql = f"UPDATE {table} SET {column} = ? WHERE rowid = {row}"
        try:
            signed.attack(sql, value, number)
        except sqlite3.IntegrityError:
            continue  # the column's own type refuses this value
        report = signed.verify()
        assert report.result == "tampered", (number, report)
        assert report.first_bad_index is not None
        signed.path.write_bytes(original)
        for suffix in ("-wal", "-shm"):
            Path(f"{signed.path}{suffix}").unlink(missing_ok=True)


@pytest.mark.parametrize("column", ["id", "bytes"])
def test_an_edited_waiting_record_is_found(signed: Installation, column: str):
    signed.record_many(2)
    assert signed.verify().pending == 2
    signed.attack(f"UPDATE audit_outbox SET {column} = ? WHERE position = 2", b"x")
    expect_tampered(signed, COUNT + 1)


# A stored checkpoint that is gone proves nothing: the others and the file still hold.
@pytest.mark.parametrize("table", [table for table in EDITS if table != "audit_checkpoint"])
def test_deleting_any_row_of_any_table_is_found(signed: Installation, table: str):
    original = signed.path.read_bytes()
    for number in range(signed.rows(f"SELECT count(*) FROM {table}")[0][0]):
        signed.attack(
            f"DELETE FROM {table} WHERE rowid = (SELECT rowid FROM {table} LIMIT 1 OFFSET ?)",
            number,
        )
        assert signed.verify().result == "tampered", number
        signed.path.write_bytes(original)


def test_leaves_past_the_last_checkpoint_are_an_unsigned_tail(signed: Installation):
    value = parse(signed.rows("SELECT bytes FROM audit_leaf WHERE seq = 11")[0][0])
    value["id"] = value["id"][:-4] + "ffff"
    value["commit"] = []
    body = canonicalise(value)
    signed.attack("INSERT INTO audit_leaf VALUES (12, ?, ?)", body, leaf_hash(body))
    row = signed.rows("SELECT type, incident, actor, at_us FROM audit_index WHERE seq = 11")[0]
    signed.attack("INSERT INTO audit_index VALUES (12, ?, ?, ?, ?, ?)", value["id"], *row)
    rebuild_derived(signed)
    report = signed.verify()
    assert (report.result, report.size, report.good) == ("unsigned_tail", 13, False)
    assert "start the service" in report.next_step


def test_without_the_checkpoint_file_the_log_is_unanchored(signed: Installation):
    signed.settings.checkpoint_path.unlink()
    assert signed.verify().result == "unanchored"


def test_a_key_that_did_not_sign_verifies_nothing(signed: Installation):
    other = SignerKey("x/y", bytes(32)).verifier
    assert verify(signed.path, other, signed.settings.checkpoint_path).result == "tampered"


def test_a_file_that_is_no_database_is_unreadable(tmp_path: Path):
    path = tmp_path / "x.db"
    path.write_bytes(b"not a database at all, but long enough to look like one" * 20)
    assert verify(path, SignerKey("x/y", bytes(32)).verifier, None).result == "unreadable"
    assert (
        verify(tmp_path / "no.db", SignerKey("x/y", bytes(32)).verifier, None).result
        == "unreadable"
    )


def approve(home: Installation, ref: str = "p1", **data: object) -> str:
    about = {"approval_id": "a", "action_hash": "h", "decision": "approve"} | data
    return home.record(Entry("approval.decision", Actor("human", ref), "approval", "a", data=about))


def act(home: Installation, action_hash: str = "h") -> Report:
    entry = Entry(
        "action.intent", Actor("service", "runbooks"), "approval", "a",
        data={"action_hash": action_hash},
    )  # fmt: skip
    home.record(entry)
    home.sequencer.step()
    return home.verify()


def test_an_action_after_its_approval_is_a_true_story(home: Installation):
    approve(home)
    assert act(home).result == "verified"


@pytest.mark.parametrize("case", ["none", "reject", "other", "model", "late", "quorum"])
def test_an_action_without_its_approval_is_a_broken_story(home: Installation, case: str):
    if case == "reject":
        approve(home, decision="reject")
    elif case == "other":
        approve(home, action_hash="another")
    elif case == "model":
        data = {"approval_id": "a", "action_hash": "h", "decision": "approve"}
        home.record(Entry("approval.decision", Actor("model", "m"), "approval", "a", data=data))
    elif case == "quorum":
        data = {"approval_id": "a", "action_hash": "h", "quorum": 2}
        home.record(Entry("approval.requested", PERSON, "approval", "a", data=data))
        approve(home)
        approve(home)
    index = home.rows("SELECT count(*) FROM audit_outbox")[0][0]
    report = act(home)
    if case == "late":
        approve(home)
        home.sequencer.step()
        report = home.verify()
    assert (report.result, report.first_bad_index) == ("broken_story", index)


def test_two_humans_meet_a_quorum_of_two(home: Installation):
    data = {"approval_id": "a", "action_hash": "h", "quorum": 2}
    home.record(Entry("approval.requested", PERSON, "approval", "a", data=data))
    approve(home, "p1")
    approve(home, "p2")
    assert act(home).result == "verified"


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_bent_deleted_or_swapped_leaf_is_named(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    home = Installation(tmp_path_factory.mktemp("log"))
    sizes = data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=3))
    for size in sizes:
        home.record_many(size)
        home.sequencer.step()
    total = sum(sizes) + 1
    home.database.close()
    index = data.draw(st.integers(0, total - 1))
    kind = data.draw(st.sampled_from(["flip", "delete", "swap"]))
    if kind == "flip":
        (body,) = home.rows("SELECT bytes FROM audit_leaf WHERE seq = ?", index)[0]
        bent = bytearray(body)
        bent[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        home.attack("UPDATE audit_leaf SET bytes = ? WHERE seq = ?", bytes(bent), index)
    elif kind == "delete":
        home.attack("DELETE FROM audit_leaf WHERE seq = ?", index)
    else:
        other = data.draw(st.integers(0, total - 1).filter(lambda value: value != index))
        home.attack("UPDATE audit_leaf SET seq = -1 WHERE seq = ?", index)
        home.attack("UPDATE audit_leaf SET seq = ? WHERE seq = ?", index, other)
        home.attack("UPDATE audit_leaf SET seq = ? WHERE seq = -1", other)
        index = min(index, other)
    expect_tampered(home, index)
    shutil.rmtree(home.folder)


def test_a_verifier_without_its_hash_check_would_let_a_flip_pass(
    signed: Installation, monkeypatch: pytest.MonkeyPatch
):
    """The seeded bug: shows that the tests above see the hash check and nothing by accident."""
    (body,) = signed.rows("SELECT bytes FROM audit_leaf WHERE seq = 6")[0]
    value = parse(body)
    value["data"]["number"] += 1
    bent = canonicalise(value)
    signed.attack("UPDATE audit_leaf SET bytes = ? WHERE seq = 6", bent)
    expect_tampered(signed, 6)
    monkeypatch.setattr(
        audit.verify, "leaf_hash", lambda data: leaf_hash(body if data == bent else data)
    )
    assert signed.verify().result == "verified"


@pytest.mark.parametrize("ending", ["revoked", "cancelled", "expired"])
def test_an_action_after_its_approval_was_ended_is_a_broken_story(home: Installation, ending: str):
    approve(home)
    about = {"approval_id": "a", "action_hash": "h"}
    home.record(Entry(f"approval.{ending}", PERSON, "approval", "a", data=about))
    report = act(home)
    assert report.result == "broken_story"


@pytest.mark.parametrize("again", [False, True])
def test_nothing_may_begin_while_all_execution_is_off(home: Installation, again: bool):
    approve(home)
    data: dict[str, object] = {"cancelled": 0, "running": []}
    home.record(Entry("execution.stopped", PERSON, "execution", "switch", data=data))
    if again:
        home.record(Entry("execution.resumed", PERSON, "execution", "switch"))
    assert act(home).result == ("verified" if again else "broken_story")
