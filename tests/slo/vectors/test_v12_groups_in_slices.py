"""V12: groups A and B, 5 bad slices each of 720, disjoint: 99.305 % each, 98.611 % by any-bad."""

from fractions import Fraction

from slo.time_slices import Slice, Verdict, any_bad, count_verdicts, tally, verdict
from tests.slo.test_time_slices import FIVE_MIN

GOOD, BAD = Slice(100, 0), Slice(0, 100)
A = [BAD] * 5 + [GOOD] * 715
B = [GOOD] * 5 + [BAD] * 5 + [GOOD] * 710
BUDGET = Fraction(1, 100)


def verdicts(group: list[Slice]) -> list[Verdict]:
    return [verdict(one, Fraction(95, 100)) for one in group]


def test_v12_each_group_has_715_good_slices_of_720() -> None:
    for group in (A, B):
        found = count_verdicts(verdicts(group), "freeze").budget(BUDGET).sli
        assert found == Fraction(715, 720)
        assert int(found * 100_000) == 99_305


def test_v12_bad_where_any_group_is_gives_710_of_720() -> None:
    found = count_verdicts(any_bad([verdicts(A), verdicts(B)]), "freeze").budget(BUDGET).sli
    assert found == Fraction(710, 720)
    assert round(float(found), 5) == 0.98611


def test_v12_ours_is_the_sum_so_that_a_small_group_weighs_what_it_sells() -> None:
    small = [Slice(one.good // 100, one.bad // 100) for one in B]
    together = [
        Slice(one.good + two.good, one.bad + two.bad) for one, two in zip(A, small, strict=True)
    ]
    assert tally(together, FIVE_MIN, "freeze").budget(BUDGET).sli == Fraction(715, 720)
