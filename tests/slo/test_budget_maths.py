"""Burn rates, budgets and tiers as laws; the published figures are in `vectors`."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from slo.budget import Budget
from slo.burn_rate import (
    burn_rate,
    maximum_burn,
    reaches,
)
from slo.tiers import WindowCounts, default_tiers, fires

DAY_S = 86_400
B999 = Fraction(1, 1000)


def factors(days: int, budget: Fraction = B999) -> list[Fraction]:
    return [tier.factor for tier in default_tiers(days * DAY_S, budget)]


def test_factors_of_ninety_days() -> None:
    assert factors(90) == [
        Fraction(216, 10),
        Fraction(108, 10),
        Fraction(45, 10),
        Fraction(15, 10),
    ]


def test_other_lengths_keep_the_nearest_set_and_drop_windows_longer_than_themselves() -> None:
    assert factors(14) == factors(7)
    assert factors(45) == factors(31)
    assert factors(80) == factors(90)
    assert [tier.name for tier in default_tiers(DAY_S, B999)] == ["1h", "6h", "1d"]


def test_nothing_counted_is_neither_good_nor_bad() -> None:
    empty = Budget(0, 0, B999)
    assert (empty.sli, empty.left, empty.bad_left) == (None, None, 0)
    assert burn_rate(0, 0, B999) is None
    assert not reaches(0, 0, Fraction(1), B999)


def test_an_overspent_budget_goes_below_zero_without_an_end() -> None:
    assert Budget(1000, 1000, B999).left == -999
    assert Budget(1000, 1000, B999).bad_left == -999


def test_the_comparison_is_exact_and_includes_the_threshold() -> None:
    assert reaches(144, 10_000, Fraction(144, 10), B999)
    assert not reaches(143, 10_000, Fraction(144, 10), B999)


def test_few_bad_attempts_never_fire_a_tier() -> None:
    tier = default_tiers(30 * DAY_S, B999)[0]
    assert not fires(tier, WindowCounts(4, 5, 4, 5), B999, min_bad_events=5)


def test_a_tier_is_stale_once_the_newest_two_minutes_prove_a_lower_burn() -> None:
    tier = default_tiers(28 * DAY_S, Fraction(5, 1000))[0]
    after_outage = WindowCounts(2600, 21_600, 400, 1800, recent_bad=1, recent_total=720)
    assert not fires(tier, after_outage, Fraction(5, 1000), 5)
    little_traffic = WindowCounts(2600, 21_600, 400, 1800, recent_bad=0, recent_total=10)
    assert fires(tier, little_traffic, Fraction(5, 1000), 5)


def test_without_customer_keys_a_tier_wants_four_times_as_many_failures() -> None:
    tier = default_tiers(30 * DAY_S, B999)[0]
    assert not fires(tier, WindowCounts(19, 40, 19, 40, long_keyless=19), B999, 5)
    assert fires(tier, WindowCounts(20, 40, 20, 40, long_keyless=20), B999, 5)
    assert fires(tier, WindowCounts(15, 40, 15, 40, long_keyless=10), B999, 5)


budgets = st.fractions(min_value=Fraction(1, 100_000), max_value=1)
counts = st.integers(0, 10**9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, budgets)
def test_law_budget_left_is_one_minus_the_burn(pair: tuple[int, int], budget: Fraction) -> None:
    bad, total = pair
    burn = burn_rate(bad, total, budget)
    assert Budget(bad, total, budget).left == (None if burn is None else 1 - burn)


@given(counts, budgets)
def test_law_one_more_failure_than_left_overspends(pair: tuple[int, int], budget: Fraction) -> None:
    bad, total = pair
    left = Budget(bad, total, budget).bad_left
    assert bad + left <= budget * total < bad + left + 1


@given(st.integers(1, 400), budgets)
def test_law_every_default_tier_can_fire(days: int, budget: Fraction) -> None:
    for tier in default_tiers(days * DAY_S, budget):
        assert 0 < tier.factor <= maximum_burn(budget)
        assert tier.short_s < tier.long_s <= days * DAY_S
