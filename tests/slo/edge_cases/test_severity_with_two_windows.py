"""Table 2.8, "severity with two windows": the less severe of a tier's two windows decides.

OpenObserve's example: target 35 %, the indicator is 35.85 % over one window (burn 0.987) and
57.46 % over the other (burn 0.654); with a warning at 0.8 and an alarm at 1.2 nothing fires.
"""

from fractions import Fraction

import pytest

from slo.burn_rate import burn_rate
from slo.tiers import Tier, WindowCounts, fires

BUDGET = 1 - Fraction("0.35")
WARN = Tier("warn", 3600, 300, Fraction("0.8"), page=False)
ALARM = Tier("alarm", 3600, 300, Fraction("1.2"), page=True)
WORSE, BETTER = (6415, 10_000), (4254, 10_000)


def both(long: tuple[int, int], short: tuple[int, int]) -> WindowCounts:
    return WindowCounts(*long, *short)


def test_the_burns_are_those_of_the_example() -> None:
    assert float(burn_rate(*WORSE, BUDGET)) == pytest.approx(0.987, abs=5e-4)
    assert float(burn_rate(*BETTER, BUDGET)) == pytest.approx(0.654, abs=6e-4)


@pytest.mark.parametrize(("long", "short"), [(WORSE, BETTER), (BETTER, WORSE)])
def test_one_window_alone_warns_of_nothing(long: tuple[int, int], short: tuple[int, int]) -> None:
    assert not fires(WARN, both(long, short), BUDGET, 5)


def test_both_windows_make_the_level_that_both_reach() -> None:
    assert fires(WARN, both(WORSE, WORSE), BUDGET, 5)
    assert not fires(ALARM, both(WORSE, WORSE), BUDGET, 5)
    much_worse = (8000, 10_000)
    assert fires(ALARM, both(much_worse, much_worse), BUDGET, 5)
    assert fires(WARN, both(much_worse, WORSE), BUDGET, 5)
    assert not fires(ALARM, both(much_worse, WORSE), BUDGET, 5)
