"""V16: 99.95 % of a week leave 5.04 minutes (5 min 2.4 s)."""

from fractions import Fraction

from slo.budget import Budget

WEEK_S = 7 * 86_400


def test_v16_the_budget_of_a_week_is_5_04_minutes() -> None:
    week = Budget(0, WEEK_S, 1 - Fraction("0.9995"))
    assert week.allowed / 60 == Fraction("5.04")
    assert week.allowed == Fraction("302.4")
