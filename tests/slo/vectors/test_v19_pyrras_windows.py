"""V19: Pyrra's window table, and what our tiers do where it goes wrong."""

from __future__ import annotations

from fractions import Fraction

import pytest

from slo.burn_rate import share_spent
from slo.tiers import default_tiers
from tests.slo.rules.pyrra import pyrra_table

DAY_S = 86_400
TABLE = {
    7: [(15, 1, 1), (90, 8, 4), (360, 30, 15), (1440, 90, 45)],
    14: [(30, 3, 1), (180, 15, 8), (720, 60, 30), (2880, 180, 90)],
    28: [(60, 5, 2), (360, 30, 15), (1440, 120, 60), (5760, 360, 180)],
    30: [(64, 5, 2), (386, 32, 16), (1543, 129, 64), (6171, 386, 193)],
    90: [(193, 16, 6), (1157, 96, 48), (4629, 386, 193), (18_514, 1157, 579)],
}
BUDGET = Fraction(1, 1000)


@pytest.mark.parametrize("days", sorted(TABLE))
def test_v19_the_table_is_pyrras(days: int) -> None:
    found = [(one.long_min, one.short_min, one.for_min) for one in pyrra_table(days)]
    assert found == TABLE[days]
    assert [one.factor for one in pyrra_table(days)] == [14, 7, 2, 1]


def test_v19_over_one_day_pyrras_short_window_is_nothing_and_ours_are_not() -> None:
    assert pyrra_table(1)[0].short_min == 0
    tiers = default_tiers(DAY_S, BUDGET)
    assert tiers
    for tier in tiers:
        assert 0 < tier.short_s < tier.long_s <= DAY_S


@pytest.mark.parametrize(
    ("days", "first"), [(7, Fraction(8, 100)), (28, Fraction(2, 100)), (90, Fraction(1, 100))]
)
def test_v19_our_first_tier_means_a_share_of_the_budget(days: int, first: Fraction) -> None:
    """Pyrra pages for the same 2.08 % of the budget in ever other windows: 15 min, 1 h, 193 min."""
    tier = default_tiers(days * DAY_S, BUDGET)[0]
    assert share_spent(tier.factor, tier.long_s, days * DAY_S) == first
    pair = pyrra_table(days)[0]
    spent = share_spent(Fraction(pair.factor), pair.long_min * 60, days * DAY_S)
    assert float(spent) == pytest.approx(0.0208, abs=1e-4)
