"""V20: goal 0.99, 5 good and 5 bad: indicator 0.5, burn 50, alert."""

from fractions import Fraction

from slo.budget import Budget
from slo.burn_rate import burn_rate
from slo.tiers import WindowCounts, default_tiers, fires

BUDGET = Fraction(1, 100)


def test_v20_half_bad_burns_fifty_fold() -> None:
    assert Budget(5, 10, BUDGET).sli == Fraction(1, 2)
    assert burn_rate(5, 10, BUDGET) == 50


def test_v20_every_tier_fires() -> None:
    counts = WindowCounts(long_bad=5, long_total=10, short_bad=5, short_total=10)
    assert all(fires(tier, counts, BUDGET, 5) for tier in default_tiers(30 * 86_400, BUDGET))
