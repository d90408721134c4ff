"""Table 2.8, "composite with NO_DATA member": each member says what it is worth without data."""

from fractions import Fraction

from slo.composite import Member, WhenMissing, composite

GOOD = Member(Fraction(3), Fraction("0.99"))


def with_missing(rule: WhenMissing) -> Fraction | None:
    return composite([GOOD, Member(Fraction(1), None, rule)]).sli


def test_counted_as_good_as_bad_or_ignored() -> None:
    assert with_missing("good") == Fraction("0.9925")
    assert with_missing("bad") == Fraction("0.7425")
    assert with_missing("ignore") == Fraction("0.99")


def test_a_member_that_says_nothing_else_counts_as_bad() -> None:
    assert composite([GOOD, Member(Fraction(1), None)]).sli == with_missing("bad")


def test_where_every_member_is_left_out_there_is_no_figure() -> None:
    found = composite([Member(Fraction(1), None, "ignore")] * 2)
    assert (found.sli, found.coverage) == (None, 0)
    assert found.budget(Fraction("0.99")).left is None


def test_what_was_taken_for_missing_members_never_hides() -> None:
    taken = composite([GOOD, Member(Fraction(1), None, "good")])
    assert taken.coverage == Fraction(3, 4)
