"""Burn rates, budgets and tiers against the published figures (V1-V9, V20) and as laws."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import BadInput
from slo.budget import Budget, event_weighted
from slo.burn_rate import (
    burn_rate,
    maximum_burn,
    reaches,
    seconds_to_empty,
    seconds_to_trip,
    share_spent,
)
from slo.tiers import Tier, WindowCounts, default_tiers, fires, reports, written_tier

DAY_S = 86_400
B999 = Fraction(1, 1000)


def factors(days: int, budget: Fraction = B999) -> list[Fraction]:
    return [tier.factor for tier in default_tiers(days * DAY_S, budget)]


def test_v1_factors_of_thirty_days() -> None:
    assert factors(30) == [Fraction(144, 10), 6, 3, 1]


def test_v2_factors_of_twenty_eight_days() -> None:
    assert factors(28) == [
        Fraction(1344, 100),
        Fraction(56, 10),
        Fraction(28, 10),
        Fraction(14, 15),
    ]


def test_v3_factors_of_seven_days() -> None:
    assert factors(7) == [
        Fraction(1344, 100),
        Fraction(35, 10),
        Fraction(14, 10),
        Fraction(98, 100),
    ]


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


def test_v4_one_failure_at_low_traffic_spends_a_seventh_of_the_budget() -> None:
    month = Budget(bad=1, total=10 * 24 * 30, ratio=B999)
    assert month.allowed == Fraction(72, 10)
    assert 1 - month.left == Fraction(1000, 7200)
    assert month.bad_left == 6


def test_v5_fifteen_percent_trips_the_hour_after_5_76_minutes() -> None:
    factor = Fraction(144, 10)
    assert seconds_to_trip(Fraction(15, 100), factor, B999, 3600) == pytest.approx(5.76 * 60)
    assert seconds_to_trip(Fraction(15, 100), factor, B999, 300) == pytest.approx(0.48 * 60)


def test_v6_a_written_factor_that_cannot_fire_is_refused_and_a_default_one_lowered() -> None:
    budget = Fraction(1, 10)
    assert maximum_burn(budget) == 10
    with pytest.raises(BadInput, match="never be reached"):
        written_tier(Tier("1h", 3600, 300, Fraction(144, 10), page=True), budget)
    tiers = default_tiers(30 * DAY_S, budget)
    assert tiers[0].factor == 8
    assert tiers[0].lowered_from == Fraction(144, 10)
    assert reports(tiers) == [
        "tier 1h: the usual factor 14.4 could never fire with this target, so 8 is used"
    ]


def test_v7_shares_and_paces() -> None:
    month_s = 30 * DAY_S
    assert share_spent(Fraction(36), 3600, month_s) == Fraction(5, 100)
    one = Fraction(1)
    assert seconds_to_empty(Fraction(35), one, month_s) / 3600 == pytest.approx(20.571, abs=1e-3)
    assert seconds_to_empty(Fraction(2), one, month_s) == 15 * DAY_S
    assert seconds_to_empty(Fraction(10), one, month_s) == 3 * DAY_S
    assert seconds_to_empty(Fraction(1000), one, month_s) / 60 == pytest.approx(43.2)
    assert seconds_to_empty(Fraction(0), one, month_s) == float("inf")
    assert seconds_to_empty(Fraction(2), Fraction(-1), month_s) == 0


def test_v8_a_window_is_event_weighted_and_no_mean_of_ratios() -> None:
    day, night = (5, 10_000), (1, 20)  # .05 % of 10,000 and 5 % of 20, in twice as many slices
    parts = [day] * 288 + [night] * 144
    found = event_weighted(parts, B999)
    bad, total = 288 * 5 + 144, 288 * 10_000 + 144 * 20
    assert Fraction(found.bad, found.total) == Fraction(bad, total)
    exact = Fraction(bad, total)
    assert float(exact) == pytest.approx(5.4945e-4, rel=1e-4)
    assert float(found.left) == pytest.approx(0.4505, abs=1e-4)


def test_v9_spent_and_left_of_a_94_percent_target() -> None:
    found = Budget(bad=5054, total=100_000, ratio=Fraction(6, 100))
    assert float(1 - found.left) == pytest.approx(0.8423, abs=1e-4)
    assert float(found.left) == pytest.approx(0.1577, abs=1e-4)
    assert float(burn_rate(5054, 100_000, found.ratio)) == pytest.approx(0.842, abs=1e-3)


def test_v20_half_bad_burns_fifty_fold_and_reaches_every_tier() -> None:
    budget = Fraction(1, 100)
    assert Budget(5, 10, budget).sli == Fraction(1, 2)
    assert burn_rate(5, 10, budget) == 50
    counts = WindowCounts(5, 10, 5, 10)
    assert all(fires(tier, counts, budget, 5) for tier in default_tiers(30 * DAY_S, budget))


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
