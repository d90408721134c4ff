"""From the outbox to a signed checkpoint; what happens around crashes, rivals and rollbacks."""

from __future__ import annotations

import shutil
import threading

import pytest

from audit.jobs import parts
from audit.log import ProofFailed
from audit.merkle import leaf_hash
from audit.note import open_checkpoint
from audit.sequencer import LogRolledBack
from kernel.errors import NotConfigured
from tests.audit.installation import Installation


def test_one_step_makes_leaves_and_a_signed_checkpoint_in_and_outside_of_the_database(
    home: Installation,
):
    ids = home.record_many(5)
    assert home.sequencer.step() is False
    # The start of the log is a record of its own, after those that waited.
    assert [row[0] for row in home.rows("SELECT seq FROM audit_leaf ORDER BY seq")] == list(
        range(6)
    )
    assert home.rows("SELECT count(*) FROM audit_outbox") == [(0,)]
    note = home.settings.checkpoint_path.read_bytes()
    assert open_checkpoint(note, home.vkey).size == 6
    assert home.rows("SELECT note FROM audit_checkpoint") == [(note,)]
    assert home.settings.key_path.stat().st_mode & 0o777 == 0o600
    proof = home.log.proof(ids[0])
    assert proof is not None
    assert (proof.index, proof.checkpoint.size, proof.record["id"]) == (0, 6, ids[0])


def test_leaves_keep_the_order_in_which_records_were_written(home: Installation):
    ids = home.record_many(20)
    home.sequencer.step()
    assert [row[0] for row in home.rows("SELECT id FROM audit_index ORDER BY seq")][:20] == ids


def test_nothing_new_means_no_new_checkpoint_until_the_heartbeat(home: Installation):
    home.sequencer.step()
    home.sequencer.step()
    assert home.rows("SELECT size FROM audit_checkpoint") == [(1,)]
    home.clock.advance_s(899)
    home.sequencer.step()
    assert home.rows("SELECT size FROM audit_checkpoint") == [(1,)]
    home.clock.advance_s(1)
    home.sequencer.step()
    assert home.rows("SELECT size FROM audit_checkpoint ORDER BY size") == [(1,), (2,)]
    assert home.log.entries()[0].type == "audit.heartbeat"


def test_more_than_a_batch_takes_more_steps(home: Installation):
    home.record_many(1200)
    assert home.sequencer.step() is True
    while home.sequencer.step():
        pass
    assert home.rows("SELECT size FROM audit_head") == [(1201,)]
    assert home.verify().result == "verified"


def test_a_stop_signs_all_that_waits(home: Installation):
    (part,) = parts(home.sequencer)
    part.step()
    home.record_many(3)
    home.sequencer.stop()
    assert home.log.entries()[0].type == "audit.stopped"
    assert home.verify().result == "verified"
    assert home.rows("SELECT count(*) FROM audit_outbox") == [(0,)]


def test_two_sequencers_share_one_log_without_a_fork(home: Installation):
    home.record_many(300)
    rivals = [home.sequencer, home.another_sequencer()]

    def run(number: int) -> None:
        for _ in range(10):
            home.record_many(5)
            rivals[number].step()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while home.sequencer.step():
        pass
    report = home.verify()
    assert (report.result, report.size) == ("verified", 300 + 100 + 2)


def test_a_sequencer_that_lost_the_race_leaves_nothing_behind(home: Installation):
    home.sequencer.step()
    home.record_many(4)
    before = home.rows("SELECT seq FROM audit_leaf")
    home.attack("CREATE TRIGGER race BEFORE UPDATE ON audit_head BEGIN SELECT RAISE(IGNORE); END")
    assert home.sequencer.step() is True
    assert home.rows("SELECT seq FROM audit_leaf") == before
    assert home.rows("SELECT count(*) FROM audit_outbox") == [(4,)]
    home.attack("DROP TRIGGER race")
    home.sequencer.step()
    assert home.verify().result == "verified"


def test_a_crash_between_file_and_table_is_taken_up_at_the_next_start(home: Installation):
    home.record_many(3)
    home.sequencer.step()
    home.attack("DELETE FROM audit_checkpoint")
    assert home.verify().result == "verified"
    home.another_sequencer().step()
    assert home.verify().result == "verified"
    assert home.rows("SELECT count(*) FROM audit_checkpoint") == [(1,)]


def test_a_crash_between_leaves_and_signature_leaves_an_unsigned_tail_that_a_restart_signs(
    home: Installation,
):
    home.sequencer.step()
    home.record_many(3)
    home.sequencer._sequence()
    report = home.verify()
    assert (report.result, report.size, report.first_bad_index) == ("unsigned_tail", 4, None)
    home.another_sequencer().step()
    assert home.verify().result == "verified"


def test_a_restored_older_database_stops_the_log_and_says_why(home: Installation):
    home.record_many(3)
    home.sequencer.step()
    home.database.close()
    backup = home.folder / "backup.db"
    shutil.copy(home.path, backup)
    later = home.record_many(3)
    home.sequencer.step()
    home.database.close()
    shutil.copy(backup, home.path)
    restarted = home.another_sequencer()
    with pytest.raises(LogRolledBack, match="holds 4 records, but 7 were signed"):
        restarted.step()
    assert "audit verify" in restarted.halted
    waiting = home.record_many(1)
    assert restarted.step() is False
    assert home.rows("SELECT count(*) FROM audit_outbox") == [(1,)]
    assert home.log.proof(waiting[0]) is None
    assert home.log.proof(later[0]) is None
    report = home.verify()
    assert (report.result, report.first_bad_index) == ("tampered", 4)


def test_a_rolled_back_database_that_grew_again_is_not_signed(home: Installation):
    home.record_many(3)
    home.sequencer.step()
    home.database.close()
    backup = home.folder / "backup.db"
    shutil.copy(home.path, backup)
    home.record_many(2)
    home.sequencer.step()
    home.database.close()
    shutil.copy(backup, home.path)
    home.record_many(5)
    with pytest.raises(LogRolledBack, match="not those that were signed"):
        home.sequencer.step()
    assert home.rows("SELECT max(size) FROM audit_checkpoint") == [(4,)]


def test_a_lost_checkpoint_file_stops_the_log(home: Installation):
    home.sequencer.step()
    home.settings.checkpoint_path.unlink()
    with pytest.raises(LogRolledBack, match="is gone"):
        home.another_sequencer().step()


def test_a_lost_key_is_not_replaced_by_a_new_one(home: Installation):
    home.sequencer.step()
    home.settings.key_path.unlink()
    with pytest.raises(NotConfigured, match="was signed with it"):
        home.another_sequencer().step()
    assert not home.settings.key_path.exists()


def test_a_proof_of_a_changed_record_fails_loudly(home: Installation):
    ids = home.record_many(4)
    home.sequencer.step()
    body = bytearray(home.rows("SELECT bytes FROM audit_leaf WHERE seq = 2")[0][0])
    changed = bytes(body).replace(b'"number":2', b'"number":7')
    home.attack(
        "UPDATE audit_leaf SET bytes = ?, hash = ? WHERE seq = 2", changed, leaf_hash(changed)
    )
    with pytest.raises(ProofFailed, match="not in the checkpoint"):
        home.log.proof(ids[2])


def test_a_proof_cannot_be_borrowed_from_another_record(home: Installation):
    ids = home.record_many(4)
    home.sequencer.step()
    home.attack("UPDATE audit_index SET id = 'x' WHERE seq = 1")
    home.attack("UPDATE audit_index SET id = ? WHERE seq = 2", ids[1])
    with pytest.raises(ProofFailed, match="points elsewhere"):
        home.log.proof(ids[1])


def test_pages_are_filtered_and_go_newest_first(home: Installation):
    home.record_many(10)
    home.sequencer.step()
    page = home.log.entries(incident="INC-1", limit=2)
    assert [record.data["number"] for record in page] == [9, 5]
    assert all(record.checkpointed for record in page)
    assert [r.data["number"] for r in home.log.entries(incident="INC-1", before=page[-1].seq)] == [
        1
    ]
    assert len(home.log.entries(type="incident.*")) == 10
    assert len(home.log.entries(actor="audit")) == 1
    home.record_many(2)
    assert [record.seq for record in home.log.entries(limit=3)] == [None, None, 10]
    numbers = [record.data["number"] for record in home.log.subject_entries(incident="INC-1")]
    assert numbers == [1, 5, 9, 1]
