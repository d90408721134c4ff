"""V7: target 0.999, 30 days: burn 36 for 1 h spends 5 %; burn 35 empties it in 20.57 h, 2 in 15 d,
10 in 3 d, 1000 in 43.2 min.
"""

from fractions import Fraction

import pytest

from slo.burn_rate import seconds_to_empty, share_spent

MONTH_S, DAY_S = 30 * 86_400, 86_400
WHOLE = Fraction(1)


def test_v7_an_hour_at_36_spends_5_percent() -> None:
    assert share_spent(Fraction(36), 3600, MONTH_S) == Fraction(5, 100)


@pytest.mark.parametrize(
    ("burn", "seconds"),
    [(35, 20.5714 * 3600), (2, 15 * DAY_S), (10, 3 * DAY_S), (1000, 43.2 * 60)],
)
def test_v7_time_until_a_full_budget_is_empty(burn: int, seconds: float) -> None:
    assert seconds_to_empty(Fraction(burn), WHOLE, MONTH_S) == pytest.approx(seconds, rel=1e-5)


def test_v7_without_a_burn_never_and_when_spent_at_once() -> None:
    assert seconds_to_empty(Fraction(0), WHOLE, MONTH_S) == float("inf")
    assert seconds_to_empty(Fraction(2), Fraction(-1), MONTH_S) == 0
