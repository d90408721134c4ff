"""When a correction holds: once, or again and again by an RRULE. Pure.

Start and end are wall clock times of an IANA zone in whole minutes; an occurrence lasts from the
one to the other by the clock on the wall, so that 02:00-04:00 stays 02:00-04:00 when the clocks
change (and is then 1 or 3 hours long). An occurrence that lies wholly in skipped time is none.

Of RFC 5545's RRULE: FREQ=DAILY|WEEKLY|MONTHLY, INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY, BYSETPOS,
WKST. The start must itself be an occurrence; with that every rule goes on for ever or ends, and
none can search in vain.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from dateutil.rrule import rrule

from kernel.clock import DAY_US, MINUTE_US, rfc3339
from kernel.errors import BadInput
from slo.corrections.rrule_text import Rule, parse_rule
from slo.corrections.wall_clock import moment_us, wall_of
from slo.windows import zone_of

MAX_ONCE_US = 31 * DAY_US
MAX_OCCURRENCE_US = 7 * DAY_US
MAX_OCCURRENCES = 1_000
_FIRST_YEAR, _LAST_YEAR = 1971, 2999


class Occurrence(NamedTuple):
    """One [from_us, to_us), whole minutes of UTC."""

    from_us: int
    to_us: int


@dataclass(frozen=True)
class Schedule:
    """`start` and `end` of the first occurrence: naive, whole minutes; `rule` is "" for once."""

    start: dt.datetime
    end: dt.datetime
    zone: str = "UTC"
    rule: str = ""

    @property
    def recurs(self) -> bool:
        """True where there is a rule."""
        return bool(self.rule)


def once(from_us: int, to_us: int) -> Schedule:
    """One span, snapped inward to whole minutes: never a unit more than was asked for."""
    first_us = -(-from_us // MINUTE_US) * MINUTE_US
    utc = zone_of("UTC")
    return Schedule(wall_of(first_us, utc), wall_of(to_us - to_us % MINUTE_US, utc))


def check(schedule: Schedule) -> None:
    """Raises BadInput where the schedule is empty, too long, in no zone or by a rule that is none.

    A rule is checked against the start, which must be one of its days.
    """
    zone_of(schedule.zone)
    for name, wall in (("from", schedule.start), ("to", schedule.end)):
        if not _FIRST_YEAR <= wall.year <= _LAST_YEAR:
            years = f"{_FIRST_YEAR} to {_LAST_YEAR}"
            raise BadInput(f"a time of the years {years} is needed", path=f"$.{name}")
    if schedule.recurs:
        parse_rule(schedule.rule, schedule.start, zone_of(schedule.zone))
    length_us = (schedule.end - schedule.start) // dt.timedelta(microseconds=1)
    longest_us = MAX_OCCURRENCE_US if schedule.recurs else MAX_ONCE_US
    if length_us < MINUTE_US:
        raise BadInput(
            "no whole minute lies between `from` and `to`",
            path="$.to",
            hint="borders are snapped inward to whole minutes",
        )
    if length_us > longest_us:
        days = longest_us // DAY_US
        raise BadInput(
            f"longer than {days} days",
            path="$.to",
            hint="what fails for longer is no maintenance: change the objective instead",
        )


def occurrences(
    schedule: Schedule, from_us: int, to_us: int, limit: int = MAX_OCCURRENCES
) -> list[Occurrence]:
    """All occurrences that touch [from_us, to_us), oldest first, unclipped.

    Raises BadInput where there are more than `limit`.
    """
    found: list[Occurrence] = []
    for one in _all_from(schedule, from_us):
        if one.from_us >= to_us:
            break
        if one.to_us <= from_us:
            continue
        if len(found) == limit:
            raise BadInput(
                f"more than {limit} occurrences between {rfc3339(from_us)} and {rfc3339(to_us)}",
                path="$.rule",
            )
        found.append(one)
    return found


def coming(schedule: Schedule, after_us: int, count: int) -> list[Occurrence]:
    """The next `count` occurrences that begin at or after `after_us`; fewer where it ends."""
    found: list[Occurrence] = []
    for one in _all_from(schedule, after_us):
        if len(found) == count:
            break
        if one.from_us >= after_us:
            found.append(one)
    return found


def extent_us(schedule: Schedule) -> tuple[int, int | None]:
    """Start of the first occurrence and end of the last one; None where the rule never ends."""
    zone = zone_of(schedule.zone)
    first_us = moment_us(schedule.start, zone)
    if not schedule.recurs:
        return first_us, moment_us(schedule.end, zone)
    rule = parse_rule(schedule.rule, schedule.start, zone)
    if rule.count is None and rule.until is None:
        return first_us, None
    last = first_us
    for one in _walk(schedule, rule, schedule.start):
        last = max(last, one.to_us)
    return first_us, last


def _all_from(schedule: Schedule, from_us: int) -> Iterator[Occurrence]:
    """Occurrences in order, from (at the latest) the first one that touches `from_us` on."""
    zone = zone_of(schedule.zone)
    if not schedule.recurs:
        yield from _one(schedule.start, schedule.end, schedule.zone)
        return
    rule = parse_rule(schedule.rule, schedule.start, zone)
    # Two days more than the longest: by how much a wall clock and UTC can differ, and a jump.
    early_us = max(0, from_us - MAX_OCCURRENCE_US - 2 * DAY_US)
    yield from _walk(schedule, rule, wall_of(early_us, zone))


def _walk(schedule: Schedule, rule: Rule, since: dt.datetime) -> Iterator[Occurrence]:
    length = schedule.end - schedule.start
    for start in _starts(schedule, rule, since):
        yield from _one(start, start + length, schedule.zone)


def _starts(schedule: Schedule, rule: Rule, since: dt.datetime) -> Iterator[dt.datetime]:
    days = rrule(
        rule.frequency,
        dtstart=schedule.start,
        interval=rule.interval,
        count=rule.count,
        until=rule.until,
        byweekday=rule.weekdays or None,
        bymonthday=rule.month_days or None,
        bysetpos=rule.positions or None,
        wkst=rule.week_start,
    )
    for start in days:
        if start.year > _LAST_YEAR:
            return
        if start >= since:
            yield start


def _one(start: dt.datetime, end: dt.datetime, zone_name: str) -> Iterator[Occurrence]:
    zone = zone_of(zone_name)
    found = Occurrence(moment_us(start, zone), moment_us(end, zone))
    if found.to_us > found.from_us:
        yield found
