"""Which segment is named for a cause; and laws of grouping."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from slo.fast_tier import SLICE_US, Rule
from slo.ledger.sums import FineCell
from slo.segments import (
    Span,
    common,
    firing,
    matches,
    name_of_cause,
    rest_suffers_too,
    run_of,
    without,
)

NAMES = ("provider", "region", "method")
END = 1_000_000 * SLICE_US
SPAN = Span(END, 181, open_slice=True)
RULE = Rule(Fraction(5, 1000), open_slice=True)


def cells(
    bad_of: dict[tuple[str, str, str], int], total: int = 60
) -> dict[tuple[str, ...], list[FineCell]]:
    found: dict[tuple[str, ...], list[FineCell]] = {}
    for provider in ("stripe", "adyen"):
        for region in ("eu", "us"):
            for method in ("card", "redirect"):
                key = (provider, region, method)
                found[key] = [FineCell(END - 2 * SLICE_US, total, bad_of.get(key, 0))]
    return found


def test_the_narrowest_segment_that_explains_the_excess_is_named() -> None:
    broken = cells({("adyen", "eu", "card"): 60, ("adyen", "eu", "redirect"): 60})
    cause = name_of_cause(firing(broken, NAMES, SPAN, RULE))
    assert cause is not None
    assert cause.segment == {"provider": "adyen", "region": "eu"}


def test_a_single_label_is_named_where_all_of_it_breaks() -> None:
    broken = {key: 60 for key in cells({}) if key[0] == "adyen"}
    cause = name_of_cause(firing(cells(broken), NAMES, SPAN, RULE))
    assert cause is not None
    assert cause.segment == {"provider": "adyen"}


def test_most_of_the_failures_in_one_part_by_chance_do_not_hide_that_the_rest_fails_too() -> None:
    broken = cells({})
    broken["adyen", "eu", "card"] = [FineCell(END - 2 * SLICE_US, 12, 12)]
    broken["adyen", "eu", "redirect"] = [FineCell(END - 2 * SLICE_US, 2, 2)]
    cause = name_of_cause(firing(broken, NAMES, SPAN, RULE))
    assert cause is not None
    assert cause.segment == {"provider": "adyen", "region": "eu"}


def test_some_noise_beside_a_total_failure_does_not_widen_its_name() -> None:
    broken = cells({("adyen", "eu", "card"): 60, ("adyen", "eu", "redirect"): 3})
    cause = name_of_cause(firing(broken, NAMES, SPAN, RULE))
    assert cause is not None
    assert cause.segment == {"provider": "adyen", "region": "eu", "method": "card"}


def test_a_healthy_objective_has_no_candidates() -> None:
    assert firing(cells({}), NAMES, SPAN, RULE) == []
    assert name_of_cause([]) is None


def test_labels_that_the_objective_does_not_count_by_are_left_out() -> None:
    assert matches(NAMES, ("adyen", "eu", "card"), {"provider": "adyen", "release": "7"})
    assert not matches(NAMES, ("adyen", "eu", "card"), {"provider": "stripe"})


def test_common_labels_are_those_with_the_same_value() -> None:
    assert common({"provider": "adyen", "region": "eu"}, {"provider": "adyen", "region": "us"}) == {
        "provider": "adyen"
    }
    assert common({"provider": "adyen"}, {"provider": "stripe"}) == {}


keys = st.tuples(
    st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"]), st.sampled_from(["", "m"])
)
rows = st.integers(0, 20).flatmap(
    lambda total: st.tuples(st.integers(0, 180), st.just(total), st.integers(0, total))
)
cell_maps = st.dictionaries(
    keys,
    st.lists(rows, max_size=8).map(
        lambda found: [FineCell(END - (i + 1) * SLICE_US, n, b) for i, n, b in found]
    ),
)
labels = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["a", "b", "x", "m"]))


@given(cell_maps, labels)
def test_law_a_segment_and_the_rest_add_up_to_the_whole(
    found: dict[tuple[str, ...], list[FineCell]], chosen: dict[str, str]
) -> None:
    whole = run_of(found, NAMES, {}, SPAN)
    part = run_of(found, NAMES, chosen, SPAN)
    rest = run_of(without(found, NAMES, [chosen]), NAMES, {}, SPAN)
    assert list(whole.bad) == [a + b for a, b in zip(part.bad, rest.bad, strict=True)]
    assert list(whole.total) == [a + b for a, b in zip(part.total, rest.total, strict=True)]


@given(cell_maps)
def test_law_a_firing_segment_has_at_least_five_bad(
    found: dict[tuple[str, ...], list[FineCell]],
) -> None:
    for one in firing(found, NAMES, SPAN, RULE):
        assert one.bad >= 5
        assert one.bad <= one.total


def test_a_segment_that_fires_first_does_not_stand_for_all_where_the_rest_fails_too() -> None:
    ill = cells(dict.fromkeys(cells({}), 20) | {("adyen", "eu", "card"): 60})
    found = [one for one in firing(ill, NAMES, SPAN, RULE) if one.segment == {"provider": "adyen"}]
    assert rest_suffers_too(found[0], run_of(ill, NAMES, {}, SPAN))
    well = cells(
        {key: 60 for key in cells({}) if key[0] == "adyen"} | {("stripe", "eu", "card"): 2}
    )
    found = [one for one in firing(well, NAMES, SPAN, RULE) if one.segment == {"provider": "adyen"}]
    assert not rest_suffers_too(found[0], run_of(well, NAMES, {}, SPAN))


def test_a_short_outage_after_a_busy_quarter_of_an_hour_still_has_a_name() -> None:
    long_ago = END - 100 * SLICE_US
    found = {
        ("adyen", "eu", "card"): [FineCell(long_ago, 9000, 0), FineCell(END - SLICE_US, 20, 20)],
        ("stripe", "eu", "card"): [FineCell(long_ago, 9000, 0), FineCell(END - SLICE_US, 20, 0)],
    }
    cause = name_of_cause(firing(found, NAMES, SPAN, RULE))
    assert cause is not None
    assert cause.segment["provider"] == "adyen"
