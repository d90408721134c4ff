"""Where the windows of an objective begin and end, rolling and by the calendar. Pure.

Calendar windows are wall clock arithmetic in an IANA zone: border k is `start` plus k units, always
counted from the start and never from the border before, so that a day clamped at the end of a short
month (31 January, 28 February, 31 March) comes back. A border that the clocks skip is read with the
offset before the gap, one that happens twice is the first of the two (RFC 5545, section 3.3.5).
Borders are whole minutes, because older slices are. Go, and with it Nobl9, normalises instead of
clamping (31 January plus a month is 3 March): its borders are kept in the tests as the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.relativedelta import relativedelta

from kernel.clock import HOUR_US, MINUTE_US, from_us, to_us
from kernel.errors import BadInput
from slo.objective import Calendar, Window

Unit = Literal["D", "W", "M", "Q", "Y"]
_DAYS: Final = {"D": 1, "W": 7}
_MONTHS: Final = {"M": 1, "Q": 3, "Y": 12}
# Windows from this length on begin on whole minutes: 5 s slices are kept for 2 h only.
_WHOLE_MINUTES_FROM_US: Final = 2 * HOUR_US


@dataclass(frozen=True)
class Bounds:
    """The window [from_us, to_us)."""

    from_us: int
    to_us: int

    @property
    def length_us(self) -> int:
        """Real length: a day has 23 to 25 hours, a month 28 to 31 days."""
        return self.to_us - self.from_us


@dataclass(frozen=True)
class BudgetWindow:
    """What a budget is counted over: [from_us, to_us), where the window itself ends at `ends_us`.

    A rolling window ends where counting ends. A calendar window runs on: its budget is that of the
    events so far.
    """

    from_us: int
    to_us: int
    ends_us: int

    @property
    def whole_us(self) -> int:
        """Length of the whole window, with what lies ahead of it."""
        return self.ends_us - self.from_us

    @property
    def counted_us(self) -> int:
        """Length of the part that lies behind."""
        return self.to_us - self.from_us


def budget_window(window: Window, end_us: int) -> BudgetWindow:
    """The window whose budget is spent at `end_us` (a slice border: the watermark's).

    At the very border of two calendar windows it is the newer one, of which nothing has passed.
    """
    if window.calendar is None:
        found = bounds(window, end_us)
        return BudgetWindow(found.from_us, end_us, end_us)
    found = bounds(window, end_us)
    return BudgetWindow(found.from_us, end_us, found.to_us)


def bounds(window: Window, at_us: int) -> Bounds:
    """The window that holds the instant `at_us`; of a rolling one the window that ends there."""
    if window.calendar is None:
        start_us = at_us - window.length_us
        if window.length_us >= _WHOLE_MINUTES_FROM_US:
            start_us -= start_us % MINUTE_US
        return Bounds(start_us, at_us)
    return nth(window.calendar, number(window.calendar, at_us))


def before(window: Window, at_us: int) -> Bounds:
    """The window before the one that holds `at_us` (of a rolling one: the length before it)."""
    if window.calendar is None:
        return bounds(window, bounds(window, at_us).from_us)
    return nth(window.calendar, number(window.calendar, at_us) - 1)


def nth(calendar: Calendar, index: int) -> Bounds:
    """The `index`-th window; 0 begins at the calendar's start, those before it are negative."""
    return Bounds(border_us(calendar, index), border_us(calendar, index + 1))


def number(calendar: Calendar, at_us: int) -> int:
    """The index of the window that holds `at_us`.

    A window that a change of zone swallowed whole (a day that never was) holds nothing.
    """
    index = _near(calendar, at_us)
    while border_us(calendar, index) > at_us:
        index -= 1
    while border_us(calendar, index + 1) <= at_us:
        index += 1
    return index


def border_us(calendar: Calendar, index: int) -> int:
    """Where the `index`-th window begins, in whole minutes.

    Raises BadInput for a zone that nobody knows, for a count below 1 and beyond the years 1 to
    9999.
    """
    return _border_us(calendar, index)


def natural_calendar(unit: Unit, zone: str, *, first_weekday: int = 0) -> Calendar:
    """The calendar that people mean: midnight, ISO weeks from Monday, months, quarters, years.

    `first_weekday`: 0 = Monday (ISO 8601) to 6 = Sunday; it matters to weeks only.
    """
    if not 0 <= first_weekday <= 6:
        raise BadInput("a week begins on weekday 0 (Monday) to 6 (Sunday)")
    # 2001-01-01 is a Monday, and the first day of a month, a quarter and a year.
    start = datetime(2001, 1, 1 + (first_weekday if unit == "W" else 0))  # noqa: DTZ001 (wall clock)
    return Calendar(unit, 1, start, zone)


def zone_of(name: str) -> ZoneInfo:
    """The zone by its IANA name, of the system or of the `tzdata` package. Raises BadInput."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(
            f"no time zone is called {name!r}", hint="an IANA name is wanted, like Europe/Berlin"
        ) from error


@lru_cache(maxsize=4096)
def _border_us(calendar: Calendar, index: int) -> int:
    if calendar.count < 1:
        raise BadInput("a calendar window has at least one unit", path="timeWindow.duration")
    steps = index * calendar.count
    zone = zone_of(calendar.zone)
    try:
        wall = _later(calendar.start, calendar.unit, steps)
        # fold=0 is the first of two, and in a gap the offset before it.
        at_us = to_us(wall.replace(tzinfo=zone, fold=0).astimezone(UTC))
    except (OverflowError, ValueError) as error:
        raise BadInput("this calendar window lies beyond the years 1 to 9999") from error
    return at_us - at_us % MINUTE_US


def _later(start: datetime, unit: Unit, steps: int) -> datetime:
    """`start` moved by `steps` units of the wall clock, clamped to the last day of the month."""
    if unit in _DAYS:
        return start + timedelta(days=_DAYS[unit] * steps)
    return start + relativedelta(months=_MONTHS[unit] * steps)


def _near(calendar: Calendar, at_us: int) -> int:
    """An index at most two windows from the right one."""
    wall = from_us(at_us).astimezone(zone_of(calendar.zone)).replace(tzinfo=None)
    start = calendar.start
    if calendar.unit in _DAYS:
        return (wall - start).days // (_DAYS[calendar.unit] * max(1, calendar.count))
    months = (wall.year - start.year) * 12 + wall.month - start.month
    return months // (_MONTHS[calendar.unit] * max(1, calendar.count))
