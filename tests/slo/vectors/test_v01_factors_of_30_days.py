"""V1: 30 days, shares 2/5/10/10 % over 1 h, 6 h, 24 h and 72 h: 14.4, 6, 3, 1."""

from fractions import Fraction

from slo.burn_rate import factor_for_share
from slo.tiers import default_tiers

DAY_S, HOUR_S = 86_400, 3_600
BUDGET = Fraction(1, 1000)


def test_v1_the_default_tiers_of_30_days() -> None:
    tiers = default_tiers(30 * DAY_S, BUDGET)
    assert [one.factor for one in tiers] == [Fraction("14.4"), 6, 3, 1]
    assert [(one.long_s, one.short_s) for one in tiers] == [
        (HOUR_S, 300),
        (6 * HOUR_S, 1800),
        (24 * HOUR_S, 7200),
        (72 * HOUR_S, 6 * HOUR_S),
    ]


def test_v1_from_the_shares_of_budget() -> None:
    shares = [(2, 1), (5, 6), (10, 24), (10, 72)]
    found = [
        factor_for_share(Fraction(share, 100), 30 * DAY_S, hours * HOUR_S)
        for share, hours in shares
    ]
    assert found == [Fraction("14.4"), 6, 3, 1]
