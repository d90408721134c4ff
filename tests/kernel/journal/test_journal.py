"""The journal: durable before the answer, each key once, complete up to its tick."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.clock import DAY_US, SECOND_US, FrozenClock
from kernel.errors import BadInput, Unavailable
from kernel.journal import Append, Head, Item, ItemClass, JournalReader, JournalWriter, Stream
from kernel.journal.seen import Seen

WAIT_S = 30


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def journal(tmp_path, clock):
    writer = JournalWriter(tmp_path / "journal.db", clock)
    yield writer
    writer.close()


@pytest.fixture
def reader(tmp_path, journal):
    found = JournalReader(tmp_path / "journal.db")
    yield found
    found.close()


def shop(*names: str, stream: Stream = Stream.SHOP, **options) -> Append:
    """A record of JSON strings, each its own key."""
    items = [Item(json.dumps(name).encode(), name.encode()) for name in names]
    return Append(stream, "shop", "json", items, **options)


def put(journal: JournalWriter, append: Append):
    return journal.append(append).result(WAIT_S)


def trim(journal: JournalWriter, before_position: int) -> None:
    """All of it."""
    while journal.trim(before_position).result(WAIT_S):
        pass


def names(reader: JournalReader) -> list[str]:
    """All items of the shop stream in order."""
    return [name for record in reader.read([Stream.SHOP], 0) for name in json.loads(record.body)]


def test_each_key_is_stored_once_and_the_receipt_says_which_were_known(journal, reader):
    first = put(journal, shop("a", "b"))
    second = put(journal, shop("b", "c", "b", "c"))
    assert (first.accepted, first.duplicates) == (2, ())
    assert (second.accepted, second.duplicates) == (1, (0, 2, 3))
    assert names(reader) == ["a", "b", "c"]
    receipt = reader.receipt(second.receipt)
    assert (receipt["accepted"], receipt["duplicates"]) == (1, 3)
    assert receipt["position"] == second.position


def test_a_record_of_known_items_alone_writes_only_its_receipt(journal, reader):
    put(journal, shop("a"))
    again = put(journal, shop("a"))
    assert again.position is None
    assert reader.receipt(again.receipt)["accepted"] == 0
    assert names(reader) == ["a"]


def test_items_without_a_key_are_never_taken_for_repeats(journal, reader):
    item = Item(b"1")
    assert put(journal, Append(Stream.SHOP, "s", "json", [item, item])).accepted == 2
    assert put(journal, Append(Stream.SHOP, "s", "json", [item])).accepted == 1


def test_a_key_is_forgotten_after_its_horizon(journal, clock, reader):
    put(journal, shop("a", horizon_us=10 * SECOND_US))
    clock.advance_s(10)
    assert put(journal, shop("a", horizon_us=10 * SECOND_US)).accepted == 0
    clock.advance_s(11)
    assert put(journal, shop("a")).accepted == 1


def test_a_whole_body_is_kept_byte_by_byte(journal, reader):
    body = bytes(range(256))
    raw = Append(Stream.RAW, "otlp", "protobuf", [Item(body, b"k")], whole=True, detail={"p": "/x"})
    put(journal, raw)
    (record,) = reader.read([Stream.RAW], 0)
    assert (record.body, record.detail, record.items) == (body, {"p": "/x"}, 1)


def test_rejected_items_are_in_the_receipt(journal, reader):
    done = put(journal, shop("a", rejected=[{"index": 1, "reason": "no type"}]))
    assert reader.receipt(done.receipt)["rejected"] == [{"index": 1, "reason": "no type"}]
    assert reader.receipt("nothing") is None


def test_appends_that_wait_together_share_commits_and_none_is_lost(tmp_path, journal, reader):
    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(lambda n: put(journal, shop(f"n{n}", "same")), range(400)))
    assert sum(one.accepted for one in done) == 401
    found = names(reader)
    assert sorted(found) == sorted(["same", *(f"n{n}" for n in range(400))])


def test_records_come_in_order_of_position_and_receive_time_even_if_the_clock_falls(
    journal, clock, reader
):
    for step_s in (5, -100, 3, -1, 50):
        clock.set_us(clock.now_us() + step_s * SECOND_US)
        put(journal, shop(str(clock.now_us())))
    records = reader.read([Stream.SHOP], 0)
    assert [r.position for r in records] == sorted(r.position for r in records)
    assert [r.received_us for r in records] == sorted(r.received_us for r in records)


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=25))
def test_everything_received_up_to_the_tick_lies_at_or_below_the_head(tmp_path_factory, steps):
    clock = FrozenClock()
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    writer, reader = JournalWriter(path, clock), JournalReader(path)
    try:
        heads: list[Head] = []
        for number, (append, seconds) in enumerate(steps):
            clock.advance_s(seconds)
            if append:
                put(writer, shop(f"i{number}"))
            heads.append(reader.head())
        records = reader.read([Stream.SHOP], 0)
        for head in heads:
            late = [r for r in records if r.position > head.position]
            assert all(record.received_us >= head.tick_us for record in late)
        assert [h.tick_us for h in heads] == sorted(h.tick_us for h in heads)
    finally:
        reader.close()
        writer.close()


def test_ticks_move_on_while_nothing_arrives(journal, clock, reader):
    before = reader.head()
    clock.advance_s(60)
    pause = threading.Event()
    while reader.head().tick_us == before.tick_us:
        pause.wait(0.05)
    assert reader.head() == Head(before.position, clock.now_us())


def test_what_was_acknowledged_survives_a_new_writer(tmp_path, clock):
    path = tmp_path / "journal.db"
    writer = JournalWriter(path, clock)
    first = put(writer, shop("a"))
    writer.close()
    clock.set_us(clock.now_us() - 3600 * SECOND_US)
    writer = JournalWriter(path, clock)
    second = put(writer, shop("a", "b"))
    writer.close()
    assert second.accepted == 1
    reader = JournalReader(path)
    records = reader.read([Stream.SHOP], 0)
    assert [r.position for r in records] == [first.position, second.position]
    assert records[1].received_us >= records[0].received_us
    reader.close()


def test_a_reader_that_is_early_sees_nothing_and_then_everything(tmp_path, clock):
    path = tmp_path / "journal.db"
    reader = JournalReader(path)
    assert reader.read([Stream.SHOP], 0) == []
    assert reader.head() == Head(0, 0)
    writer = JournalWriter(path, clock)
    put(writer, shop("a"))
    assert names(reader) == ["a"]
    reader.close()
    writer.close()


def test_a_batch_is_bounded_by_count_and_by_bytes(journal, reader):
    for number in range(6):
        put(journal, shop(f"{number}" * 100))
    assert len(reader.read([Stream.SHOP], 0, limit=2)) == 2
    assert len(reader.read([Stream.SHOP], 0, max_bytes=150)) == 2
    assert len(reader.read([Stream.SHOP], 0, max_bytes=1)) == 1
    assert reader.read([Stream.ALERT, Stream.SLACK], 0) == []


class FullDisk:
    """Bounds the journal's file, as a full disk would; can be mended."""

    def __init__(self, journal: JournalWriter) -> None:
        self._journal = journal
        self._open = journal._open

    def fill(self) -> None:
        def bounded() -> sqlite3.Connection:
            db = self._open()
            db.execute("PRAGMA max_page_count = 1")  # SQLite raises it to the present size
            return db

        self._journal._open = bounded
        self._journal._fail()

    def mend(self) -> None:
        self._journal._open = self._open


def test_a_full_disk_refuses_loses_nothing_and_needs_no_restart(journal, reader):
    put(journal, shop("before"))
    disk = FullDisk(journal)
    disk.fill()
    big = Append(Stream.SHOP, "s", "json", [Item(json.dumps("x" * 100_000).encode(), b"big")])
    with pytest.raises(Unavailable) as refused:
        put(journal, big)
    assert refused.value.retry_after_s >= 1
    assert names(reader) == ["before"]
    disk.mend()
    assert put(journal, big).accepted == 1, "the refused key was not remembered"
    assert journal.healthy
    assert len(names(reader)) == 2


def test_a_folder_that_was_taken_away_for_a_while_does_not_end_the_writer(tmp_path, clock):
    folder, aside = tmp_path / "data", tmp_path / "aside"
    journal = JournalWriter(folder / "journal.db", clock)
    put(journal, shop("before"))
    folder.rename(aside)
    folder.write_text("not a folder")
    journal._fail()
    with pytest.raises(Unavailable):
        put(journal, shop("refused"))
    folder.unlink()
    aside.rename(folder)
    assert put(journal, shop("after")).accepted == 1
    assert journal.healthy
    journal.close()


def test_one_record_that_cannot_be_stored_does_not_end_the_writer(journal, reader):
    bad = Append(Stream.SHOP, "\ud800", "json", [Item(b"1", b"k")])
    waiting = [journal.append(one) for one in (shop("a"), bad, shop("b"))]
    with pytest.raises(BadInput):
        waiting[1].result(WAIT_S)
    assert [waiting[i].result(WAIT_S).accepted for i in (0, 2)] == [1, 1]
    assert journal.healthy


def test_a_sender_that_gave_up_waiting_does_not_end_the_writer(journal, reader):
    for number in range(200):
        journal.append(shop(f"n{number}")).cancel()
    assert put(journal, shop("after")).accepted == 1
    assert names(reader)[-1] == "after"


def test_a_closed_journal_refuses_at_once(journal):
    waiting = journal.append(shop("a"))
    journal.close()
    assert waiting.result(WAIT_S).accepted == 1
    with pytest.raises(Unavailable):
        put(journal, shop("b"))
    assert not journal.healthy


def test_trimming_keeps_seven_days_and_what_consumers_have_not_read(journal, clock, reader):
    positions = []
    for name in ("old", "unread", "young"):
        positions.append(put(journal, shop(name)).position)
        clock.advance_s(4 * 86400)
    trim(journal, positions[1])
    assert names(reader) == ["unread", "young"]
    clock.advance_s(30 * 86400)
    trim(journal, positions[1])
    assert names(reader) == ["unread", "young"]


def test_trimming_is_done_in_small_steps_so_that_appends_need_not_wait(tmp_path, clock):
    # All keys but the last one's have left the log by then.
    keys = Seen(generation=1, slice_size=10_000)
    journal = JournalWriter(tmp_path / "journal.db", clock, seen_keys=keys)
    reader = JournalReader(tmp_path / "journal.db")
    for block in range(3):
        put(journal, shop(*(f"{block}-{n}" for n in range(1000))))
    clock.advance_s(9 * 86400)
    last = put(journal, shop("young")).position
    steps = [journal.trim(last).result(WAIT_S) for _ in range(3)]
    assert steps == [2007, 1000, 0]
    assert names(reader) == ["young"]
    assert put(journal, shop("0-1", "2-999")).accepted == 2
    reader.close()
    journal.close()


def test_trimming_by_size_never_touches_what_consumers_have_not_read(tmp_path, clock):
    writer = JournalWriter(tmp_path / "small.db", clock, max_bytes=200_000)
    reader = JournalReader(tmp_path / "small.db")
    done = [
        put(writer, shop(f"{n}" + "x" * 10_000, item_class=ItemClass.MONEY)) for n in range(100)
    ]
    trim(writer, done[50].position)
    left = [record.position for record in reader.read([Stream.SHOP], 0)]
    assert left == [one.position for one in done[50:]]
    trim(writer, done[99].position)
    left = [record.position for record in reader.read([Stream.SHOP], 0)]
    assert len(left) < 50
    assert left[-1] == done[99].position
    reader.close()
    writer.close()


def test_positions_are_never_used_again_after_trimming(journal, clock):
    old = put(journal, shop("a")).position
    clock.set_us(clock.now_us() + 8 * DAY_US)
    journal.trim(old + 1).result(WAIT_S)
    assert put(journal, shop("b")).position == old + 1


@pytest.mark.parametrize("fate", ["lost", "restored"])
def test_a_journal_that_was_lost_or_restored_gives_out_no_position_twice(tmp_path, clock, fate):
    path, copy = tmp_path / "journal.db", tmp_path / "backup.db"
    first = JournalWriter(path, clock)
    put(first, shop("a"))
    first.close()
    shutil.copy(path, copy)
    clock.advance_s(5)
    second = JournalWriter(path, clock)
    read_up_to = [put(second, shop(f"b{n}")).position for n in range(3)][-1]
    second.close()
    for file in tmp_path.glob("journal.db*"):
        file.unlink()
    if fate == "restored":
        shutil.copy(copy, path)
    clock.advance_s(1)
    third = JournalWriter(path, clock)
    put(third, shop("new"))
    reader = JournalReader(path)
    (found,) = reader.read([Stream.SHOP], read_up_to)
    assert json.loads(found.body) == ["new"]
    reader.close()
    third.close()
