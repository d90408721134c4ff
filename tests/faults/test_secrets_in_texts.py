"""Planted secrets at the redactor: nothing of any kind, in any frame, is let through."""

from __future__ import annotations

import random
import uuid

import pytest

from collector.redaction import Redactor
from collector.redaction.pan import is_pan
from tests.faults.cards import cards, known_misses, parts_of, spellings
from tests.faults.searching import Search
from tests.faults.secrets import KINDS, Planting, plantings

REDACTOR = Redactor(b"0123456789abcdef")
SEED = 20261120
# Kinds that the redactor does not know in every frame yet: to be emptied as it learns them.
AWAITED = frozenset({"cvv"})


def left_over(planting: Planting) -> set[str]:
    stored = REDACTOR.document({planting.key or "note": planting.text, "n": 1})
    return Search(planting.parts).of(repr(stored).encode())


@pytest.mark.parametrize("kind", KINDS)
def test_no_part_of_a_planted_secret_is_left(kind, request):
    if kind in AWAITED:
        request.node.add_marker(
            pytest.mark.xfail(reason="not known in every frame yet", strict=True)
        )
    planted = [one for one in plantings(random.Random(SEED)) if one.kind == kind]
    assert planted
    missed = [f"{one.frame} {one.key}: {one.text}" for one in planted if left_over(one)]
    assert missed == []


def test_the_search_finds_what_nobody_masked():
    # Without this the test above could pass because it looks for the wrong thing.
    for planting in plantings(random.Random(SEED)):
        document = repr({planting.key or "note": planting.text})
        assert Search(planting.parts).of(document.encode()), planting


def test_a_card_number_of_every_brand_is_masked_in_every_spelling():
    for card in cards(random.Random(SEED)):
        search = Search(parts_of(card))
        for spelling in spellings(card):
            assert search.of(spelling.text.encode()), spelling
            masked = REDACTOR.text(spelling.text)
            assert f"[pan:{card[-4:]}]" in masked, spelling
            assert search.of(masked.encode()) == set(), spelling
        for number in (int(card), float(card)):
            if int(number) == int(card):
                assert REDACTOR.value("amount", number) == f"[pan:{card[-4:]}]"


def test_the_known_misses_are_what_the_documentation_says():
    for card in cards(random.Random(SEED)):
        for miss in known_misses(card):
            assert "[pan:" not in REDACTOR.text(miss.text), miss
        halves = {"first": card[:8], "second": card[8:]}
        assert REDACTOR.document(halves) == halves


def harmless(rng: random.Random, count: int) -> dict[str, list[str]]:
    """What stands in every batch of telemetry and is never a card."""
    now_ns = 1_795_000_000_000_000_000
    return {
        "nanoseconds": [str(now_ns + rng.getrandbits(57)) for _ in range(count)],
        "microseconds": [str((now_ns + rng.getrandbits(57)) // 1_000) for _ in range(count)],
        "trace ids": [f"{rng.getrandbits(128):032x}" for _ in range(count)],
        "span ids": [f"{rng.getrandbits(64):016x}" for _ in range(count)],
        "uuids": [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(count)],
    }


def check_left_alone(rng: random.Random, count: int) -> dict[str, int]:
    """How many of each were changed. A span id of sixteen digits can be a card number by chance:
    nothing tells them apart but the field that it stands in, which OTLP has and a text has not.
    """
    hits: dict[str, int] = {}
    for name, texts in harmless(rng, count).items():
        hit = [text for text in texts if REDACTOR.text(text) != text]
        hits[name] = len(hit)
        assert hit == [text for text in hit if name == "span ids" and is_pan(text)]
    return hits


def test_timestamps_and_ids_are_left_alone():
    check_left_alone(random.Random(SEED), 4_000)


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_a_million_timestamps_and_ids_are_left_alone(say):
    hits = check_left_alone(random.Random(SEED + 1), 1_000_000)
    say(f"redactor, hits in 10^6 each: {hits}")
