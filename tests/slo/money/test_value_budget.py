"""The budget in money: from the same units, additive over segments, weighed by value."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.ledger.sums import MoneySums, Sums, total_of
from slo.money.answer import money_method, money_out
from slo.money.words import budget_sentence
from slo.objective import Indicator, Selector, Threshold
from tests.slo.shop_till import payments

amounts = st.integers(0, 10**12)
parts = st.lists(st.builds(MoneySums, amounts, amounts), min_size=1, max_size=8)


def euros(money: MoneySums) -> Sums:
    return Sums(money={"EUR": money} if money != MoneySums() else {})


@given(parts, st.sampled_from(["0.9", "0.995", "0.9995", "0.99999"]))
def test_what_may_fail_adds_up_over_segments_exactly(money: list[MoneySums], target: str) -> None:
    objective = payments(target)
    whole = money_out(total_of(euros(one) for one in money), {}, objective)
    each = [out for one in money for out in money_out(euros(one), {}, objective)]
    allowed = sum((Fraction(out.allowed_exact) for out in each), Fraction(0))
    assert allowed == sum((Fraction(out.allowed_exact) for out in whole), Fraction(0))
    left = [Fraction(out.allowed_exact) - out.bad_minor for out in each]
    if whole:
        assert Fraction(whole[0].allowed_exact) - whole[0].bad_minor == sum(left)
        assert whole[0].left_minor == sum(left) // 1


def test_a_basket_of_900_euros_weighs_thirty_times_one_of_30() -> None:
    objective = payments("0.99")
    good = 10_000_000

    def spent(bad_minor: int) -> Fraction:
        total = good + 90_000
        [out] = money_out(euros(MoneySums(total - bad_minor, bad_minor)), {}, objective)
        return out.bad_minor / Fraction(out.allowed_exact)

    assert spent(90_000) == 30 * spent(3_000)


def test_what_is_left_is_told_in_the_currencys_own_digits() -> None:
    assert budget_sentence(1_124_000, "EUR", "failed", "payments") == (
        "11,240.00 EUR of failed payments are still affordable."
    )
    assert budget_sentence(1_124_000, "JPY", "failed", "payments") == (
        "1,124,000 JPY of failed payments are still affordable."
    )
    assert budget_sentence(1_124_000, "KWD", "slow", "checkouts").startswith("1,124.000 KWD")
    assert budget_sentence(-34_000, "EUR", "failed", "payments") == (
        "340.00 EUR of failed payments are beyond the target."
    )


def test_an_overspent_budget_is_negative_not_zero() -> None:
    [out] = money_out(euros(MoneySums(9_000, 1_000)), {}, payments("0.99"))
    assert (out.allowed_minor, out.left_minor, out.budget_left) == (100, -900, -9.0)


@pytest.mark.parametrize(("slow", "words"), [(False, "30 min after"), (True, "too slow")])
def test_the_method_of_lost_value_is_that_of_the_objective(slow: bool, words: str) -> None:
    total = Selector(frozenset({"payment.succeeded"}))
    indicator = Indicator(total, threshold=Threshold("latency_ms", "lte", 3000))
    objective = payments(indicator=indicator) if slow else payments()
    assert words in money_method(objective)
