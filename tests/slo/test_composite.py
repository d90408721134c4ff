"""Composites of objectives as laws."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import BadInput
from slo.composite import Member, composite

shares = st.fractions(min_value=0, max_value=1)
weights = st.fractions(min_value=Fraction(1, 100), max_value=100)
members = st.builds(Member, weights, st.none() | shares, st.sampled_from(["good", "bad", "ignore"]))
parts = st.lists(members, min_size=1, max_size=8)


@given(parts)
def test_law_a_composite_lies_between_its_worst_and_its_best_member(found: list[Member]) -> None:
    taken = [one.taken for one in found if one.taken is not None]
    sli = composite(found).sli
    if taken:
        assert min(taken) <= sli <= max(taken)
    else:
        assert sli is None


@given(parts, weights)
def test_law_only_the_proportion_of_the_weights_matters(
    found: list[Member], factor: Fraction
) -> None:
    scaled = [Member(one.weight * factor, one.sli, one.when_missing) for one in found]
    assert composite(scaled) == composite(found)


@given(parts)
def test_law_what_is_ignored_might_as_well_not_be_there(found: list[Member]) -> None:
    more = [*found, Member(Fraction(7), None, "ignore")]
    assert composite(more).sli == composite(found).sli
    assert composite(more).coverage < 1


@given(parts)
def test_law_counted_as_bad_it_is_never_better_than_counted_as_good(found: list[Member]) -> None:
    bad = composite([*found, Member(Fraction(1), None, "bad")]).sli
    good = composite([*found, Member(Fraction(1), None, "good")]).sli
    assert bad < good


def test_a_composite_has_a_budget_like_any_promise() -> None:
    found = composite([Member(Fraction(1), Fraction("0.999")), Member(Fraction(1), Fraction(1))])
    assert found.budget(Fraction("0.999")).left == Fraction(1, 2)


def test_without_members_or_weight_there_is_nothing_to_weigh() -> None:
    for wrong in ([], [Member(Fraction(0), Fraction(1))], [Member(Fraction(-1), Fraction(1))]):
        with pytest.raises(BadInput, match="weight above 0"):
            composite(wrong)
