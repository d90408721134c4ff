"""V24: a day of Europe/Berlin has 23 h on 2026-03-29 and 25 h on 2026-10-25."""

from kernel.clock import HOUR_US
from slo.objective import Window
from slo.windows import bounds, natural_calendar
from tests.slo.test_windows import local, utc

DAY = Window(calendar=natural_calendar("D", "Europe/Berlin"))


def test_v24_the_day_of_the_change_to_summer_time_has_23_hours() -> None:
    found = bounds(DAY, utc("2026-03-29 10:00"))
    assert local(found.from_us, "Europe/Berlin") == "2026-03-29 00:00"
    assert found.length_us == 23 * HOUR_US


def test_v24_the_day_of_the_change_to_winter_time_has_25_hours() -> None:
    found = bounds(DAY, utc("2026-10-25 10:00"))
    assert local(found.to_us, "Europe/Berlin") == "2026-10-26 00:00"
    assert found.length_us == 25 * HOUR_US


def test_v24_the_days_around_them_have_24() -> None:
    for day in ("2026-03-28", "2026-03-30", "2026-10-24", "2026-10-26"):
        assert bounds(DAY, utc(f"{day} 10:00")).length_us == 24 * HOUR_US
