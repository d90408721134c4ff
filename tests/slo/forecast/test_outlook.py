"""Pace and interval: what they say, when they say nothing, and that the interval is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slo.forecast.backtest import cases, coverage, history_at
from slo.forecast.history import History, Hour
from slo.forecast.outlook import outlook
from slo.forecast.paths import NEVER
from slo.forecast.streams import KINDS, stream
from slo.forecast.wording import sentence

WINDOW_H = 28 * 24


def history(bad_per_h: int, *, before: int = 0, days: int = 28, total: int = 1000) -> History:
    """28 days at 99 %: `before` bad an hour until `days` ago, `bad_per_h` since."""
    new = days * 24
    hours = [Hour(before, total)] * (WINDOW_H - new) + [Hour(bad_per_h, total)] * new
    return History(
        recent=hours,
        leaving=hours,
        budget_ratio=0.01,
        bad=sum(one.bad for one in hours),
        total=sum(one.total for one in hours),
        newest=[(1.0, hours[-1])],
    )


def test_half_the_burn_lasts_for_ever() -> None:
    found = outlook(history(5), 1)
    assert (found.at_pace_h, found.spent, found.cannot_tell) == (NEVER, False, "")


def test_a_new_pace_is_extrapolated_while_old_hours_leave() -> None:
    # 7 days of 20 bad an hour (burn 2) after 21 clean ones; the pace is between the two.
    found = outlook(history(20, days=7), 1)
    assert 24 < found.at_pace_h < 21 * 24
    assert found.interval_h is not None
    assert found.interval_h[0] <= found.at_pace_h <= found.interval_h[1]


def test_a_spent_budget_is_spent() -> None:
    assert outlook(history(11), 1).spent


def test_what_cannot_be_told_says_why() -> None:
    empty = replace(history(1), bad=0, total=0)
    assert outlook(empty, 1).cannot_tell == "nothing was counted in this window"
    short = replace(history(1), recent=[Hour(0, 0)] * 600 + [Hour(1, 9)] * 23)
    assert outlook(short, 1).cannot_tell == "less than a day was counted so far"


def test_a_short_history_has_a_pace_and_no_interval() -> None:
    short = replace(history(5), recent=[Hour(0, 0)] * 600 + [Hour(5, 1000)] * 72)
    found = outlook(short, 1)
    assert (found.cannot_tell, found.interval_h) == ("", None)


def test_an_outage_that_has_just_begun_sets_the_pace() -> None:
    calm = history(2)
    burning = replace(calm, newest=[(1 / 12, Hour(80, 83)), (1.0, Hour(82, 1000))])
    found = outlook(burning, 1)
    # 5,376 may still fail, 955 beyond the allowed fail an hour.
    assert found.burning
    assert found.at_pace_h == pytest.approx(5.6, abs=0.2)
    assert found.interval_h is not None
    assert found.interval_h[1] > found.at_pace_h


def test_a_single_failure_at_night_sets_no_pace() -> None:
    calm = history(2)
    found = outlook(replace(calm, newest=[(1 / 12, Hour(1, 2)), (1.0, Hour(3, 40))]), 1)
    assert not found.burning


def test_the_weekend_is_expected_to_be_quiet() -> None:
    week = [Hour(15, 1000)] * 120 + [Hour(1, 100)] * 48
    hours = week * 4
    whole = replace(
        history(0),
        recent=hours,
        leaving=[Hour(0, 1000)] * WINDOW_H,
        bad=0,
        total=500_000,
    )
    # The newest days are the weekend: Monday comes next, with ten times their traffic.
    assert whole.volumes == [2400.0, 2400.0, *[24_000.0] * 5]
    found = outlook(whole, 1)
    assert found.at_pace_h < 21 * 24


def test_the_same_seed_says_the_same() -> None:
    one = history(8, days=14)
    assert outlook(one, 7) == outlook(one, 7)


@pytest.mark.parametrize(
    ("at_pace_h", "interval", "words"),
    [
        (72.5, (49.0, 130.0), "At this pace the budget lasts 3 days (80 %: 2 to 5)."),
        (72.5, (30.0, 130.0), "At this pace the budget lasts 3 days (80 %: 30 hours to 5 days)."),
        (
            0.7,
            (0.5, NEVER),
            "At this pace the budget lasts 42 minutes (80 %: 30 minutes to more than 28 days).",
        ),
        (NEVER, (NEVER, NEVER), "At this pace the budget lasts 28 days and longer."),
        (
            NEVER,
            (240.0, NEVER),
            "At this pace the budget lasts 28 days and longer"  # noqa: ISC004
            " (80 %: 10 days to more than 28 days).",
        ),
        (72.5, None, "At this pace the budget lasts 3 days."),
    ],
)
def test_the_sentence_is_plain(
    at_pace_h: float, interval: tuple[float, float] | None, words: str
) -> None:
    found = replace(outlook(history(5), 1), at_pace_h=at_pace_h, interval_h=interval)
    assert sentence(found, WINDOW_H, calendar=False) == words


def test_the_sentence_of_a_calendar_window_ends_with_it() -> None:
    found = outlook(history(5), 1)
    assert sentence(found, 100, calendar=True).startswith(
        "At this pace the budget lasts to the end of the window"
    )
    unknown = outlook(replace(history(1), total=0), 1)
    assert sentence(unknown, 100, calendar=True) == (
        "How long the budget lasts cannot be told: nothing was counted in this window."
    )


def test_streams_are_the_same_for_a_seed_and_differ_between_seeds() -> None:
    for kind in KINDS:
        assert stream(kind, 3, 30) == stream(kind, 3, 30)
        assert stream(kind, 3, 30).hours != stream(kind, 4, 30).hours
    found = stream("weekly", 1, 60)
    whole = history_at(found, 50 * 24)
    assert whole.total == sum(one.total for one in whole.leaving)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """A small library in seconds; `tillwatch bench forecast` runs the large one."""
    found = coverage(cases(range(2000, 2006)))
    assert found.forecasts > 60
    assert found.share is not None
    assert 0.65 <= found.share <= 0.95


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_the_interval_holds_the_truth_in_75_to_85_percent_of_2000_forecasts() -> None:
    found = list(cases(range(100)))
    whole = coverage(found)
    print(whole, *(coverage(found, kind) for kind in KINDS), sep="\n")
    assert whole.forecasts > 2000
    assert whole.share is not None
    assert 0.75 <= whole.share <= 0.85
