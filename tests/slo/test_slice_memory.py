"""Remembered slices are those that the ledger would tell: late events, corrections, gaps."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import pytest

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from slo.corrections.dropping import Drop, Drops
from slo.corrections.reader import CorrectedReader
from slo.ledger import LedgerMemory, LedgerReader
from slo.objective import Objective, TimeSlices
from slo.slice_reading import count_slices
from slo.time_slices import Census, Slice, census
from tests.slo.ledger.till import T0, Till, event, payments

BY_MINUTE = TimeSlices(MINUTE_US, Fraction(9, 10))
METHODS = (BY_MINUTE, TimeSlices(5 * MINUTE_US), TimeSlices(2 * HOUR_US, Fraction(8, 10)))
DAYS_S = 3 * 86_400


def promise(slices: TimeSlices) -> Objective:
    return payments(f"every-{slices.length_us // SECOND_US}-s", slices=slices)


def counted(
    till: Till,
    one: Objective,
    span_us: tuple[int, int],
    memory: LedgerMemory | None = None,
    drops: Drops | None = None,
) -> tuple[Census, dict[int, int]]:
    """The census of a span (its shares by attempts), as a reader of its own tells it."""
    ledger = LedgerReader(till.path, memory)
    try:
        reader = CorrectedReader(ledger, drops) if drops else ledger
        found = count_slices(reader, one, ["shop"], span_us)
        return found._replace(shares=()), dict(found.shares)
    finally:
        ledger.close()


def one_by_one(till: Till, one: Objective, span_us: tuple[int, int]) -> Census:
    """Each slice asked of the ledger for itself."""
    assert one.slices is not None
    length_us = one.slices.length_us
    reader, slices = LedgerReader(till.path), []
    for at_us in range(*span_us, length_us):
        sums = reader.sums(one, at_us, at_us + length_us)
        seen = reader.coverage(["shop"], at_us, at_us + length_us, one.max_gap_s)
        slices.append(Slice(sums.good, sums.bad, observed=seen >= Fraction(9, 10)))
    reader.close()
    return census(slices, one.slices)


def spans(draw: random.Random, one: Objective) -> tuple[int, int]:
    assert one.slices is not None
    length_us = one.slices.length_us
    edges = sorted(draw.sample(range((T0 - 4 * DAY_US) // length_us, T0 // length_us), 2))
    return edges[0] * length_us, edges[1] * length_us


def tell_something(till: Till, draw: random.Random, number: int) -> None:
    """Attempts of any time of three days, and what turns outcomes round that are counted."""
    told = []
    for _ in range(60):
        at_s = draw.randrange(-DAYS_S, -600)
        payment = f"p{draw.randrange(400)}"
        kind = draw.choice(["succeeded", "failed", "succeeded"])
        told.append(event(kind, at_s, payment, id=f"{number}/{len(told)}"))
    till.take(*told, received_s=number)


@pytest.mark.parametrize("slices", METHODS)
def test_what_is_remembered_is_what_the_ledger_tells_whatever_comes_late(
    tmp_path: Path, slices: TimeSlices
) -> None:
    draw, memory, one = random.Random(slices.length_us), LedgerMemory(), promise(slices)
    till = Till(tmp_path, [one])
    till.take(*(event("succeeded", at_s, f"s{at_s}") for at_s in range(-DAYS_S, -43_200, 240)))
    whole = T0 - 3 * DAY_US, T0
    for number in range(15):
        assert counted(till, one, whole, memory) == counted(till, one, whole)
        tell_something(till, draw, number + 1)
        for _ in range(4):
            span_us = spans(draw, one)
            assert counted(till, one, span_us, memory) == counted(till, one, span_us)
    till.close()


def test_every_slice_is_counted_as_it_would_be_alone(tmp_path: Path) -> None:
    draw, one = random.Random(7), promise(TimeSlices(5 * MINUTE_US, Fraction(9, 10)))
    till = Till(tmp_path, [one])
    heard = [at_s for at_s in range(-DAYS_S, 0, 200) if at_s % 7200 < 6000]
    till.take(*(event("succeeded", at_s, f"s{at_s}") for at_s in heard))
    tell_something(till, draw, 1)
    span_us = T0 - DAY_US, T0 - HOUR_US
    alone = one_by_one(till, one, span_us)
    assert alone.missing > 0
    assert counted(till, one, span_us) == (alone, {})
    till.close()


def test_corrections_that_come_and_go_leave_nothing_behind_in_the_memory(tmp_path: Path) -> None:
    draw, memory, one = random.Random(3), LedgerMemory(), promise(BY_MINUTE)
    till = Till(tmp_path, [one])
    till.take(*(event("succeeded", at_s, f"s{at_s}") for at_s in range(-DAYS_S, 0, 60)))
    for number in range(8):
        tell_something(till, draw, number + 1)
        begins = [T0 - draw.randrange(3 * 1440) * MINUTE_US for _ in range(number % 3)]
        drops = Drops(Drop(at_us, at_us + 90 * MINUTE_US) for at_us in begins)
        span_us = spans(draw, one)
        assert counted(till, one, span_us, memory, drops) == counted(
            till, one, span_us, drops=drops
        )
    till.close()


def test_hours_that_are_over_are_not_read_again(tmp_path: Path) -> None:
    memory, one = LedgerMemory(), promise(BY_MINUTE)
    till = Till(tmp_path, [one])
    till.take(*(event("failed", at_s, f"s{at_s}") for at_s in range(-DAYS_S, 0, 60)))
    span_us = T0 - 2 * DAY_US, T0 - DAY_US
    known = counted(till, one, span_us, memory)
    till.writer.connection().execute("DELETE FROM cell WHERE slice_us < ?", span_us[1:])
    assert counted(till, one, span_us, memory) == known
    assert counted(till, one, span_us) != known
    till.close()


def test_the_newest_minutes_are_read_anew_until_they_are_added_up(tmp_path: Path) -> None:
    memory, one = LedgerMemory(), promise(BY_MINUTE)
    till = Till(tmp_path, [one])
    till.take(*(event("succeeded", at_s, f"s{at_s}") for at_s in range(-7200, 0, 30)))
    span_us = T0 - HOUR_US, T0
    before = counted(till, one, span_us, memory)
    # Received at T0 + 1 s: the minute before T0 is not added up yet.
    till.take(*(event("failed", -30, f"f{number}") for number in range(9)), received_s=1)
    after = counted(till, one, span_us, memory)
    assert (before[0].bad, after[0].bad) == (0, 1)
    till.close()
