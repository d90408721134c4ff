"""Taking the log away, and the commands around it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audit.cli import build_cli
from audit.export import export, tile_path
from audit.leaf import commit_digest
from audit.log import ProofFailed
from audit.merkle import leaf_hash, root_of
from audit.note import open_checkpoint
from audit.proof_file import check_proof
from kernel.errors import BadInput, Conflict, NotConfigured, NotFound
from tests.audit.installation import Installation

RUNNER = CliRunner()


def tiles(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in (folder / "tile").rglob("*")
        if path.is_file()
    }


def entries_of(data: bytes) -> list[bytes]:
    found = []
    while data:
        length = int.from_bytes(data[:2], "big")
        found.append(data[2 : 2 + length])
        data = data[2 + length :]
    return found


def test_tile_paths_are_those_of_the_specification():
    assert tile_path(1234067) == "x001/x234/067"
    assert tile_path(0) == "000"
    assert tile_path(273, 112) == "273.p/112"
    assert tile_path(1000) == "x001/000"


def test_an_export_rebuilds_the_signed_root_from_its_files_alone(home: Installation):
    home.record_many(699, payload_every=100)
    while home.sequencer.step():
        pass
    folder = home.folder / "out"
    done = export(home.database, home.vkey, folder)
    assert (done.size, done.payloads) == (700, 7)
    found = tiles(folder)
    assert sorted(found) == [
        "tile/0/000", "tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2",
        "tile/entries/000", "tile/entries/001", "tile/entries/002.p/188",
    ]  # fmt: skip
    head = open_checkpoint((folder / "checkpoint").read_bytes(), home.vkey)
    entries = [
        entry for name in sorted(found) if "entries" in name for entry in entries_of(found[name])
    ]
    assert root_of(map(leaf_hash, entries)) == head.root
    level0 = b"".join(map(leaf_hash, entries))
    assert level0 == found["tile/0/000"] + found["tile/0/001"] + found["tile/0/002.p/188"]
    halves = [found["tile/0/000"], found["tile/0/001"]]
    roots = [root_of([h[i : i + 32] for i in range(0, 8192, 32)]) for h in halves]
    assert found["tile/1/000.p/2"] == b"".join(roots)
    record = json.loads(entries[0])
    payload = folder / "payloads" / record["id"] / "text"
    salt = payload.with_name("text.salt").read_bytes()
    assert commit_digest(salt, payload.read_bytes()).hex() == record["commit"][0]["digest"]


def test_an_export_of_changed_records_is_refused(home: Installation):
    home.record_many(3)
    home.sequencer.step()
    home.attack("UPDATE audit_leaf SET bytes = (SELECT bytes FROM audit_leaf WHERE seq = 0)")
    with pytest.raises(ProofFailed, match="not those that were signed"):
        export(home.database, home.vkey, home.folder / "out")


def test_an_export_never_writes_into_a_folder_in_use(home: Installation):
    home.sequencer.step()
    with pytest.raises(Conflict):
        export(home.database, home.vkey, home.folder)


def test_nothing_signed_is_nothing_to_export(home: Installation):
    home.record_many(1)
    home.attack("DELETE FROM audit_outbox")
    with pytest.raises(NotFound, match="no signed checkpoint"):
        export(home.database, home.vkey, home.folder / "out")


def test_a_proof_file_proves_its_own_record_alone(home: Installation):
    ids = home.record_many(9)
    home.sequencer.step()
    proof = home.log.proof(ids[4])
    assert proof is not None
    index, head = check_proof(proof.text(), proof.body, home.vkey)
    assert (index, head.size) == (4, 10)
    with pytest.raises(BadInput, match="not in the checkpoint"):
        check_proof(proof.text(), proof.body + b" ", home.vkey)
    with pytest.raises(BadInput):
        check_proof(proof.text().replace("index 4", "index 5"), proof.body, home.vkey)
    with pytest.raises(BadInput):
        check_proof("", proof.body, home.vkey)


def run(home: Installation, *args: str) -> tuple[int, str]:
    cli = build_cli(lambda _folder: home.database)
    result = RUNNER.invoke(cli, [*args, "--data-dir", str(home.folder)], catch_exceptions=False)
    return result.exit_code, result.stdout


def test_verify_prints_one_document_and_exits_0(home: Installation):
    home.record_many(3)
    home.sequencer.step()
    code, out = run(home, "verify", "--json")
    document = json.loads(out)
    assert (code, document["result"], document["size"]) == (0, "verified", 4)
    assert (document["first_bad_index"], document["checkpoint"]["size"]) == (None, 4)
    code, out = run(home, "verify")
    assert code == 0
    assert out.startswith("verified: 4 records\n")


def test_verify_of_a_changed_log_exits_1_and_names_the_index(home: Installation):
    home.record_many(3)
    home.sequencer.step()
    home.attack("UPDATE audit_leaf SET hash = x'00' WHERE seq = 2")
    code, out = run(home, "verify", "--json")
    assert (code, json.loads(out)["first_bad_index"]) == (1, 2)
    code, out = run(home, "verify")
    assert "first bad index: 2" in out
    assert "next step: keep this database" in out


def test_verify_takes_key_and_checkpoint_that_the_auditor_kept(home: Installation):
    home.record_many(3)
    home.sequencer.step()
    kept, vkey = home.folder / "kept", home.folder / "my.vkey"
    kept.write_bytes(home.settings.checkpoint_path.read_bytes())
    vkey.write_text(f"{home.vkey}\n")
    home.record_many(3)
    home.sequencer.step()
    assert run(home, "verify", "--checkpoint", str(kept), "--vkey", str(vkey))[0] == 0
    with pytest.raises(NotFound):
        run(home, "verify", "--checkpoint", str(home.folder / "no"))


def test_without_a_log_the_commands_say_what_to_start(home: Installation):
    with pytest.raises(NotConfigured, match="no audit log yet"):
        run(home, "verify")


def test_list_shows_records_newest_first(home: Installation):
    ids = home.record_many(2)
    home.sequencer.step()
    _, out = run(home, "list", "--type", "incident.*", "--json")
    assert [record["id"] for record in json.loads(out)["records"]] == ids[::-1]
    _, out = run(home, "list", "--limit", "1")
    assert "audit.started" in out


def test_prove_writes_files_that_check_out(home: Installation):
    (record_id,) = home.record_many(1)
    with pytest.raises(NotFound, match="not in a signed checkpoint yet"):
        run(home, "prove", record_id)
    home.sequencer.step()
    out_dir = home.folder / "proofs"
    code, out = run(home, "prove", record_id, "--out", str(out_dir))
    assert code == 0
    assert out == (out_dir / f"{record_id}.tlog-proof").read_text()
    check_proof(out, (out_dir / f"{record_id}.json").read_bytes(), home.vkey)
    with pytest.raises(NotFound):
        run(home, "prove", "no-such-record")


def test_export_says_what_it_wrote(home: Installation):
    home.record_many(3)
    home.sequencer.step()
    code, out = run(home, "export", str(home.folder / "out"), "--no-payloads", "--json")
    document = json.loads(out)
    assert (code, document["size"], document["payloads"]) == (0, 4, 0)
    assert not (home.folder / "out" / "payloads").exists()
