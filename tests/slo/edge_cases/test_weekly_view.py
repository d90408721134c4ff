"""Table 2.8, "weekly view": ISO weeks from Monday unless another first day is asked for."""

from kernel.clock import from_us
from slo.objective import Window
from slo.windows import bounds, natural_calendar
from tests.slo.test_windows import local, utc


def week(at: str, zone: str = "UTC", first_weekday: int = 0) -> str:
    calendar = natural_calendar("W", zone, first_weekday=first_weekday)
    return local(bounds(Window(calendar=calendar), utc(at)).from_us, zone)


def test_a_week_begins_on_monday_by_default() -> None:
    assert week("2026-12-01 09:00") == "2026-11-30 00:00"
    found = bounds(Window(calendar=natural_calendar("W", "UTC")), utc("2027-01-01"))
    begun = from_us(found.from_us)
    assert (begun.isoweekday(), begun.isocalendar().week) == (1, 53)


def test_sunday_may_be_asked_for() -> None:
    assert week("2026-12-01 09:00", first_weekday=6) == "2026-11-29 00:00"


def test_a_week_is_the_zones_own() -> None:
    # Monday 00:30 in Berlin is still Sunday in UTC.
    assert week("2026-11-29 23:30", "Europe/Berlin") == "2026-11-30 00:00"
    assert week("2026-11-29 23:30") == "2026-11-23 00:00"
