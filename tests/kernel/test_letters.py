"""Dead letters in the journal: in the receipt's transaction, bounded, and marked once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.clock import DAY_US, FrozenClock
from kernel.errors import BadInput
from kernel.journal import (
    Append,
    Item,
    JournalReader,
    JournalWriter,
    Kept,
    LetterFilter,
    Stream,
    letters,
)

WAIT_S = 30
ANY = LetterFilter()


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


def refusing(*indices: int, body: bytes | None = b"{}", **more: str) -> Append:
    """An append that took nothing and refused these items."""
    rejected = [
        {
            "index": index,
            "path": "$.type",
            "rule": more.get("rule", "event.type.unknown"),
            "reason": "why",
            "kept": Kept("event/1", more.get("source", "shop"), "", body, 2, "d1"),
        }
        for index in indices
    ]
    return Append(Stream.SHOP, "sender", "shop.events", [], rejected=rejected)


def put(journal: JournalWriter, append: Append):
    return journal.append(append).result(WAIT_S)


def indices(reader: JournalReader, wanted: LetterFilter = ANY, limit: int = 10_000) -> list[int]:
    return [letter.item for _, letter in reader.letters(wanted, limit=limit)]


def test_a_rejected_item_is_kept_with_its_receipt_and_the_receipt_without_it(journal, reader):
    receipt = put(journal, refusing(3)).receipt
    letter = reader.letter(receipt, 3)
    assert letter is not None
    assert (letter.id, letter.rule, letter.path) == (f"{receipt}:3", "event.type.unknown", "$.type")
    assert letter.kept == Kept("event/1", "shop", "", b"{}", 2, "d1")
    assert (letter.sender, letter.replayed_us) == ("sender", 0)
    (told,) = reader.receipt(receipt)["rejected"]
    assert told == {"index": 3, "path": "$.type", "rule": "event.type.unknown", "reason": "why"}


def test_a_rejection_of_which_nothing_is_kept_is_a_letter_all_the_same(journal, reader):
    bare = Append(
        Stream.RAW, "s", "f", [], rejected=[{"index": 0, "path": "$[0]", "reason": "bad"}]
    )
    letter = reader.letter(put(journal, bare).receipt, 0)
    assert letter is not None
    assert (letter.rule, letter.source, letter.kept.body) == ("$[0]", "s", None)


def test_an_append_that_fails_leaves_no_letter(journal, reader):
    broken = replace(refusing(1), items=[Item("no bytes")], whole=True)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        put(journal, broken)
    assert indices(reader) == []
    assert reader.letter_total().letters == 0


def test_an_item_beyond_its_bound_keeps_length_and_digest_alone(journal, reader):
    large = b"x" * (letters.MAX_ITEM_BYTES + 1)
    letter = reader.letter(put(journal, refusing(0, body=large)).receipt, 0)
    assert letter is not None
    assert (letter.kept.body, letter.kept.digest) == (None, "d1")


def test_the_oldest_go_beyond_the_number_and_are_counted(journal, reader, monkeypatch):
    monkeypatch.setattr(letters, "MAX_LETTERS", 5)
    for index in range(8):
        put(journal, refusing(index))
    assert indices(reader) == [7, 6, 5, 4, 3]
    total = reader.letter_total()
    assert (total.letters, total.gone) == (5, 3)


def test_the_oldest_go_beyond_the_bytes(journal, reader, monkeypatch):
    monkeypatch.setattr(letters, "MAX_BYTES", 1_000)
    for index in range(10):
        put(journal, refusing(index, body=b"x" * 300))
    assert indices(reader) == [9, 8, 7]
    assert reader.letter_total().bytes <= 1_000


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 400)), max_size=12))
def test_the_totals_are_those_of_what_is_kept(tmp_path_factory, appends):
    folder = tmp_path_factory.mktemp("letters")
    journal = JournalWriter(folder / "journal.db", FrozenClock())
    reader = JournalReader(folder / "journal.db")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(letters, "MAX_LETTERS", 7)
            patch.setattr(letters, "MAX_BYTES", 900)
            for count, size in appends:
                put(journal, refusing(*range(count), body=b"x" * size))
        kept = [letter for _, letter in reader.letters(ANY, limit=1_000)]
        size = sum(len(one.kept.body or b"") + len(one.reason) for one in kept)
        total = reader.letter_total()
        assert (total.letters, total.bytes) == (len(kept), size)
        assert total.letters + total.gone == sum(count for count, _ in appends)
        assert total.letters <= 7
        assert total.bytes <= 900
    finally:
        reader.close()
        journal.close()


def test_letters_live_as_long_as_the_keys_of_items(journal, reader, clock):
    put(journal, refusing(0))
    clock.advance_s(8 * 86_400)
    put(journal, refusing(1))
    journal.trim(0).result(WAIT_S)
    assert indices(reader) == [1]
    assert reader.letter_total() == letters.LetterTotal(1, 5, 0)
    assert letters.KEEP_US == Append(Stream.SHOP, "s", "f", []).horizon_us == 7 * DAY_US


def test_letters_are_found_by_rule_and_source_and_page_by_page(journal, reader):
    put(journal, refusing(0, rule="a", source="one"))
    put(journal, refusing(1, rule="b", source="one"))
    put(journal, refusing(2, rule="b", source="two"))
    assert indices(reader, LetterFilter(rule="b")) == [2, 1]
    assert indices(reader, LetterFilter(source="one")) == [1, 0]
    assert indices(reader, LetterFilter(rule="b", source="one")) == [1]
    (seq, _) = reader.letters(ANY, limit=1)[0]
    assert indices(reader, LetterFilter(before=seq)) == [1, 0]


def test_the_first_replay_marks_a_letter_and_a_second_changes_nothing(journal, reader, clock):
    receipt = put(journal, refusing(0)).receipt
    right = Append(Stream.SHOP, "s", "f", [Item(b"{}", b"key")], replays=f"{receipt}:0")
    first = put(journal, right).receipt
    clock.advance_s(5)
    second = put(journal, right)
    letter = reader.letter(receipt, 0)
    assert letter is not None
    assert (letter.replayed_as, second.accepted) == (first, 0)
    assert reader.replayed_of(receipt) == {0: first}
    assert indices(reader, LetterFilter(waiting=True)) == []


def test_a_replay_in_vain_gives_the_letter_its_new_reason(journal, reader):
    receipt = put(journal, refusing(0)).receipt
    name = f"{receipt}:0"
    assert journal.refuse_again(name, "event.time", "$.time", "too late").result(WAIT_S)
    letter = reader.letter(receipt, 0)
    assert letter is not None
    assert (letter.rule, letter.reason, letter.tries) == ("event.time", "too late", 1)
    assert reader.letter_total().bytes == len("{}") + len("too late")
    put(journal, Append(Stream.SHOP, "s", "f", [Item(b"{}")], replays=name))
    assert not journal.refuse_again(name, "x", "$", "x").result(WAIT_S)
    assert not journal.refuse_again("none:0", "x", "$", "x").result(WAIT_S)


def test_what_waits_is_counted_up_to_a_bound(journal, reader, clock):
    begun_us = clock.now_us()
    for _ in range(5):
        put(journal, Append(Stream.RAW, "s", "f", [Item(b"12345")], whole=True))
        clock.advance_s(1)
    waiting = reader.waiting([Stream.RAW], 0, limit=3)
    assert (waiting.records, waiting.bytes, waiting.oldest_us) == (3, 15, begun_us)
    top = reader.head().position
    assert reader.waiting([Stream.RAW], top, limit=3).records == 0
    assert reader.waiting([Stream.SHOP], 0, limit=3).oldest_us is None
