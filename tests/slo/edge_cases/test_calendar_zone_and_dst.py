"""Table 2.8, "calendar zone/DST": the wall clock of an IANA zone decides, never a fixed offset."""

from datetime import datetime

from kernel.clock import DAY_US, HOUR_US
from slo.objective import Calendar, Window
from slo.windows import bounds, nth
from tests.slo.test_windows import utc


def test_a_quarter_from_noon_in_new_york_begins_at_17z_in_winter_and_16z_in_summer() -> None:
    quarter = Calendar("Q", 1, datetime(2004, 1, 2, 12), "America/New_York")
    assert nth(quarter, 0).from_us == utc("2004-01-02 17:00")
    assert nth(quarter, 1).from_us == utc("2004-04-02 17:00")  # summer began on 4 April that year
    assert nth(quarter, 2).from_us == utc("2004-07-02 16:00")
    assert nth(quarter, 4).from_us == utc("2005-01-02 17:00")


def test_a_week_over_a_clock_change_is_an_hour_short_or_long() -> None:
    week = Window(calendar=Calendar("W", 1, datetime(2026, 1, 5), "Europe/Berlin"))
    assert bounds(week, utc("2026-03-27 12:00")).length_us == 7 * DAY_US - HOUR_US
    assert bounds(week, utc("2026-10-23 12:00")).length_us == 7 * DAY_US + HOUR_US


def test_kibanas_13z_would_move_by_the_wall_clock() -> None:
    """Kibana keeps 13:00Z over the change (its PR #143190); by the wall clock it becomes 12:00Z."""
    day = Calendar("D", 1, datetime(2026, 3, 28, 14), "Europe/Berlin")
    assert nth(day, 0).from_us == utc("2026-03-28 13:00")
    assert nth(day, 1).from_us == utc("2026-03-29 12:00")
