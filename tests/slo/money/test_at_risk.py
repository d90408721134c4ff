"""The interval of the value that fails per minute."""

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from slo.money.at_risk import interval80
from slo.money.schemas import RateOut
from slo.money.words import at_risk_sentence

slices = st.lists(st.integers(0, 10**8), min_size=2, max_size=60)


@given(slices)
def test_the_interval_holds_what_was_seen(seen: list[int]) -> None:
    found = interval80(seen)
    assert 0 <= found.low <= sum(seen) * (1 + 1e-9)
    assert found.high >= sum(seen) * (1 - 1e-9)


@given(slices, st.integers(2, 1000))
def test_it_does_not_depend_on_the_unit_of_money(seen: list[int], factor: int) -> None:
    one, other = interval80(seen), interval80([factor * value for value in seen])
    assert math.isclose(one.high * factor, other.high, rel_tol=1e-6)
    assert math.isclose(one.low * factor, other.low, rel_tol=1e-6, abs_tol=1e-3)


def test_nothing_seen_has_no_width() -> None:
    assert (interval80([0] * 60).low, interval80([0] * 60).high) == (0.0, 0.0)


def test_equal_slices_still_leave_room_for_chance() -> None:
    found = interval80([1000] * 60)
    assert found.low < 58_000
    assert found.high > 62_000


def test_eighty_of_a_hundred_intervals_hold_the_truth() -> None:
    """Few and many baskets a span, of log-normal values (EUR 40 in the middle, mean EUR 55)."""
    chance = random.Random(20261201)
    mean = math.exp(8.3 + 0.32)
    for baskets in (3, 20, 100):
        held = tried = 0
        for _ in range(600):
            seen = [_slice(chance, baskets / 60) for _ in range(60)]
            if sum(seen):
                found = interval80(seen)
                tried += 1
                held += found.low <= baskets * mean <= found.high
        assert 0.74 <= held / tried <= 0.86, baskets


def _slice(chance: random.Random, rate: float) -> int:
    """Value of a Poisson number of baskets."""
    value, left = 0, chance.expovariate(1)
    while left < rate:
        value += int(chance.lognormvariate(8.3, 0.8))
        left += chance.expovariate(1)
    return value


def test_the_sentence_tells_amount_interval_and_counts() -> None:
    rate = RateOut(currency="EUR", per_minute_minor=12_640, low_minor=9_000, high_minor=17_010)
    assert at_risk_sentence(30, 360, [rate], 300) == (
        "Failing now: 126.40 EUR per minute (80 %: 90.00 to 170.10);"
        " 30 of 360 attempts failed in the newest 5 min."
    )
    assert at_risk_sentence(0, 360, [], 300).startswith("Nothing is failing now: none of 360")
    assert at_risk_sentence(2, 360, [], 65).startswith("No value is known of what fails now: 2 of")
