"""The weekly pattern: what is usual on this weekday at this time of day. Pure.

A week has 672 slots of 15 minutes by the wall clock of the objective's zone, so that 09:00 is 09:00
in summer and winter. What is usual in a slot is the median, over the last 6 weeks, of the mean over
45 minutes around it: one holiday, one campaign or one outage among six weeks changes nothing.
A week counts only if anything was begun in the day before the slot: what was never observed, and
a day closed from end to end, say nothing of a usual one. With less than one such week the days of
the last week stand in. (Study: `fast-tier.md` section 7 of the field notes.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median, median_low
from zoneinfo import ZoneInfo

from kernel.clock import DAY_US, MINUTE_US, SECOND_US

SLOT_US = 15 * MINUTE_US
WEEKS = 6
DAYS = 6
# From this many weeks on the median is robust to one odd week among them.
ENOUGH_WEEKS = 3

Slots = Mapping[int, int]  # start of a slot in UTC microseconds -> attempts begun; absent = none


def slot_of(at_us: int) -> int:
    """Start of the slot that holds the time."""
    return at_us - at_us % SLOT_US


def same_time_earlier(at_us: int, days: int, zone: ZoneInfo) -> int:
    """The same wall clock time `days` before, as UTC microseconds.

    A time that the clocks skipped is read by the offset before the change (PEP 495, fold 0).
    """
    local = datetime.fromtimestamp(at_us // SECOND_US, zone)
    earlier = local.replace(tzinfo=None) - timedelta(days=days)
    return int(earlier.replace(tzinfo=zone).astimezone(UTC).timestamp()) * SECOND_US


def references(slot_us: int, zone: ZoneInfo, steps_d: Iterable[int]) -> list[int]:
    """The slots at the same wall clock time so many days before."""
    return [slot_of(same_time_earlier(slot_us, days, zone)) for days in steps_d]


def week_steps() -> list[int]:
    """Days to go back for each of the last weeks."""
    return [7 * week for week in range(1, WEEKS + 1)]


def day_steps() -> list[int]:
    """Days to go back for each day of the last week."""
    return list(range(1, DAYS + 1))


def alive(slots: Slots, slot_us: int) -> bool:
    """True where anything was begun in the day up to the slot."""
    return any(slots.get(at_us) for at_us in range(slot_us, slot_us - DAY_US - 1, -SLOT_US))


def smoothed(slots: Slots, slot_us: int) -> float:
    """Attempts per slot in the 45 minutes around a slot."""
    around = (slot_us - SLOT_US, slot_us, slot_us + SLOT_US)
    return sum(slots.get(at_us, 0) for at_us in around) / 3


def usual(slots: Slots, chosen: Sequence[int]) -> float:
    """What is usual, given the reference slots: their median; the lower one of few."""
    values = [smoothed(slots, at_us) for at_us in chosen]
    if not values:
        return 0.0
    return median(values) if len(values) >= ENOUGH_WEEKS else median_low(values)
