"""Table 2.8, "month end": a day that a month lacks is its last day; Go's way is the alternative."""

from datetime import datetime, timedelta

from kernel.clock import from_us
from slo.objective import Calendar
from slo.windows import border_us


def borders(start: datetime, count: int, unit: str = "M") -> list[str]:
    calendar = Calendar(unit, 1, start, "UTC")
    return [f"{from_us(border_us(calendar, index)):%Y-%m-%d}" for index in range(count)]


def normalised(start: datetime, months: int) -> datetime:
    """Go's `AddDate(0, months, 0)`, as Nobl9 counts: days past the month's end run on."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return datetime(year, month + 1, 1) + timedelta(days=start.day - 1)


def test_the_31st_becomes_the_last_day_and_comes_back() -> None:
    assert borders(datetime(2026, 1, 31), 5) == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
    ]


def test_the_29th_of_february_comes_back_every_fourth_year() -> None:
    assert borders(datetime(2024, 2, 29), 5, unit="Y") == [
        "2024-02-29",
        "2025-02-28",
        "2026-02-28",
        "2027-02-28",
        "2028-02-29",
    ]


def test_nobl9_says_3_march_where_we_say_28_february() -> None:
    start = datetime(2026, 1, 31)
    assert normalised(start, 1) == datetime(2026, 3, 3)
    assert borders(start, 2)[1] == "2026-02-28"


def test_nobl9s_windows_of_31_march_are_of_28_and_3_days_where_ours_are_months() -> None:
    start = datetime(2026, 3, 31)
    # [31 January, 3 March), [3 March, 31 March): what Go gives going back from 31 March.
    assert [normalised(start, months) for months in (-2, -1, 0)] == [
        datetime(2026, 1, 31),
        datetime(2026, 3, 3),
        datetime(2026, 3, 31),
    ]
    calendar = Calendar("M", 1, start, "UTC")
    assert [f"{from_us(border_us(calendar, index)):%m-%d}" for index in (-2, -1, 0)] == [
        "01-31",
        "02-28",
        "03-31",
    ]


def test_both_ways_agree_wherever_the_day_exists() -> None:
    start = datetime(2026, 1, 15)
    ours = borders(start, 24)
    assert ours == [f"{normalised(start, months):%Y-%m-%d}" for months in range(24)]
