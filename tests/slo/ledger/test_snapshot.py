"""A lost ledger comes back from its copy, and the journal waits for the copy."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, FrozenClock, SystemClock
from kernel.errors import Unavailable
from kernel.journal import Append, Item, JournalWriter, Stream
from kernel.shop_event import encode_event
from slo.ledger import LedgerReader, LedgerWriter, snapshot
from slo.ledger.progress import Progress, progress
from slo.ledger.schema import VERSION, version_of
from slo.ledger.snapshot import Snapshots, safe_position, snapshot_path, take
from slo.metrics import LedgerCopyCollector
from tests.slo.ledger.till import T0, Till, event, payments

DAY = (T0 - DAY_US, T0 + DAY_US)


def _snapshots(till: Till, *, quota_bytes: int = 10**12, ahead_us: int = 0) -> Snapshots:
    clock = FrozenClock(SystemClock().now_us() + ahead_us)
    return Snapshots(till.path, till.path.with_name("journal.db"), quota_bytes, clock)


def test_a_copy_is_made_at_once_and_then_once_a_day(till):
    till.take(event("succeeded", 0))
    assert _snapshots(till).run()
    assert not _snapshots(till).run()
    assert not _snapshots(till, ahead_us=23 * HOUR_US).run()
    assert _snapshots(till, ahead_us=25 * HOUR_US).run()


def test_with_little_room_in_the_journal_the_copy_is_made_within_the_hour(till):
    till.take(event("succeeded", 0))
    take(till.path)
    till.path.with_name("journal.db").write_bytes(b"x" * 100)
    assert not _snapshots(till, quota_bytes=100, ahead_us=HOUR_US // 2).run()
    assert not _snapshots(till, quota_bytes=1000, ahead_us=2 * HOUR_US).run()
    assert _snapshots(till, quota_bytes=100, ahead_us=2 * HOUR_US).run()


def test_the_journal_may_be_trimmed_to_what_the_copy_has_counted(till):
    till.take(event("succeeded", 0))
    assert safe_position(till.path, Stream.SHOP) == 0
    take(till.path)
    till.take(event("succeeded", 0, "p2"))
    assert safe_position(till.path, Stream.SHOP) == 1
    take(till.path)
    assert safe_position(till.path, Stream.SHOP) == 2


def test_where_there_is_no_room_for_a_copy_that_is_due_the_job_fails_and_says_what_waits(
    till, monkeypatch
):
    till.take(event("succeeded", 0))
    take(till.path)
    old = snapshot_path(till.path).read_bytes()
    monkeypatch.setattr(snapshot.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    assert not _snapshots(till).run()
    with pytest.raises(Unavailable, match=r"no room for the copy.*journal is not trimmed"):
        _snapshots(till, ahead_us=25 * HOUR_US).run()
    assert snapshot_path(till.path).read_bytes() == old
    monkeypatch.undo()
    assert _snapshots(till, ahead_us=25 * HOUR_US).run()


def test_a_copy_that_breaks_off_leaves_the_old_one_and_takes_no_room(till, monkeypatch):
    till.take(event("succeeded", 0))
    take(till.path)

    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half a copy")
        raise OSError("no space left on device")

    monkeypatch.setattr(snapshot, "copy_file", full)
    with pytest.raises(OSError, match="no space left"):
        take(till.path)
    assert [one.name for one in till.path.parent.glob("*snapshot*")] == ["ledger.db.snapshot"]
    assert safe_position(till.path, Stream.SHOP) == 1


def test_the_age_of_the_copy_is_a_metric_that_is_absent_without_one(till):
    clock = FrozenClock(SystemClock().now_us() + 30 * HOUR_US)
    registry = CollectorRegistry()
    registry.register(LedgerCopyCollector(till.path, clock))
    till.take(event("succeeded", 0))
    assert registry.get_sample_value("tillwatch_ledger_copy_age_seconds") is None
    take(till.path)
    age_s = registry.get_sample_value("tillwatch_ledger_copy_age_seconds")
    assert age_s == pytest.approx(30 * 3600, abs=60)


@pytest.mark.parametrize("harm", ["gone", "empty", "rubbish"])
def test_a_lost_ledger_is_the_copy_and_goes_on_from_there(tmp_path, harm):
    till = Till(tmp_path, [payments()])
    till.take(event("succeeded", 0), event("failed", 1, "p2"))
    take(till.path)
    till.take(event("succeeded", 2, "p3"))
    till.close()
    for path in tmp_path.glob("ledger.db*"):
        if path != snapshot_path(till.path):
            path.unlink()
    if harm != "gone":
        till.path.write_bytes(b"" if harm == "empty" else os.urandom(9000))
    again = LedgerWriter(till.path, FrozenClock(T0), [payments()])
    assert again.cursor(Stream.SHOP) == 1
    sums = LedgerReader(till.path).sums(payments(), *DAY)
    assert (sums.good, sums.bad) == (1, 1)
    assert harm != "rubbish" or (tmp_path / "ledger.db.broken").exists()
    again.close()


def test_a_lost_ledger_without_a_copy_begins_anew(tmp_path):
    path = tmp_path / "ledger.db"
    path.write_bytes(b"")
    writer = LedgerWriter(path, FrozenClock(T0), [payments()])
    assert (writer.cursor(Stream.SHOP), version_of(path)) == (0, VERSION)
    writer.close()


def test_a_copy_of_another_make_is_not_used_and_is_made_anew(till):
    till.take(event("succeeded", 0))
    take(till.path)
    import sqlite3

    db = sqlite3.connect(snapshot_path(till.path))
    db.execute(f"PRAGMA user_version = {VERSION - 1}")
    db.close()
    assert safe_position(till.path, Stream.SHOP) == 0
    assert _snapshots(till).run()


def test_progress_is_told_only_where_there_is_much_to_count(till, tmp_path: Path):
    """A journal of 20 minutes, as the door writes it: positions begin at the clock."""
    clock = FrozenClock(T0)
    journal = JournalWriter(tmp_path / "journal.db", clock)
    for minute in (0, 10, 20):
        clock.set_us(T0 + minute * MINUTE_US)
        told = Item(encode_event(event("succeeded", 60 * minute, f"p{minute}")))
        journal.append(Append(Stream.SHOP, "shop", "shop.events", [told])).result(timeout=60)
    journal.close()
    till.take(event("succeeded", 0, "p0"), received_s=1200)
    assert progress(till.path, tmp_path / "journal.db") is None
    side = Till(tmp_path / "side", [payments()])
    side.take(event("succeeded", 0, "p0"), received_s=600)
    side.path.rename(till.path.with_name("ledger.db.rebuild"))
    for suffix in ("-wal", "-shm"):
        side.path.with_name(f"ledger.db{suffix}").rename(
            till.path.with_name(f"ledger.db.rebuild{suffix}")
        )
    found = progress(till.path, tmp_path / "journal.db")
    assert found is not None
    assert (found.kind, found.percent) == ("rebuild", 50)
    assert "50 % of the journal" in found.text


@pytest.mark.parametrize(
    ("done_us", "percent"), [(0, 0), (100, 0), (150, 50), (199, 99), (200, 99)]
)
def test_progress_says_neither_less_than_nothing_nor_all(done_us: int, percent: int):
    assert Progress("rebuild", 100, done_us, 200).percent == percent


def test_a_backlog_is_told_by_the_time_that_is_counted(till, tmp_path: Path):
    clock = FrozenClock(T0)
    journal = JournalWriter(tmp_path / "journal.db", clock)
    told = Item(encode_event(event("succeeded", 0, "p0")))
    for number in range(2_100):
        clock.set_us(T0 + number * SECOND_US)
        last = journal.append(Append(Stream.SHOP, "shop", "shop.events", [told]))
        if number == 0:
            last.result(timeout=60)
    last.result(timeout=60)
    journal.close()
    till.take(event("succeeded", 0, "p0"), received_s=210)
    found = progress(till.path, tmp_path / "journal.db")
    assert found is not None
    assert (found.kind, found.percent) == ("catching_up", 10)
