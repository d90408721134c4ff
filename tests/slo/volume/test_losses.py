"""How many attempts are missing, as an interval, and what they would have brought."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import MINUTE_US
from slo.volume.expectation import NOTHING, Basis, Expectation
from slo.volume.losses import Interval, cost_minor, volume

HOURLY = Expectation(Basis.HOURS, flat=900.0, references=8)


def test_an_hour_of_silence_is_missing_about_what_is_usual():
    found = volume(HOURLY, 0, 0, 60 * MINUTE_US)
    assert found.expected.mid == 3600
    assert found.missing == found.expected
    assert 2000 < found.missing.low < 3000
    assert 4500 < found.missing.high < 5500


@given(begun=st.integers(0, 10_000))
def test_the_interval_is_ordered_and_never_below_nothing(begun: int):
    found = volume(HOURLY, begun, 0, 60 * MINUTE_US)
    assert 0 <= found.missing.low <= found.missing.mid <= found.missing.high


def test_more_history_makes_a_narrower_interval():
    weeks = Expectation(Basis.WEEKS, {n * 15 * MINUTE_US: 900.0 for n in range(-4, 9)})
    known = volume(weeks, 0, 0, 60 * MINUTE_US)
    guessed = volume(HOURLY, 0, 0, 60 * MINUTE_US)
    assert known.expected.mid == guessed.expected.mid
    assert known.missing.high - known.missing.low < guessed.missing.high - guessed.missing.low


def test_without_any_basis_nothing_is_missing():
    assert volume(NOTHING, 0, 0, MINUTE_US).missing == Interval(0, 0, 0)


def test_missing_attempts_cost_what_an_attempt_usually_brings_failed_ones_priced_in():
    missing = Interval(10, 20, 40)
    found = cost_minor(missing, {"EUR": 450_000, "CHF": 0}, attempts=100)
    assert found == {"EUR": Interval(45_000, 90_000, 180_000)}
    assert cost_minor(missing, {"EUR": 1}, attempts=0) == {}


@pytest.mark.parametrize("basis", [one for one in Basis if one is not Basis.NONE])
def test_the_method_is_stated(basis: Basis):
    found = volume(Expectation(basis, flat=900.0, references=3), 0, 0, MINUTE_US)
    assert "{n}" not in found.method
