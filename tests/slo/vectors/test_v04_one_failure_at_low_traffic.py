"""V4: target 0.999, 10 attempts an hour, 30 days, one failure: 13.888 % spent, 7.2 allowed."""

from fractions import Fraction

from slo.budget import Budget
from slo.tiers import WindowCounts, default_tiers, fires

BUDGET = Fraction(1, 1000)


def test_v4_one_failure_spends_a_seventh_of_the_budget() -> None:
    month = Budget(bad=1, total=10 * 24 * 30, ratio=BUDGET)
    assert month.allowed == Fraction("7.2")
    assert 1 - month.left == Fraction(1000, 7200)
    assert month.bad_left == 6


def test_v4_it_pages_nobody() -> None:
    hour = WindowCounts(long_bad=1, long_total=10, short_bad=1, short_total=1)
    assert not any(fires(tier, hour, BUDGET, 5) for tier in default_tiers(30 * 86_400, BUDGET))
