"""When corrections hold: rules as RFC 5545 says them, by a wall clock that jumps twice a year."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, parse_rfc3339, rfc3339
from kernel.errors import BadInput, TillwatchError
from slo.corrections.proposing import schedule_of
from slo.corrections.recurrence import (
    MAX_ONCE_US,
    Occurrence,
    Schedule,
    check,
    coming,
    extent_us,
    occurrences,
    once,
)
from slo.corrections.schemas import CorrectionIn
from slo.corrections.wall_clock import moment_us, wall_of

BERLIN = ZoneInfo("Europe/Berlin")
# Zones with jumps of 1 h, of half an hour, of a whole day, and none.
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Tokyo")


def wall(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def schedule(start: str, end: str, rule: str = "", zone: str = "Europe/Berlin") -> Schedule:
    made = Schedule(wall(start), wall(end), zone, rule)
    check(made)
    return made


def shown(found) -> list[tuple[str, str]]:
    return [(rfc3339(one.from_us)[:16], rfc3339(one.to_us)[:16]) for one in found]


def between(made: Schedule, low: str, high: str) -> list[tuple[str, str]]:
    found = occurrences(made, parse_rfc3339(low), parse_rfc3339(high))
    return shown(found)


def test_two_to_four_stays_two_to_four_when_the_clocks_change():
    nightly = schedule("2026-03-28T02:00", "2026-03-28T04:00", "FREQ=DAILY;COUNT=3")
    assert between(nightly, "2026-03-01T00:00:00Z", "2026-04-30T00:00:00Z") == [
        ("2026-03-28T01:00", "2026-03-28T03:00"),  # 02:00-04:00 CET
        ("2026-03-29T01:00", "2026-03-29T02:00"),  # clocks jump 02:00 -> 03:00: one hour is left
        ("2026-03-30T00:00", "2026-03-30T02:00"),  # 02:00-04:00 CEST
    ]
    autumn = schedule("2026-10-24T02:00", "2026-10-24T04:00", "FREQ=DAILY;COUNT=3")
    assert between(autumn, "2026-10-01T00:00:00Z", "2026-11-30T00:00:00Z") == [
        ("2026-10-24T00:00", "2026-10-24T02:00"),
        ("2026-10-25T00:00", "2026-10-25T03:00"),  # 02:00 comes twice: from its first pass
        ("2026-10-26T01:00", "2026-10-26T03:00"),
    ]


def test_a_time_that_the_clocks_skip_is_the_moment_of_the_jump():
    jump = parse_rfc3339("2026-03-29T01:00:00Z")
    for text in ("2026-03-29T02:00", "2026-03-29T02:30", "2026-03-29T02:59", "2026-03-29T03:00"):
        assert moment_us(wall(text), BERLIN) == jump
    assert moment_us(wall("2026-03-29T03:01"), BERLIN) == jump + MINUTE_US


def test_an_occurrence_that_lies_in_skipped_time_is_none():
    nightly = schedule("2026-03-28T02:10", "2026-03-28T02:40", "FREQ=DAILY;COUNT=3")
    days = [
        begin[:10] for begin, _ in between(nightly, "2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z")
    ]
    assert days == ["2026-03-28", "2026-03-30"]


def test_a_time_that_occurs_twice_is_its_first_pass():
    assert rfc3339(moment_us(wall("2026-10-25T02:30"), BERLIN))[:16] == "2026-10-25T00:30"


@given(
    st.sampled_from(ZONES),
    st.datetimes(dt.datetime(1975, 1, 1), dt.datetime(2090, 1, 1)),
    st.integers(0, 3 * 86_400),
)
def test_a_later_time_on_the_wall_is_never_an_earlier_moment(zone, at, later_s):
    place = ZoneInfo(zone)
    assert moment_us(at, place) <= moment_us(at + dt.timedelta(seconds=later_s), place)


@given(st.sampled_from(ZONES), st.datetimes(dt.datetime(1975, 1, 1), dt.datetime(2090, 1, 1)))
def test_a_moment_shows_the_time_that_was_asked_for_unless_it_was_skipped(zone, at):
    at = at.replace(microsecond=0)
    place = ZoneInfo(zone)
    seen = wall_of(moment_us(at, place), place)
    assert seen >= at
    skipped = wall_of(moment_us(at, place) - SECOND_US, place) < at < seen
    assert seen == at or skipped


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=WEEKLY", ["12-07", "12-14", "12-21", "12-28"]),
        ("FREQ=WEEKLY;INTERVAL=2", ["12-07", "12-21"]),
        ("FREQ=WEEKLY;BYDAY=MO,TH;COUNT=4", ["12-07", "12-10", "12-14", "12-17"]),
        ("FREQ=DAILY;INTERVAL=10", ["12-07", "12-17", "12-27"]),
        ("FREQ=DAILY;BYDAY=MO;UNTIL=20261221", ["12-07", "12-14", "12-21"]),
        ("FREQ=WEEKLY;UNTIL=20261221T010000Z", ["12-07", "12-14", "12-21"]),
        ("FREQ=WEEKLY;UNTIL=20261221T005959Z", ["12-07", "12-14"]),
        ("FREQ=WEEKLY;COUNT=2", ["12-07", "12-14"]),
        ("FREQ=MONTHLY;BYDAY=1MO", ["12-07"]),
        ("FREQ=MONTHLY;BYMONTHDAY=7,-1", ["12-07", "12-31"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=5", ["12-07"]),
        ("RRULE:FREQ=WEEKLY;COUNT=1", ["12-07"]),
        ("freq=weekly;count=1", ["12-07"]),
    ],
)  # fmt: skip
def test_rules_give_the_days_that_people_expect(rule, days):
    made = schedule("2026-12-07T02:00", "2026-12-07T04:00", rule)
    found = between(made, "2026-12-01T00:00:00Z", "2026-12-31T23:59:00Z")
    assert [begin[5:10] for begin, _ in found] == days


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("", "FREQ"),
        ("FREQ=YEARLY", "FREQ is DAILY or WEEKLY or MONTHLY"),
        ("FREQ=HOURLY", "FREQ is"),
        ("FREQ=WEEKLY;BYHOUR=3", "'BYHOUR' is not known"),
        ("FREQ=WEEKLY;FREQ=DAILY", "twice"),
        ("FREQ=WEEKLY;COUNT=2;UNTIL=20270101", "exclude"),
        ("FREQ=WEEKLY;COUNT=0", "COUNT is a number from 1"),
        ("FREQ=WEEKLY;INTERVAL=0", "INTERVAL"),
        ("FREQ=WEEKLY;INTERVAL=100", "INTERVAL"),
        ("FREQ=WEEKLY;INTERVAL=\u0663", "INTERVAL"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY has 'XX'"),
        ("FREQ=WEEKLY;BYDAY=TU", "not a day of the rule"),
        ("FREQ=WEEKLY;BYDAY=1MO", "are for FREQ=MONTHLY"),
        ("FREQ=MONTHLY;BYDAY=2MO", "not a day of the rule"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "counts from 1"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYSETPOS=1", "needs BYDAY"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6", "not a day of the rule"),
        ("FREQ=WEEKLY;UNTIL=20261206", "before the first"),
        ("FREQ=WEEKLY;UNTIL=20260231", "UNTIL is no time"),
        ("FREQ=WEEKLY;UNTIL=tomorrow", "UNTIL looks like"),
        ("FREQ=WEEKLY;UNTIL=20990101", "ten years"),
        ("FREQ=WEEKLY;BYDAY=" + "MO," * 80, "at most 200 characters"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused_with_the_reason(rule, says):
    made = Schedule(
        wall("2026-12-07T02:00"), wall("2026-12-07T04:00"), "Europe/Berlin", rule or " "
    )
    with pytest.raises(BadInput, match=says) as caught:
        check(made)
    assert caught.value.path == "$.rule"
    assert caught.value.hint


def test_lengths_zones_and_years_have_bounds():
    for start, end in (
        ("2026-12-07T02:00", "2026-12-07T02:00"),
        ("2026-12-07T02:00", "2026-12-06T02:00"),
        ("2026-12-07T02:00", "2027-01-08T02:00"),
    ):
        with pytest.raises(BadInput):
            schedule(start, end)
    with pytest.raises(BadInput, match="longer than 7 days"):
        schedule("2026-12-07T02:00", "2026-12-15T02:00", "FREQ=MONTHLY")
    with pytest.raises(BadInput, match="no time zone"):
        schedule("2026-12-07T02:00", "2026-12-07T04:00", zone="../etc/passwd")
    with pytest.raises(BadInput, match="1971 to 2999"):
        schedule("9999-12-07T02:00", "9999-12-07T04:00")


def test_borders_between_minutes_are_snapped_inward():
    at_us = parse_rfc3339("2026-12-07T02:00:00Z")
    [one] = occurrences(once(at_us + 1, at_us + HOUR_US - 1), at_us, at_us + DAY_US)
    assert shown([one]) == [("2026-12-07T02:01", "2026-12-07T02:59")]
    with pytest.raises(BadInput, match="no whole minute"):
        check(once(at_us + 1, at_us + MINUTE_US + MINUTE_US - 1))
    check(once(at_us, at_us + MAX_ONCE_US))


def test_only_what_touches_the_asked_span_is_expanded_and_too_much_is_refused():
    made = schedule("2020-01-01T22:00", "2020-01-02T06:00", "FREQ=DAILY", zone="UTC")
    found = between(made, "2026-12-01T06:00:00Z", "2026-12-03T22:00:00Z")
    assert [begin for begin, _ in found] == ["2026-12-01T22:00", "2026-12-02T22:00"]
    with pytest.raises(BadInput, match="more than 3 occurrences"):
        occurrences(
            made, parse_rfc3339("2026-12-01T00:00:00Z"), parse_rfc3339("2026-12-09T00:00:00Z"), 3
        )


def test_the_next_three_begin_after_now_and_an_ended_rule_has_fewer():
    made = schedule("2026-12-07T02:00", "2026-12-07T04:00", "FREQ=WEEKLY;COUNT=3")
    now_us = parse_rfc3339("2026-12-14T01:30:00Z")  # the second one is going on
    assert [begin[:10] for begin, _ in shown(coming(made, now_us, 3))] == ["2026-12-21"]
    assert coming(made, parse_rfc3339("2027-01-01T00:00:00Z"), 3) == []
    single = once(now_us, now_us + HOUR_US)
    assert len(coming(single, now_us, 3)) == 1


def test_the_extent_of_a_rule_is_known_where_it_ends():
    assert extent_us(schedule("2026-12-07T02:00", "2026-12-07T04:00", "FREQ=WEEKLY"))[1] is None
    first, last = extent_us(schedule("2026-12-07T02:00", "2026-12-07T04:00", "FREQ=WEEKLY;COUNT=3"))
    assert shown([Occurrence(first, last)]) == [("2026-12-07T01:00", "2026-12-21T03:00")]


@given(
    st.sampled_from(
        ["FREQ=DAILY", "FREQ=WEEKLY;INTERVAL=2", "FREQ=MONTHLY", "FREQ=DAILY;COUNT=40"]
    ),
    st.sampled_from(ZONES),
    st.integers(0, 400),
    st.integers(1, 60),
    st.integers(1, 60),
)
def test_neighbouring_spans_together_find_what_the_whole_finds(rule, zone, day, first, second):
    made = Schedule(wall("2026-01-15T01:30"), wall("2026-01-16T02:45"), zone, rule)
    low = parse_rfc3339("2026-01-01T00:00:00Z") + day * DAY_US
    middle, high = low + first * DAY_US, low + (first + second) * DAY_US
    parts = {*occurrences(made, low, middle), *occurrences(made, middle, high)}
    assert sorted(parts) == occurrences(made, low, high)


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        ("2026-03-29", "01:30", "04:15"),
        ("2026-03-29", "02:00", "04:00"),
        ("2026-10-25", "01:30", "04:15"),
        ("2026-10-25", "02:00", "03:00"),
        ("2026-10-25", "02:00", "04:00"),
    ],
)
def test_what_is_left_out_is_what_the_clock_on_the_wall_shows(day, start, end):
    """Minute by minute over the days on which the clocks change."""
    nightly = schedule(f"2026-03-01T{start}", f"2026-03-01T{end}", "FREQ=DAILY")
    low = parse_rfc3339(f"{day}T00:00:00Z") - HOUR_US * 3
    found = occurrences(nightly, low, low + 30 * HOUR_US)
    for at_us in range(low, low + 30 * HOUR_US, MINUTE_US):
        shows = f"{wall_of(at_us, BERLIN):%H:%M}"
        inside = any(one.from_us <= at_us < one.to_us for one in found)
        assert inside == (start <= shows < end)


LIKELY = ("UTC", "Europe", "posix/UTC", "2026-W50-1", "2026-12-07", "FREQ=DAILY", "RRULE:;")
texts = st.text(max_size=30) | st.sampled_from(LIKELY)


@given(texts, texts, texts, texts)
def test_any_text_is_a_schedule_or_is_refused_by_an_error_of_ours(begins, ends, zone, rule):
    times = {"from": begins, "to": ends}
    said = CorrectionIn(**times, category="other", reason="r", zone=zone, rule=rule)
    with suppress(TillwatchError):
        made = schedule_of(said, parse_rfc3339("2026-12-01T00:00:00Z"))
        assert extent_us(made)[0] > 0
