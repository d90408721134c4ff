"""V10: target 99.9 %, 7 days of 5-minute slices, one bad one: 49.6 % of the budget is spent."""

from fractions import Fraction

from slo.time_slices import Slice, tally
from tests.slo.test_time_slices import FIVE_MIN


def test_v10_one_bad_slice_of_2016_spends_49_6_percent() -> None:
    week = [Slice(100, 0)] * 2015 + [Slice(50, 50)]
    budget = tally(week, FIVE_MIN, "freeze").budget(Fraction(1, 1000))
    assert 1 - budget.left == Fraction(1000, 2016)
    assert round(float(1 - budget.left), 3) == 0.496
