"""V7: target 0.999, 30 days: burn 36 for 1 h spends 5 % of the budget.

Its times to an empty budget stand in `test_v07_time_to_empty_at_a_burn`.
"""

from fractions import Fraction

from slo.burn_rate import factor_for_share, seconds_to_empty, share_spent

MONTH_S = 30 * 86_400


def test_v7_an_hour_at_36_spends_5_percent() -> None:
    assert share_spent(Fraction(36), 3600, MONTH_S) == Fraction(5, 100)
    assert factor_for_share(Fraction(5, 100), MONTH_S, 3600) == 36


def test_v7_without_a_burn_never_and_when_spent_at_once() -> None:
    assert seconds_to_empty(Fraction(0), Fraction(1), MONTH_S) == float("inf")
    assert seconds_to_empty(Fraction(2), Fraction(-1), MONTH_S) == 0
