"""Quota, reserve and a really full disk: what is refused, and that nobody has to restart."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.health import build_router
from kernel.clock import FrozenClock, SystemClock
from kernel.errors import Unavailable
from kernel.journal import Append, Item, ItemClass, JournalReader, JournalWriter, Refused, Stream
from kernel.journal.admission import TRIM_TO_SHARE, Reason
from kernel.observability import Metrics
from tests.shared_data import missing

WAIT_S = 30
KIB = 1024


def record(name: str, size: int = 10, item_class: ItemClass = ItemClass.MONEY) -> Append:
    data = json.dumps(name + "x" * size).encode()
    return Append(Stream.SHOP, "web", "json", [Item(data, name.encode())], item_class=item_class)


def put(journal: JournalWriter, append: Append):
    return journal.append(append).result(WAIT_S)


def test_rows_beyond_the_quota_refuse_telemetry_until_consumers_let_them_be_trimmed(tmp_path):
    journal = JournalWriter(tmp_path / "journal.db", FrozenClock(), max_bytes=1024 * KIB)
    last = 0
    while journal.gate.pressure.quota_share <= 0.98:
        last = put(journal, record(f"{last}", 10 * KIB)).position
    for refused in (ItemClass.TRACE, ItemClass.DEBUG_LOG, ItemClass.CHANGE, ItemClass.BUSINESS):
        with pytest.raises(Refused) as told:
            put(journal, record("r", item_class=refused))
        assert told.value.reason is Reason.QUOTA
    put(journal, record("money goes on"))
    while journal.trim(last).result(WAIT_S):
        pass
    put(journal, record("the measure is taken again"))
    assert journal.gate.pressure.quota_share <= TRIM_TO_SHARE + 0.05
    put(journal, record("trace", item_class=ItemClass.TRACE))
    journal.close()


def test_too_little_free_disk_leaves_what_counts_most(tmp_path):
    journal = JournalWriter(tmp_path / "journal.db", FrozenClock(), reserve_bytes=1 << 60)
    for refused in (ItemClass.TRACE, ItemClass.BUSINESS):
        with pytest.raises(Refused) as told:
            put(journal, record("r", item_class=refused))
        assert told.value.reason is Reason.DISK
    for taken in (ItemClass.MONEY, ItemClass.ALERT, ItemClass.SLACK):
        put(journal, record(f"{taken}", item_class=taken))
    assert ItemClass.MONEY not in journal.gate.refusing()
    journal.close()


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of 1 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        missing("mounting a tmpfs is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def until(look, what: str) -> None:
    """Ask until it is true."""
    pause = threading.Event()
    for _ in range(600):
        if look():
            return
        pause.wait(0.1)
    pytest.fail(f"not within a minute: {what}")


def fill(ballast: Path) -> None:
    """Until there is no space left."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4 * KIB))


@pytest.mark.real
def test_a_full_disk_makes_the_door_unready_and_room_makes_it_ready_without_a_restart(small_disk):
    clock = SystemClock()
    journal = JournalWriter(small_disk / "journal.db", clock)
    app = FastAPI()
    app.include_router(build_router(journal, Metrics(), clock, small_disk, evaluation_part="x"))
    client = TestClient(app)
    assert put(journal, record("before")).accepted == 1
    assert client.get("/readyz").status_code == 200
    ballast = small_disk / "ballast"
    fill(ballast)
    refused = []
    for number in range(100):
        try:
            put(journal, record(f"n{number}", 20 * KIB))
        except Unavailable:
            refused.append(number)
    assert refused, "the disk was not full"
    until(lambda: client.get("/readyz").status_code == 503, "not ready")
    assert client.get("/readyz").headers["retry-after"]
    for _ in range(3):  # a commit of nothing but the tick is no sign of room
        with pytest.raises(Unavailable):
            journal.trim(0).result(WAIT_S)
        assert client.get("/readyz").status_code == 503
    ballast.unlink()
    until(lambda: client.get("/readyz").status_code == 200, "ready again")
    for number in refused[:5]:
        assert put(journal, record(f"n{number}", 20 * KIB)).accepted == 1
    reader = JournalReader(small_disk / "journal.db")
    records = reader.read([Stream.SHOP], 0, limit=500)
    day_us = records[0].received_us // 86_400_000_000 * 86_400_000_000
    counted = sum(one.counts.stored for one in reader.day_tallies(day_us))
    reader.close()
    journal.close()
    assert counted == len(records) == 1 + 100 - len(refused) + len(refused[:5])
