"""V13: four slices of 10/10 and one of 20/40: 75 % of the events, 90 % as a mean of slices."""

from fractions import Fraction

from slo.budget import event_weighted
from slo.time_slices import Slice, tally
from tests.slo.test_time_slices import RATIOS

SLICES = [Slice(10, 0)] * 4 + [Slice(20, 20)]


def test_v13_by_events_it_is_75_percent() -> None:
    found = event_weighted([(one.bad, one.total) for one in SLICES], Fraction(1, 100))
    assert found.sli == Fraction(75, 100)


def test_v13_by_ratio_slices_it_is_90_percent() -> None:
    assert tally(SLICES, RATIOS, "freeze").budget(Fraction(1, 100)).sli == Fraction(90, 100)
