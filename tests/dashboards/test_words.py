"""Numbers, states and forecasts as people read them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import formatting
from dashboards.forecast import forecast, seconds_left
from kernel.clock import SECOND_US
from tests.dashboards import samples

RATIOS = st.fractions(min_value=0, max_value=1)
FINITE = st.floats(min_value=-1e6, max_value=1e6)


@given(RATIOS, st.integers(0, 6))
def test_a_percentage_is_never_100_while_something_is_missing(ratio, digits):
    text = formatting.percent(ratio, digits)
    if float(ratio) < 1:
        assert not text.startswith("100")
    assert abs(float(text.removesuffix(" %")) - 100 * float(ratio)) <= 10.0**-digits


@given(RATIOS, RATIOS, st.integers(1, 4))
def test_percentages_keep_the_order_of_what_they_say(one, other, digits):
    low, high = sorted([one, other])
    numbers = [float(formatting.percent(ratio, digits).removesuffix(" %")) for ratio in (low, high)]
    assert numbers[0] <= numbers[1]


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (Fraction(99512, 100_000), "99.51 %"),
        (0.999999, "99.99 %"),
        (1.0, "100.00 %"),
        (-1e-12, "0.00 %"),
        (None, "no data"),
    ],
)
def test_a_percentage_as_written(ratio, text):
    assert formatting.percent(ratio) == text


@pytest.mark.parametrize(("target", "digits"), [(0.95, 1), (0.995, 1), (0.9995, 2), (0.99999, 3)])
def test_a_percentage_gets_the_digits_its_target_needs(target, digits):
    assert formatting.target_digits(target) == digits


@given(st.one_of(st.none(), FINITE))
def test_budget_words_say_left_over_or_no_data_and_never_a_minus(left):
    text = formatting.budget_words(left)
    assert "-" not in text
    assert text == "no data" if left is None else text.endswith(("left", "%"))
    if left is not None and left <= -0.01:
        assert text.startswith("over by")


def test_a_budget_that_is_nearly_spent_is_not_called_spent():
    assert [formatting.budget_words(one) for one in (0.41, 0.004, -0.0, -1e-14, -0.004, -0.94)] == [
        "41 % left",
        "less than 1 % left",
        "0 % left",
        "0 % left",
        "over by less than 1 %",
        "over by 94 %",
    ]


@given(st.floats(min_value=0, max_value=1e9))
def test_a_duration_has_at_most_two_units_and_no_zero_among_them(seconds):
    words = formatting.duration(seconds).split()
    assert len(words) in {2, 4}
    if seconds >= 1:
        assert all(int(number) > 0 for number in words[::2])


def test_durations_as_written():
    assert [formatting.duration(one) for one in (0, 95, 3_600, 90_061)] == [
        "0 s",
        "1 min 35 s",
        "1 h",
        "1 d 1 h",
    ]


def test_time_that_is_over_is_not_left():
    assert formatting.left(5 * SECOND_US, 5 * SECOND_US) == "over"
    assert formatting.left(65 * SECOND_US, 0) == "1 min 5 s left"


@pytest.mark.parametrize("state", ["ok", "at_risk", "broken", "no_data"])
def test_nothing_counted_is_never_kept(state):
    shown = formatting.shown_state({"state": state, "sli": None})
    assert formatting.SLO_STATES[shown][1] != "ok"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("01a20343-de23-7e21-a158-8172bfc3bba1", "…bfc3bba1"),
        ("0c33661a3fc35f68b648e2fde644dc1904e84ab8d8bfb5c7143986c596e07336", "0c33661a3fc3…"),
        ("payment-success", "payment-success"),
        (7, "7"),
    ],
)
def test_ids_and_digests_are_cut_and_words_are_not(value, text):
    assert formatting.short(value) == text


def test_an_unknown_state_is_shown_as_itself_and_grey():
    assert formatting.state_parts(formatting.SLO_STATES, "very_odd") == ("Very odd", "none", "?")


def test_what_may_still_fail_says_when_it_is_too_many():
    assert [formatting.allowance(one) for one in (None, 20, 0, -31)] == [
        "no data",
        "20",
        "0",
        "31 too many",
    ]


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_budget_lasts_longer_when_more_may_fail_and_shorter_when_more_do(left, bad, good):
    total = bad + good
    seconds = seconds_left(left, bad, total, 0.99, 300)
    if seconds is None:
        assert bad <= 0.01 * total + 1e-6
        return
    assert seconds > 0
    assert seconds_left(left + 1, bad, total, 0.99, 300) > seconds
    assert seconds_left(left, bad + 1, total + 1, 0.99, 300) < seconds


def test_the_forecast_is_exact_for_a_plain_case_and_silent_where_it_knows_nothing():
    slo = samples.slo("at_risk", bad_left=95, target=0.95).model_dump()
    points = [{"good": 0, "bad": 100}]
    assert forecast(slo, points) == "gone in 5 min at the rate of the last 5 min"
    assert forecast(slo, []) == ""
    assert forecast(slo, [{"good": 100, "bad": 5}]) == ""
    assert forecast(samples.slo(bad_left=-4).model_dump(), points) == ""
    assert forecast(samples.nothing_counted().model_dump(), points) == ""
