"""V6: target 0.9: a total outage burns at 10, so a written 14.4 must be refused."""

from fractions import Fraction

import pytest

from kernel.errors import BadInput
from slo.burn_rate import burn_rate, maximum_burn
from slo.tiers import Tier, default_tiers, reports, written_tier

BUDGET = Fraction(1, 10)


def tier(factor: str) -> Tier:
    return Tier("1h", 3600, 300, Fraction(factor), page=True)


def test_v6_a_total_outage_burns_at_10() -> None:
    assert maximum_burn(BUDGET) == burn_rate(1000, 1000, BUDGET) == 10


def test_v6_a_written_factor_above_it_is_refused_with_both_figures() -> None:
    with pytest.raises(BadInput, match=r"14\.4 can never be reached: a total outage burns at 10"):
        written_tier(tier("14.4"), BUDGET)


def test_v6_at_the_maximum_it_can_still_fire() -> None:
    assert written_tier(tier("10"), BUDGET) == tier("10")


def test_v6_a_default_factor_is_lowered_and_reported() -> None:
    tiers = default_tiers(30 * 86_400, BUDGET)
    assert (tiers[0].factor, tiers[0].lowered_from) == (8, Fraction("14.4"))
    assert reports(tiers) == [
        "tier 1h: the usual factor 14.4 could never fire with this target, so 8 is used"
    ]
