"""V11: 1,800 slices seen of 2,016, 1,750 good: what the missing ones are makes the figure."""

from fractions import Fraction

from slo.time_slices import Slice, tally
from tests.slo.test_time_slices import FIVE_MIN

SEEN = [Slice(100, 0)] * 1750 + [Slice(0, 100)] * 50
MISSING = [Slice(0, 0, observed=False)] * 216


def sli(rule: str) -> Fraction:
    return tally(SEEN + MISSING, FIVE_MIN, rule).budget(Fraction(1, 100)).sli


def test_v11_missing_slices_are_left_out() -> None:
    assert sli("freeze") == sli("neutral") == Fraction(1750, 1800)
    assert round(float(sli("freeze")), 5) == 0.97222


def test_v11_missing_slices_are_bad_where_the_objective_says_so() -> None:
    assert sli("bad") == Fraction(1750, 2016)


def test_v11_counted_as_good_they_would_flatter_which_is_not_on_offer() -> None:
    as_good = Fraction(1750 + 216, 2016)
    assert round(float(as_good), 5) == 0.97520
    assert sli("freeze") < as_good


def test_v11_slices_without_an_attempt_are_no_gap() -> None:
    quiet = tally(SEEN + [Slice(0, 0)] * 216, FIVE_MIN, "bad")
    assert (quiet.neutral, quiet.gaps, quiet.coverage) == (216, 0, 1)
    assert quiet.budget(Fraction(1, 100)).sli == Fraction(1750, 1800)
