"""V18: a burn of 1.74 over 7 days empties a full budget in 4.02 days; the simulation agrees."""

from __future__ import annotations

from fractions import Fraction

import pytest

from slo.burn_rate import seconds_to_empty
from slo.forecast.paths import hours_to_empty

DAY_S = 86_400


def test_a_burn_of_1_74_empties_a_full_budget_of_7_days_in_4_02_days() -> None:
    days = seconds_to_empty(Fraction("1.74"), Fraction(1), 7 * DAY_S) / DAY_S
    assert days == pytest.approx(4.02, abs=0.005)


def test_the_simulation_gives_the_same_where_only_good_attempts_leave() -> None:
    budget, per_h, hours = 0.01, 1000, 7 * 24
    leaving = [budget * per_h] * hours
    coming = [budget * per_h * (1 - 1.74)] * hours
    found = hours_to_empty(budget * per_h * hours, coming, leaving)
    assert found / 24 == pytest.approx(4.02, abs=0.005)
