"""V5: target 0.999, 15 % errors: 1 h at 14.4 trips after 5.76 min, 5 min after 0.48 min."""

from fractions import Fraction

import pytest

from slo.burn_rate import seconds_to_trip

FACTOR, BUDGET, ERRORS = Fraction("14.4"), Fraction(1, 1000), Fraction(15, 100)


@pytest.mark.parametrize(("window_s", "minutes"), [(3600, 5.76), (300, 0.48)])
def test_v5_time_to_trip_from_clean_history(window_s: int, minutes: float) -> None:
    assert seconds_to_trip(ERRORS, FACTOR, BUDGET, window_s) == pytest.approx(minutes * 60)


def test_v5_below_the_threshold_it_never_trips() -> None:
    assert seconds_to_trip(Fraction(1, 100), FACTOR, BUDGET, 3600) == float("inf")
