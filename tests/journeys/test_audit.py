"""The log of a real installation, bent in every way: the verifier names the first bad record."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kernel.clock import rfc3339
from tests.journeys.running import command, running, until
from tests.journeys.shop import now_us

ALERTS = 8


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> Iterator[Path]:
    """The data folder of a service that opened some incidents and was stopped."""
    with running(tmp_path_factory.mktemp("audited")) as service:
        service.client.post("/webhooks/alertmanager", _post())
        until(
            lambda: len(service.audit(type="incident.brief")) >= ALERTS, "the incidents are briefed"
        )
        assert service.stop() == 0, service.tail()
        yield service.data_dir


@pytest.fixture
def copy(stopped, tmp_path) -> Path:
    """A copy to bend."""
    return Path(shutil.copytree(stopped, tmp_path / "copy"))


def _post() -> dict[str, Any]:
    alerts = [
        {
            "status": "firing",
            "labels": {"alertname": f"A{n}", "service": f"service-{n}", "severity": "page"},
            "annotations": {},
            "startsAt": rfc3339(now_us()),
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": f"{n:016x}",
        }
        for n in range(ALERTS)
    ]
    return {"version": "4", "groupKey": "", "status": "firing", "alerts": alerts}


def verify(folder: Path) -> tuple[int, dict[str, Any]]:
    return command(["audit", "verify", "--data-dir", str(folder)])


def leaves(folder: Path) -> list[tuple[int, bytes, bytes]]:
    with closing(sqlite3.connect(folder / "control.db")) as database:
        return database.execute("SELECT seq, bytes, hash FROM audit_leaf ORDER BY seq").fetchall()


def change(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / "control.db")) as database:
        assert database.execute(statement, values).rowcount == 1
        database.commit()


def test_an_untouched_log_verifies_and_is_wholly_signed(copy):
    code, report = verify(copy)
    assert (code, report["result"], report["first_bad_index"]) == (0, "verified", None)
    assert report["size"] == len(leaves(copy)) == report["checkpoint"]["size"] >= 2 * ALERTS
    assert report["pending"] == 0


@pytest.mark.parametrize("where", ["first", "second", "middle", "last but one", "last"])
@pytest.mark.parametrize("column", ["bytes", "hash"])
def test_one_flipped_byte_is_found_and_its_record_named(copy, where, column):
    rows = leaves(copy)
    places = {"first": 0, "second": 1, "middle": len(rows) // 2}
    seq = places | {"last but one": len(rows) - 2, "last": len(rows) - 1}
    index = seq[where]
    was = rows[index][1 if column == "bytes" else 2]
    at = (len(was) * 7 // 10 + index) % len(was)
    bent = was[:at] + bytes([was[at] ^ 0x01]) + was[at + 1 :]
    change(copy, f"UPDATE audit_leaf SET {column} = ? WHERE seq = ?", bent, index)
    code, report = verify(copy)
    assert (code, report["result"], report["first_bad_index"]) == (1, "tampered", index)
    assert report["next_step"]


def test_a_deleted_last_record_is_missed(copy):
    last = len(leaves(copy)) - 1
    change(copy, "DELETE FROM audit_leaf WHERE seq = ?", last)
    code, report = verify(copy)
    assert (code, report["result"], report["first_bad_index"]) == (1, "tampered", last)


def test_a_last_record_deleted_with_all_that_names_it_is_missed(copy):
    """Whoever deletes knows the other tables too; the checkpoint's signature they cannot make."""
    last = len(leaves(copy)) - 1
    for table in ("audit_leaf", "audit_index"):
        change(copy, f"DELETE FROM {table} WHERE seq = ?", last)
    change(copy, "UPDATE audit_head SET size = ?", last)
    code, report = verify(copy)
    assert (code, report["result"], report["first_bad_index"]) == (1, "tampered", last)


@pytest.mark.parametrize(("one", "other"), [(0, 1), (3, 9)])
def test_two_swapped_records_are_found(copy, one, other):
    rows = leaves(copy)
    for seq, source in ((one, rows[other]), (other, rows[one])):
        change(copy, "UPDATE audit_leaf SET bytes = ?, hash = ? WHERE seq = ?", *source[1:], seq)
    code, report = verify(copy)
    assert (code, report["result"], report["first_bad_index"]) == (1, "tampered", one)


def test_the_log_can_be_taken_away_and_each_record_proven(copy, tmp_path):
    size = len(leaves(copy))
    away = tmp_path / "away"
    where = ["--data-dir", str(copy)]
    code, done = command(["audit", "export", str(away), *where])
    assert (code, done["size"]) == (0, size)
    assert any(away.rglob("checkpoint*"))
    assert any(path.is_file() for path in (away / "tile").rglob("*"))
    code, listed = command(["audit", "list", "--limit", "5", *where])
    assert code == 0
    record = listed["records"][0]
    code, proof = command(["audit", "prove", record["id"], *where])
    assert (code, proof["index"]) == (0, record["seq"])
    assert json.loads(proof["record"])["id"] == record["id"]
