"""What a gap does to budget and state: freeze, neutral, bad."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from kernel.shop_event import ShopEvent
from slo.budget import Budget, with_gap
from slo.objective import Window
from slo.schemas import SloOut
from tests.slo.history import steady, tell
from tests.slo.shop_till import START_US, Till, all_fail, payments

T0 = START_US - START_US % HOUR_US
RULES = ("freeze", "neutral", "bad")
ratios = st.fractions(min_value=Fraction(1, 1000), max_value=1)
counts = st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def shown(
    tmp_path: Path, rule: str, events: Iterable[ShopEvent], now_us: int, *, silent_us: int = 0
) -> SloOut:
    till = Till(tmp_path, [payments("0.9", window=Window(DAY_US), no_data=rule)])
    tell(till, events, now_us=now_us)
    tell(till, [], now_us=now_us + silent_us)
    return till.service.show("payment-success")


def a_gap_in_the_past() -> Iterable[ShopEvent]:
    """Ten hours of 60 attempts an hour, of which the fifth hour is missing."""
    gap_us = T0 + 4 * HOUR_US
    return chain(steady(T0, gap_us, 1), steady(gap_us + HOUR_US, T0 + 10 * HOUR_US, 1))


def test_a_gap_in_the_past_lowers_coverage_under_every_rule(tmp_path: Path) -> None:
    for rule in RULES:
        found = shown(tmp_path / rule, rule, a_gap_in_the_past(), T0 + 10 * HOUR_US)
        assert found.coverage == pytest.approx(0.9)
        assert found.no_data is not None
        assert (found.no_data.rule, found.no_data.present) == (rule, "")
        assert found.no_data.gap_s == 3600
        assert found.counts.good == 540


def test_left_out_by_freeze_and_neutral_it_spends_nothing(tmp_path: Path) -> None:
    for rule in ("freeze", "neutral"):
        found = shown(tmp_path / rule, rule, a_gap_in_the_past(), T0 + 10 * HOUR_US)
        assert (found.sli, found.budget_left, found.state) == (1.0, 1.0, "ok")
        assert found.no_data is not None
        assert found.no_data.spent == 0


def test_by_the_rule_bad_the_gap_is_failed_time(tmp_path: Path) -> None:
    found = shown(tmp_path, "bad", a_gap_in_the_past(), T0 + 10 * HOUR_US)
    assert found.sli == pytest.approx(0.9)
    assert found.budget_left == pytest.approx(0)
    assert found.state == "broken"
    assert found.reason == "the budget is spent, 100.0% of it by time without data"
    assert found.no_data is not None
    assert found.no_data.spent == pytest.approx(1)
    # As many attempts as the gap would have had are taken as failed; the counts stay what they are.
    assert (found.bad_left, found.counts.bad) == (0, 0)


def test_while_the_shop_is_silent_only_freeze_says_no_data(tmp_path: Path) -> None:
    for rule, state in zip(RULES, ("no_data", "ok", "ok"), strict=True):
        events = steady(T0, T0 + 10 * HOUR_US, 1)
        now_us, silent_us = T0 + 10 * HOUR_US, 10 * MINUTE_US
        found = shown(tmp_path / rule, rule, events, now_us, silent_us=silent_us)
        assert found.state == state
        assert found.no_data is not None
        assert "nothing heard from shop" in found.no_data.present
    assert found.budget_left == pytest.approx(1 - (10 / 610) / 0.1)


def test_the_longer_the_silence_the_more_the_rule_bad_spends(tmp_path: Path) -> None:
    till = Till(tmp_path, [payments("0.9", window=Window(DAY_US), no_data="bad")])
    tell(till, steady(T0, T0 + 10 * HOUR_US, 1), now_us=T0 + 10 * HOUR_US)
    left = []
    for _ in range(4):
        tell(till, [], now_us=till.clock.now_us() + 30 * MINUTE_US)
        left.append(till.service.show("payment-success").budget_left)
    assert left == sorted(left, reverse=True)
    assert left[-1] < 0 < left[0]


@pytest.mark.parametrize("rule", RULES)
def test_where_nothing_was_counted_or_our_own_counting_lags_it_is_no_data_under_every_rule(
    tmp_path: Path, rule: str
) -> None:
    empty = shown(tmp_path / "empty", rule, [], T0)
    assert (empty.state, empty.sli, empty.budget_left) == ("no_data", None, None)
    till = Till(tmp_path, [payments("0.9", window=Window(DAY_US), no_data=rule)])
    tell(till, steady(T0, T0 + HOUR_US, 1), now_us=T0 + HOUR_US)
    till.clock.advance_s(600)  # the ledger's watermark does not follow
    behind = till.service.show("payment-success")
    assert (behind.state, "watermark is behind" in behind.reason) == ("no_data", True)


@pytest.mark.parametrize("rule", RULES)
def test_burn_alerts_hold_their_state_in_a_gap_under_every_rule(tmp_path: Path, rule: str) -> None:
    till = Till(tmp_path, [payments(no_data=rule)])
    till.play(600)
    till.play(60, fails=all_fail)
    assert till.alerts(open_only=True)
    till.silence(1500)
    assert till.alerts(open_only=True)
    assert till.service.show("payment-success").state in {"no_data", "broken"}


@given(counts, ratios, ratios)
def test_law_a_gap_is_an_outage_of_its_share_of_the_time(
    pair: tuple[int, int], ratio: Fraction, coverage: Fraction
) -> None:
    bad, total = pair
    budget = with_gap(Budget(bad, total, ratio), coverage)
    assert 1 - budget.sli == coverage * Fraction(bad, total) + (1 - coverage)
    assert budget.left == 1 - (1 - budget.sli) / ratio
    assert budget.left >= 1 - 1 / ratio


@given(counts, ratios)
def test_law_without_a_gap_nothing_changes_and_without_coverage_all_failed(
    pair: tuple[int, int], ratio: Fraction
) -> None:
    budget = Budget(*pair, ratio)
    assert with_gap(budget, Fraction(1)) == budget
    assert with_gap(budget, Fraction(0)).sli == 0
    empty = Budget(0, 0, ratio)
    assert with_gap(empty, Fraction(1, 2)) == empty
