"""Laws of the pure parts: cutting windows, coverage, repeats, lost baskets, sums."""

from __future__ import annotations

import itertools
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from slo.ledger.coverage import Observed, covered, stretches_of
from slo.ledger.levels import FINE_US, LEVELS_US, Marks, cut, level_for, marks_at, snap
from slo.ledger.losses import BadUnit, lost
from slo.ledger.repeats import counted
from slo.ledger.sums import MoneySums, Sums, total_of

times = st.integers(0, 40 * DAY_US)


@given(low=times, high=times, newest=times)
def test_a_window_is_cut_into_few_spans_that_cover_it_exactly_once(low, high, newest):
    marks = marks_at(newest, Marks())
    fine_from = marks.fine_from_us
    spans = cut(low, high, marks)
    borders = [(span.from_us, span.to_us) for span in spans]
    assert len(spans) <= 7
    assert all(one[1] == other[0] for one, other in itertools.pairwise(borders))
    assert all(b % span.level_us == 0 for span in spans for b in (span.from_us, span.to_us))
    if snap(low, fine_from) < snap(high, fine_from):
        assert (borders[0][0], borders[-1][1]) == (snap(low, fine_from), snap(high, fine_from))
    known = [span for span in spans if span.to_us <= marks.minutes_to_us]
    cells = sum((span.to_us - span.from_us) // span.level_us for span in known)
    assert cells <= 2 * (11 + 59 + 23) + 40
    for span in spans:
        assert all(
            marks.holds(span.level_us, at_us)
            for at_us in (span.from_us, span.to_us - span.level_us)
        )


@given(newest=st.lists(times, min_size=1, max_size=5))
def test_marks_never_move_back_and_lie_in_their_order(newest):
    marks = Marks()
    for at_us in newest:
        after = marks_at(at_us, marks)
        assert all(was <= now for was, now in zip(marks, after, strict=True))
        assert after.fine_from_us <= after.minutes_to_us
        assert after.days_to_us <= after.hours_to_us <= after.minutes_to_us
        marks = after


def test_the_level_of_a_series_is_the_coarsest_that_fits():
    fits = [level_for(0, step) for step in (*LEVELS_US, 3 * HOUR_US, 90 * SECOND_US, 1)]
    assert fits == [*LEVELS_US, HOUR_US, FINE_US, 0]
    assert level_for(HOUR_US, DAY_US) == HOUR_US


def test_short_silences_are_no_gaps_and_long_ones_count_whole():
    minutes = [m * MINUTE_US for m in (0, 1, 5, 20)]
    window = (0, 100 * MINUTE_US)
    assert covered(stretches_of(minutes), *window, 5 * MINUTE_US) == 1 - Fraction(14 + 79, 100)


def test_a_gap_over_the_border_has_its_true_length_but_costs_only_its_part_inside():
    minutes = [0, 10 * MINUTE_US]
    assert covered(stretches_of(minutes), 8 * MINUTE_US, 12 * MINUTE_US, 5 * MINUTE_US) == Fraction(
        1, 2
    )


def test_silence_alone_covers_nothing():
    assert covered([], 0, HOUR_US, 5 * MINUTE_US) == 0
    assert covered(stretches_of([0]), HOUR_US, HOUR_US, 0) == 0


attempts = st.lists(st.tuples(st.integers(0, 90), st.sampled_from("abc")), unique=True).map(
    lambda found: [(minute * MINUTE_US, unit) for minute, unit in found]
)


@given(attempts)
def test_counted_attempts_lie_apart_and_every_repeat_follows_one(found):
    chosen = sorted(counted(found))
    assert all(b[0] - a[0] >= 15 * MINUTE_US for a, b in itertools.pairwise(chosen))
    for repeat in set(found) - set(chosen):
        assert any(0 <= repeat[0] - first[0] < 15 * MINUTE_US for first in chosen)


def test_a_lost_basket_has_the_value_of_its_last_attempt():
    bads = [BadUnit(1, "a", "c", 7, "EUR", 500), BadUnit(2, "b", "c", 8, "EUR", 400)]
    assert lost(bads, {}) == {(8, "EUR"): 400}
    assert lost(bads, {"c": [2 + 30 * MINUTE_US]}) == {}
    assert lost(bads, {"c": [3 + 30 * MINUTE_US]}) == {(8, "EUR"): 400}


def test_bad_attempts_without_a_checkout_stand_for_themselves():
    bads = [BadUnit(1, "a", "", 7, "EUR", 500), BadUnit(2, "b", "", 7, "EUR", 400)]
    assert lost(bads, {}) == {(7, "EUR"): 900}


amounts = st.builds(MoneySums, *[st.integers(0, 9)] * 4)
some_sums = st.builds(
    Sums,
    good=st.integers(0, 9),
    bad=st.integers(0, 9),
    alert_bad=st.integers(0, 9),
    money=st.dictionaries(st.sampled_from(["EUR", "USD"]), amounts),
)


@given(some_sums, some_sums, some_sums)
def test_sums_add_in_any_grouping_and_can_be_taken_back(one, two, three):
    assert (one + two) + three == one + (two + three) == total_of([three, one, two])
    assert (one + two) - two == one + Sums()


minutes_heard = st.sets(st.integers(0, 60)).map(
    lambda found: [minute * MINUTE_US for minute in sorted(found)]
)


@given(heard=minutes_heard, first=st.integers(0, 60), gap=st.integers(0, 8), data=st.data())
def test_parts_of_a_span_are_covered_as_if_each_were_asked_alone(heard, first, gap, data):
    begun_us, gap_us = first * MINUTE_US, gap * MINUTE_US
    observed = Observed(stretches_of(heard), begun_us, gap_us)
    low, high = sorted(data.draw(st.integers(0, 70 * 60)) * SECOND_US for _ in "ab")
    from_us = max(low, begun_us)
    before = [one for one in heard if one < from_us][-1:]
    after = [one for one in heard if one >= high][:1]
    inside = [one for one in heard if from_us <= one < high]
    alone = covered(stretches_of([*before, *inside, *after]), from_us, high, gap_us)
    assert observed.share(low, high) == alone


def test_a_source_that_was_never_heard_observed_nothing():
    assert Observed([], None, MINUTE_US).share(0, HOUR_US) == 0
