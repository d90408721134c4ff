"""Table 2.8, "maximum burn": nothing burns faster than 1/(1 - target); more is refused."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import BadInput
from slo.burn_rate import burn_rate, maximum_burn
from slo.tiers import Tier, default_tiers, written_tier

budgets = st.fractions(min_value=Fraction(1, 100_000), max_value=1)


@given(budgets, st.integers(1, 10**9))
def test_a_total_outage_burns_at_the_maximum(budget: Fraction, total: int) -> None:
    assert burn_rate(total, total, budget) == maximum_burn(budget) == 1 / budget


@given(budgets)
def test_a_written_tier_above_it_is_refused_and_one_at_it_is_taken(budget: Fraction) -> None:
    at = Tier("1h", 3600, 300, maximum_burn(budget), page=True)
    assert written_tier(at, budget) == at
    above = Tier("1h", 3600, 300, maximum_burn(budget) + Fraction(1, 10**9), page=True)
    with pytest.raises(BadInput, match="never be reached"):
        written_tier(above, budget)


@given(budgets, st.integers(1, 400))
def test_every_default_tier_can_fire(budget: Fraction, days: int) -> None:
    for tier in default_tiers(days * 86_400, budget):
        assert 0 < tier.factor <= maximum_burn(budget)
