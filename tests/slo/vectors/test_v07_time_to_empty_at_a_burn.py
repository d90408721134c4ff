"""V7's times to an empty budget: 99.9 % over 30 days, by the formula and by the simulation."""

from __future__ import annotations

from fractions import Fraction

import pytest

from slo.burn_rate import seconds_to_empty
from slo.forecast.paths import hours_to_empty

BURNS_HOURS = [(35, 20.571), (2, 15 * 24), (10, 3 * 24), (1000, 0.72)]


@pytest.mark.parametrize(("burn", "hours"), BURNS_HOURS)
def test_the_formula_gives_the_vectors_time(burn: int, hours: float) -> None:
    found = seconds_to_empty(Fraction(burn), Fraction(1), 30 * 86_400) / 3600
    assert found == pytest.approx(hours, abs=0.001)


@pytest.mark.parametrize(("burn", "hours"), BURNS_HOURS)
def test_the_simulation_gives_the_same_on_clean_history(burn: int, hours: float) -> None:
    budget, per_h, window_h = 0.001, 10_000, 30 * 24
    gain = budget * per_h
    coming = [gain * (1 - burn)] * window_h
    found = hours_to_empty(gain * window_h, coming, [gain] * window_h)
    assert found == pytest.approx(hours, abs=0.001)
