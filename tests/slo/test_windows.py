"""Windows of objectives: rolling, and by the calendar of a zone."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, from_us, to_us
from kernel.errors import BadInput
from slo.objective import Calendar, Window
from slo.windows import (
    Bounds,
    before,
    border_us,
    bounds,
    budget_window,
    natural_calendar,
    nth,
    number,
)

BERLIN = "Europe/Berlin"
# Half hours, a clock change of half an hour, a day that was skipped whole (2011-12-30).
ZONES = (
    "UTC",
    BERLIN,
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
)


def utc(text: str) -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=UTC))


def local(at_us: int, zone: str) -> str:
    return from_us(at_us).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def monthly(start: str, *, unit: str = "M", count: int = 1, zone: str = "UTC") -> Calendar:
    return Calendar(unit, count, datetime.fromisoformat(start), zone)


calendars = st.builds(
    Calendar,
    unit=st.sampled_from("DWMQY"),
    count=st.integers(1, 14),
    start=st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)),
    zone=st.sampled_from(ZONES),
)
instants = st.integers(utc("2000-01-01"), utc("2035-01-01"))


@settings(max_examples=200)
@given(calendars, st.integers(-40, 40))
def test_law_calendar_windows_tile_time_without_hole_or_overlap(
    calendar: Calendar, index: int
) -> None:
    one, following = nth(calendar, index), nth(calendar, index + 1)
    assert one.to_us == following.from_us
    assert one.from_us <= one.to_us
    assert one.from_us % MINUTE_US == 0


@settings(max_examples=200)
@given(calendars, instants)
def test_law_a_window_holds_its_instant_and_so_does_no_other(
    calendar: Calendar, at_us: int
) -> None:
    window = Window(calendar=calendar)
    found = bounds(window, at_us)
    assert found.from_us <= at_us < found.to_us
    assert bounds(window, found.from_us) == found
    assert bounds(window, found.to_us - 1) == found
    assert bounds(window, found.to_us).from_us == found.to_us
    assert before(window, at_us).to_us == found.from_us


@settings(max_examples=200)
@given(calendars, st.integers(-40, 40))
def test_law_a_border_is_the_wall_clock_of_the_start_or_later_by_the_gap_that_holds_it(
    calendar: Calendar, index: int
) -> None:
    zone = ZoneInfo(calendar.zone)
    at = from_us(border_us(calendar, index)).astimezone(zone)
    assume(at.year >= 1980)  # before, offsets had seconds
    late = timedelta(
        minutes=(at.hour - calendar.start.hour) * 60 + at.minute - calendar.start.minute
    ) % timedelta(days=1)
    day_before = (from_us(border_us(calendar, index)) - timedelta(days=1)).astimezone(zone)
    assert late in (timedelta(0), at.utcoffset() - day_before.utcoffset())


@given(st.integers(1, 400 * 24 * 12), instants)
def test_law_a_rolling_window_ends_where_it_is_asked_for(slices: int, at_us: int) -> None:
    window = Window(slices * 5_000_000)
    at_us -= at_us % 5_000_000
    found = bounds(window, at_us)
    assert found.to_us == at_us
    assert 0 <= found.length_us - window.length_us < MINUTE_US
    assert before(window, at_us).to_us == found.from_us


def test_a_quarter_keeps_its_wall_clock_through_winter_and_summer() -> None:
    quarter = monthly("2004-01-02 12:00", unit="Q", zone="America/New_York")
    assert [from_us(border_us(quarter, index)).hour for index in range(4)] == [17, 17, 16, 16]
    assert bounds(Window(calendar=quarter), utc("2026-05-01")) == Bounds(
        utc("2026-04-02 16:00"), utc("2026-07-02 16:00")
    )


def test_units_may_be_counted_in_more_than_one() -> None:
    fortnight = monthly("2026-01-05", unit="W", count=2)
    assert nth(fortnight, 1) == Bounds(utc("2026-01-19"), utc("2026-02-02"))
    half_year = monthly("2026-01-01", unit="Q", count=2)
    assert nth(half_year, -1) == Bounds(utc("2025-07-01"), utc("2026-01-01"))


def test_windows_before_the_start_are_windows_too() -> None:
    yearly = monthly("2030-01-01", unit="Y")
    assert number(yearly, utc("2026-12-01")) == -4


def test_a_start_in_a_gap_is_read_with_the_offset_before_it() -> None:
    daily = monthly("2026-03-28 02:30", unit="D", zone=BERLIN)
    assert [local(border_us(daily, index), BERLIN) for index in range(3)] == [
        "2026-03-28 02:30",
        "2026-03-29 03:30",
        "2026-03-30 02:30",
    ]


def test_a_start_that_happens_twice_is_the_first_of_the_two() -> None:
    daily = monthly("2026-10-24 02:30", unit="D", zone=BERLIN)
    assert border_us(daily, 1) == utc("2026-10-25 00:30")
    assert nth(daily, 1).length_us == 25 * HOUR_US


def test_a_day_that_never_was_is_empty_and_holds_nothing() -> None:
    daily = monthly("2011-12-29", unit="D", zone="Pacific/Apia")
    gone = nth(daily, 1)
    assert gone.length_us == 0
    held = bounds(Window(calendar=daily), gone.from_us)
    assert (held, number(daily, gone.from_us)) == (nth(daily, 2), 2)
    assert held.length_us == DAY_US


def test_seconds_of_a_start_are_cut_because_older_slices_are_whole_minutes() -> None:
    assert border_us(monthly("2026-01-01 00:00:45"), 0) == utc("2026-01-01")


def test_the_budget_of_a_calendar_window_runs_from_its_start_and_ends_later() -> None:
    window = Window(calendar=natural_calendar("M", BERLIN))
    found = budget_window(window, utc("2026-06-10 12:00"))
    assert (found.from_us, found.ends_us) == (utc("2026-05-31 22:00"), utc("2026-06-30 22:00"))
    assert found.counted_us == utc("2026-06-10 12:00") - found.from_us
    assert found.whole_us == 30 * DAY_US
    fresh = budget_window(window, utc("2026-06-30 22:00"))
    assert (fresh.from_us, fresh.counted_us) == (utc("2026-06-30 22:00"), 0)


def test_a_rolling_budget_window_ends_where_counting_ends() -> None:
    found = budget_window(Window(28 * DAY_US), utc("2026-06-10 12:00:35"))
    assert (found.from_us, found.to_us) == (utc("2026-05-13 12:00"), utc("2026-06-10 12:00:35"))
    assert found.ends_us == found.to_us


def test_what_is_no_zone_no_count_or_no_year_is_refused_with_a_reason() -> None:
    with pytest.raises(BadInput, match="no time zone is called 'Europe/Atlantis'"):
        border_us(monthly("2026-01-01", zone="Europe/Atlantis"), 0)
    with pytest.raises(BadInput, match="no time zone"):
        border_us(monthly("2026-01-01", zone="../etc/passwd"), 0)
    with pytest.raises(BadInput, match="at least one unit"):
        border_us(monthly("2026-01-01", count=0), 0)
    with pytest.raises(BadInput, match="beyond the years"):
        border_us(monthly("2026-01-01", unit="Y", count=9000), 1)
    with pytest.raises(BadInput, match="weekday"):
        natural_calendar("W", "UTC", first_weekday=7)


def test_zones_are_known_where_the_system_has_none() -> None:
    code = (
        "import zoneinfo; assert zoneinfo.TZPATH == ();"
        "from slo.windows import zone_of; print(zone_of('America/New_York').key)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "America/New_York"
