"""Tallies: every item of every sender is counted once, in the transaction that stores it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.clock import DAY_US, MINUTE_US, SECOND_US, FrozenClock
from kernel.errors import Unavailable
from kernel.journal import (
    Append,
    Item,
    ItemClass,
    JournalReader,
    JournalWriter,
    Refused,
    Stream,
    class_of_event,
)
from kernel.journal.admission import Limits
from kernel.journal.tally import OTHER, SourceBudget
from kernel.shop_event import CANONICAL_TYPES

WAIT_S = 30
# A minute of its own in the middle of a day.
NOON_US = 20_000 * DAY_US + DAY_US // 2


@pytest.fixture
def clock():
    return FrozenClock(NOON_US)


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


def shop(*names: str, **options) -> Append:
    items = [Item(json.dumps(name).encode(), name.encode()) for name in names]
    options = {"source": "web", "sender": "token", **options}
    return Append(Stream.SHOP, format="json", items=items, **options)


def put(journal, append):
    return journal.append(append).result(WAIT_S)


def day_of(reader, **only):
    """(sender, source, class) -> (stored, rejected, duplicate, shed) of the day of NOON_US."""
    found = reader.day_tallies(NOON_US - NOON_US % DAY_US, **only)
    return {(t.sender, t.source, str(t.item_class)): t.counts.by_verdict() for t in found}


def test_an_append_is_counted_by_sender_source_class_and_verdict(journal, reader):
    first = put(journal, shop("a", "b", item_class=ItemClass.MONEY))
    rejected = [{"index": 0, "reason": "no type"}]
    last = put(journal, shop("b", "c", item_class=ItemClass.MONEY, rejected=rejected))
    assert day_of(reader) == {("token", "web", "money"): (3, 1, 1, 0)}
    (minute,) = reader.tallies(NOON_US - MINUTE_US, NOON_US + MINUTE_US)
    assert minute.from_us == NOON_US - NOON_US % MINUTE_US
    assert minute.counts.first_position == first.position
    assert minute.counts.last_position == last.position


def test_items_of_one_append_are_counted_under_their_own_labels(journal, reader):
    put(journal, shop("b"))
    labels = [("web", ItemClass.MONEY), ("app", ItemClass.BUSINESS), ("app", ItemClass.MONEY)]
    put(journal, shop("a", "b", "c", labels=labels, item_class=ItemClass.MONEY))
    assert day_of(reader) == {
        ("token", "web", "business"): (1, 0, 0, 0),
        ("token", "web", "money"): (1, 0, 0, 0),
        ("token", "app", "business"): (0, 0, 1, 0),
        ("token", "app", "money"): (1, 0, 0, 0),
    }


def test_a_whole_body_counts_as_the_items_that_it_holds(journal, reader):
    def export() -> Append:
        items = [Item(b"512 spans", b"digest")]
        return Append(Stream.RAW, "otel", "otlp.traces", items, whole=True, holds=512)

    assert put(journal, export()).accepted == 512
    again = put(journal, export())
    assert (again.accepted, again.duplicates) == (0, (0,))
    assert reader.receipt(again.receipt)["duplicates"] == 512
    assert day_of(reader) == {("otel", "otel", "trace"): (512, 0, 512, 0)}


def test_rejected_items_beyond_those_noted_are_counted(journal, reader):
    noted = [{"index": n, "reason": "bad"} for n in range(100)]
    done = put(journal, shop(rejected=noted, rejected_count=4_321))
    assert reader.receipt(done.receipt)["rejected_count"] == 4_321
    assert day_of(reader) == {("token", "web", "business"): (0, 4_321, 0, 0)}


def test_the_receipt_knows_which_items_were_duplicates(journal, reader):
    put(journal, shop("b", "c", "e"))
    done = put(journal, shop("a", "b", "c", "d", "e"))
    receipt = reader.receipt(done.receipt)
    assert receipt["known"] == [[1, 2], [4, 4]]
    assert (receipt["sender"], receipt["rejected_count"]) == ("token", 0)


def test_every_canonical_type_of_payment_checkout_and_order_is_money():
    money = {one for one in CANONICAL_TYPES if class_of_event(one) is ItemClass.MONEY}
    assert money == {
        one for one in CANONICAL_TYPES if one.split(".")[0] in "payment checkout order"
    }
    assert class_of_event("com.shop.payment.own") is ItemClass.BUSINESS


@pytest.mark.parametrize(
    ("stream", "format_", "expected"),
    [
        (Stream.SHOP, "shop.events", ItemClass.BUSINESS),
        (Stream.RAW, "otlp.traces", ItemClass.TRACE),
        (Stream.RAW, "otlp.metrics", ItemClass.METRIC),
        (Stream.RAW, "otlp.logs", ItemClass.LOG),
        (Stream.RAW, "change", ItemClass.CHANGE),
        (Stream.RAW, "stripe", ItemClass.WEBHOOK),
        (Stream.ALERT, "alertmanager-v4", ItemClass.ALERT),
        (Stream.SLACK, "click", ItemClass.SLACK),
        (Stream.DERIVED, "shop.events", ItemClass.MONEY),
    ],
)
def test_an_append_that_names_no_class_has_that_of_its_stream_and_format(stream, format_, expected):
    assert Append(stream, "s", format_, []).worth is expected


class Model:
    """What the tallies must say, counted the plain way."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.minutes: Counter[tuple[int, str, str]] = Counter()

    def put(self, now_us: int, source: str, names: list[str], rejected: int) -> None:
        minute = now_us - now_us % MINUTE_US
        for name in names:
            known = name in self.seen
            self.seen.add(name)
            self.minutes[minute, source, "duplicate" if known else "stored"] += 1
        self.minutes[minute, source, "rejected"] += rejected


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.integers(-90, 200),
            st.sampled_from(["web", "app"]),
            st.lists(st.sampled_from("abcdefgh"), max_size=4),
            st.integers(0, 3),
            st.booleans(),
        ),
        max_size=15,
    )
)
def test_tallies_agree_with_plain_counting_whatever_the_clock_does(tmp_path_factory, steps):
    clock, model = FrozenClock(NOON_US), Model()
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    writer, newest_us = JournalWriter(path, clock), 0
    for step_s, source, names, rejected, restart in steps:
        clock.set_us(clock.now_us() + step_s * SECOND_US)
        newest_us = max(newest_us, clock.now_us(), NOON_US)
        noted = [{"index": n, "reason": "bad"} for n in range(rejected)]
        put(writer, shop(*names, source=source, rejected=noted))
        model.put(newest_us, source, names, rejected)
        if restart:
            writer.close()
            writer = JournalWriter(path, clock)
    writer.close()
    reader = JournalReader(path)
    found: Counter[tuple[int, str, str]] = Counter()
    for tally in reader.tallies(0, 2 * NOON_US):
        names = ("stored", "rejected", "duplicate", "shed")
        for verdict, number in zip(names, tally.counts.by_verdict(), strict=True):
            found[tally.from_us, tally.source, verdict] += number
    days = sum(
        sum(tally.counts.by_verdict())
        for day_us in reader.days(2 * NOON_US)
        for tally in reader.day_tallies(day_us)
    )
    reader.close()
    assert +found == +model.minutes
    assert days == sum(model.minutes.values())


def test_a_record_that_cannot_be_stored_counts_nothing_and_takes_nobody_with_it(journal, reader):
    bad = shop("x", source="\ud800")
    waiting = [journal.append(one) for one in (shop("a"), bad, shop("b"))]
    for future in (waiting[0], waiting[2]):
        future.result(WAIT_S)
    assert waiting[1].exception(WAIT_S) is not None
    assert day_of(reader) == {("token", "web", "business"): (2, 0, 0, 0)}


def test_what_the_disk_refused_is_not_counted_as_stored(journal, reader):
    put(journal, shop("a"))
    real = journal._open

    def full():
        db = real()
        db.execute("PRAGMA max_page_count = 1")
        return db

    journal._open = full
    journal._fail()
    big = shop("x" * 200_000)
    with pytest.raises(Unavailable):
        put(journal, big)
    journal._open = real
    put(journal, shop("b"))
    assert day_of(reader) == {("token", "web", "business"): (2, 0, 0, 0)}


def test_refused_items_are_counted_as_shed_with_the_next_commit(tmp_path, clock):
    path = tmp_path / "journal.db"
    writer = JournalWriter(path, clock, limits=Limits(appends=0, bytes=0))
    with pytest.raises(Refused):
        put(writer, shop("a", "b", sender="\ud800"))
    writer.close()
    writer = JournalWriter(path, clock)
    reader = JournalReader(path)
    assert day_of(reader) == {}, "a process that ends takes what it has not written with it"
    writer.gate.measured(quota_share=9.0, free_share=9.0)
    with pytest.raises(Refused):
        put(writer, shop("c", sender="\ud800", labels=[("x\ud800", ItemClass.BUSINESS)]))
    put(writer, shop("d", item_class=ItemClass.MONEY))
    assert day_of(reader) == {
        ("?", "x?", "business"): (0, 0, 0, 1),
        ("token", "web", "money"): (1, 0, 0, 0),
    }
    reader.close()
    writer.close()


def test_too_many_sources_are_counted_together_and_none_is_lost(journal, reader):
    for block in range(6):
        names = [f"{block}-{n}" for n in range(100)]
        labels = [(name, ItemClass.MONEY) for name in names]
        put(journal, shop(*names, sender="loud", labels=labels))
    put(journal, shop("calm", sender="calm", source="calm"))
    day = day_of(reader)
    assert day["loud", OTHER, "money"] == (100, 0, 0, 0)
    assert day["calm", "calm", "business"] == (1, 0, 0, 0)
    assert len(day) == 502
    assert sum(counts[0] for counts in day.values()) == 601
    minutes = reader.tallies(0, 2 * NOON_US)
    assert len(minutes) == 130
    assert sum(tally.counts.stored for tally in minutes) == 601


def test_the_bound_on_sources_survives_a_restart(tmp_path, clock):
    path = tmp_path / "journal.db"
    for start in range(2):
        writer = JournalWriter(path, clock)
        labels = [(f"{start}-{n}", ItemClass.MONEY) for n in range(300)]
        put(writer, shop(*[name for name, _ in labels], labels=labels))
        writer.close()
    reader = JournalReader(path)
    day = day_of(reader)
    reader.close()
    assert len(day) == 501
    assert day["token", OTHER, "money"] == (100, 0, 0, 0)


@given(pairs=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), max_size=200))
def test_names_are_bounded_in_all_and_per_sender_and_stable(pairs):
    budget = SourceBudget(total=20, of_sender=8)
    placed = {}
    for sender, number in pairs:
        place = budget.place(sender, str(number))
        assert placed.setdefault((sender, number), place) == place
        assert place in {(sender, str(number)), (sender, OTHER), (OTHER, OTHER)}
    named = {place for place in placed.values() if place[1] != OTHER}
    assert len(named) <= 20
    assert max(Counter(sender for sender, _ in named).values(), default=0) <= 8


def test_minutes_go_after_eight_days_and_days_after_four_hundred(journal, clock, reader):
    put(journal, shop("a"))
    clock.advance_s(9 * 86_400)
    put(journal, shop("b"))
    while journal.trim(1).result(WAIT_S):
        pass
    assert [t.from_us for t in reader.tallies(0, 2 * NOON_US)] == [
        clock.now_us() - clock.now_us() % MINUTE_US
    ]
    assert len(reader.days(2 * NOON_US)) == 2
    clock.advance_s(399 * 86_400)
    while journal.trim(1).result(WAIT_S):
        pass
    assert reader.tallies(0, 2 * NOON_US) == []
    assert len(reader.days(2 * NOON_US)) == 1


def test_readers_narrow_tallies_down(journal, reader):
    put(journal, shop("a", sender="s1", source="x"))
    put(journal, shop("b", sender="s2", source="x"))
    put(journal, shop("c", sender="s2", source="y"))
    assert set(day_of(reader, sender="s2")) == {("s2", "x", "business"), ("s2", "y", "business")}
    assert {t.sender for t in reader.tallies(0, 2 * NOON_US, source="x")} == {"s1", "s2"}
    assert reader.tallies(0, NOON_US - MINUTE_US) == []


OLD_SCHEMA = """
CREATE TABLE record (
    position INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, source TEXT NOT NULL,
    format TEXT NOT NULL, received_us INTEGER NOT NULL, items INTEGER NOT NULL,
    receipt TEXT NOT NULL, detail TEXT NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE seen (key BLOB PRIMARY KEY, until_us INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE receipt (
    id TEXT PRIMARY KEY, position INTEGER, stream TEXT NOT NULL, source TEXT NOT NULL,
    received_us INTEGER NOT NULL, accepted INTEGER NOT NULL, duplicates INTEGER NOT NULL,
    rejected TEXT NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE tick (one INTEGER PRIMARY KEY CHECK (one = 1), at_us INTEGER NOT NULL) STRICT;
INSERT INTO record VALUES (7, 'shop', 'web', 'json', 5, 1, 'r-old', '{}', x'5b2261225d');
INSERT INTO receipt VALUES ('r-old', 7, 'shop', 'web', 5, 1, 2, '[{"index": 1, "reason": "x"}]');
INSERT INTO tick VALUES (1, 6);
"""


def test_a_journal_of_the_first_version_opens_reads_and_goes_on(tmp_path, clock):
    path = tmp_path / "journal.db"
    db = sqlite3.connect(path)
    db.executescript(OLD_SCHEMA)
    db.close()
    shutil.copy(path, tmp_path / "untouched.db")
    early = JournalReader(tmp_path / "untouched.db")
    old = early.receipt("r-old")
    assert (old["duplicates"], old["rejected_count"], old["known"]) == (2, 1, [])
    assert early.tallies(0, NOON_US) == early.day_tallies(0) == early.days(NOON_US) == []
    early.close()
    for name in ("b", "c"):  # twice: the second start finds nothing to do
        writer = JournalWriter(path, clock)
        put(writer, shop(name))
        writer.close()
    reader = JournalReader(path)
    assert reader.receipt("r-old") == {**old, "sender": ""}
    assert [json.loads(r.body) for r in reader.read([Stream.SHOP], 0)] == [["a"], ["b"], ["c"]]
    assert day_of(reader) == {("token", "web", "business"): (2, 0, 0, 0)}
    reader.close()


def test_counts_behind_the_tick_do_not_change_any_more(journal, clock, reader):
    put(journal, shop("a"))
    clock.advance_s(DAY_US / SECOND_US)
    put(journal, shop("b"))
    yesterday = NOON_US - NOON_US % DAY_US
    closed = reader.day_tallies(yesterday)
    assert reader.head().tick_us >= yesterday + DAY_US
    clock.set_us(NOON_US)
    put(journal, shop("c"))
    assert reader.day_tallies(yesterday) == closed
    assert sum(t.counts.stored for t in reader.day_tallies(yesterday + DAY_US)) == 2
