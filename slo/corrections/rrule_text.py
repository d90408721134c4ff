"""The text of an RRULE, read strictly: every part is known, in bounds and fits the start. Pure."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, FR, MO, MONTHLY, SA, SU, TH, TU, WE, WEEKLY, weekday

from kernel.clock import to_us
from kernel.errors import BadInput
from kernel.quoting import quoted
from slo.corrections.wall_clock import wall_of

MAX_TEXT = 200
MAX_INTERVAL = 99
MAX_COUNT = 1_000
_MAX_UNTIL = dt.timedelta(days=10 * 366)

_FREQUENCIES: Mapping[str, Literal[1, 2, 3]] = {
    "DAILY": DAILY,
    "WEEKLY": WEEKLY,
    "MONTHLY": MONTHLY,
}
_DAYS: Mapping[str, weekday] = {
    "MO": MO, "TU": TU, "WE": WE, "TH": TH, "FR": FR, "SA": SA, "SU": SU,
}  # fmt: skip
_KNOWN = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYSETPOS", "WKST")
_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_NUMBER = re.compile(r"[+-]?\d{1,4}", re.ASCII)
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?", re.ASCII)
_T = TypeVar("_T")


@dataclass(frozen=True)
class Rule:
    """What `dateutil.rrule` is given. `until`: the last naive wall clock start that counts."""

    frequency: Literal[1, 2, 3]
    interval: int = 1
    count: int | None = None
    until: dt.datetime | None = None
    weekdays: tuple[weekday, ...] = ()
    month_days: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0


def parse_rule(text: str, start: dt.datetime, zone: ZoneInfo) -> Rule:
    """Read `FREQ=WEEKLY;BYDAY=MO` (with or without `RRULE:` before it).

    Raises BadInput (path `$.rule`) for what is unknown, out of bounds or does not fit `start`,
    the first occurrence by the wall clock of `zone`.
    """
    parts = _parts(text)
    frequency = parts.get("FREQ", "")
    if frequency not in _FREQUENCIES:
        raise _bad(f"FREQ is {' or '.join(_FREQUENCIES)}, not {quoted(frequency, 20)}")
    if "COUNT" in parts and "UNTIL" in parts:
        raise _bad("COUNT and UNTIL exclude each other")
    rule = Rule(
        frequency=_FREQUENCIES[frequency],
        interval=_number("INTERVAL", parts.get("INTERVAL", "1"), 1, MAX_INTERVAL),
        count=_number("COUNT", parts["COUNT"], 1, MAX_COUNT) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"], start, zone) if "UNTIL" in parts else None,
        weekdays=_listed("BYDAY", parts, _weekday),
        month_days=_listed("BYMONTHDAY", parts, _month_day),
        positions=_listed("BYSETPOS", parts, _position),
        week_start=_week_start(parts.get("WKST", "MO")),
    )
    _check_fit(rule, start)
    return rule


def canonical(text: str) -> str:
    """The one spelling that is kept: capitals, without `RRULE:` before it."""
    return text.strip().upper().removeprefix("RRULE:").rstrip(";")


def _parts(text: str) -> dict[str, str]:
    if len(text) > MAX_TEXT:
        raise _bad(f"a rule has at most {MAX_TEXT} characters")
    found: dict[str, str] = {}
    for part in canonical(text).split(";"):
        name, given, value = part.partition("=")
        if name not in _KNOWN:
            raise _bad(f"{quoted(name, 20)} is not known here; known: {', '.join(_KNOWN)}")
        if not given or not value:
            raise _bad(f"{name} needs a value")
        if name in found:
            raise _bad(f"{name} stands there twice")
        found[name] = value
    return found


def _listed(name: str, parts: Mapping[str, str], read: Callable[[str], _T]) -> tuple[_T, ...]:
    if name not in parts:
        return ()
    words = parts[name].split(",")
    if len(set(words)) < len(words):
        raise _bad(f"{name} names something twice")
    return tuple(read(word) for word in words)


def _weekday(word: str) -> weekday:
    match = _DAY.fullmatch(word)
    if match is None:
        raise _bad(f"BYDAY has {quoted(word, 20)}; days are MO to SU, in a month also 1MO or -1FR")
    day = _DAYS[match[2]]
    return day(int(match[1])) if match[1] else day


def _week_start(word: str) -> int:
    if word not in _DAYS:
        raise _bad(f"WKST is a day like MO, not {quoted(word, 20)}")
    return _DAYS[word].weekday


def _month_day(word: str) -> int:
    return _signed("BYMONTHDAY", word, 31)


def _position(word: str) -> int:
    return _signed("BYSETPOS", word, 31)


def _signed(name: str, word: str, largest: int) -> int:
    number = _number(name, word, -largest, largest)
    if not number:
        raise _bad(f"{name} counts from 1, or from -1 backwards")
    return number


def _number(name: str, word: str, least: int, most: int) -> int:
    if _NUMBER.fullmatch(word) is None or not least <= int(word) <= most:
        raise _bad(f"{name} is a number from {least} to {most}, not {quoted(word, 20)}")
    return int(word)


def _until(word: str, start: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """A date lasts to its end; a time with Z is UTC, one without is by the wall clock."""
    match = _UNTIL.fullmatch(word)
    if match is None:
        raise _bad(f"UNTIL looks like 20261231 or 20261231T220000Z, not {quoted(word, 20)}")
    try:
        named = match[1] + (match[2] or "235959") + "+0000"
        utc = dt.datetime.strptime(named, "%Y%m%d%H%M%S%z")
        found = wall_of(to_us(utc), zone) if match[3] else utc.replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise _bad(f"UNTIL is no time: {quoted(word, 20)}") from None
    if found < start:
        raise _bad("UNTIL lies before the first occurrence")
    if found > start + _MAX_UNTIL:
        raise _bad("UNTIL lies more than ten years ahead", hint="leave it out: no end is an end")
    return found


def _check_fit(rule: Rule, start: dt.datetime) -> None:
    ordinal = any(day.n for day in rule.weekdays)
    if rule.frequency != MONTHLY and (ordinal or rule.month_days or rule.positions):
        raise _bad("1MO, BYMONTHDAY and BYSETPOS are for FREQ=MONTHLY")
    if rule.positions and not (rule.weekdays or rule.month_days):
        raise _bad("BYSETPOS chooses among days: it needs BYDAY or BYMONTHDAY")
    if start.date() not in _days_around(rule, start.date()):
        raise _bad(
            "the start is not a day of the rule",
            hint="let `from` be the first occurrence: RFC 5545 leaves open what happens otherwise",
        )
    if rule.until is not None and start > rule.until:
        raise _bad("UNTIL lies before the first occurrence")


def _days_around(rule: Rule, day: dt.date) -> list[dt.date]:
    """Days that the rule takes of the period that `day` lies in (a month, or the day itself)."""
    if rule.frequency != MONTHLY:
        plain = not rule.weekdays or any(one.weekday == day.weekday() for one in rule.weekdays)
        return [day] if plain else []
    last = calendar.monthrange(day.year, day.month)[1]
    days = [
        one
        for number in range(1, last + 1)
        if _takes(rule, one := day.replace(day=number), last, bare=day.day)
    ]
    if not rule.positions:
        return days
    size = len(days)
    places = [place - 1 if place > 0 else size + place for place in rule.positions]
    return [days[place] for place in places if 0 <= place < size]


def _takes(rule: Rule, day: dt.date, last: int, *, bare: int) -> bool:
    """`bare`: the day of the month that counts where the rule names none."""
    if not rule.weekdays and not rule.month_days:
        return day.day == bare
    if rule.month_days and not {day.day, day.day - last - 1} & set(rule.month_days):
        return False
    return not rule.weekdays or any(_is_weekday(one, day, last) for one in rule.weekdays)


def _is_weekday(wanted: weekday, day: dt.date, last: int) -> bool:
    if wanted.weekday != day.weekday():
        return False
    from_start, from_end = (day.day - 1) // 7 + 1, -((last - day.day) // 7 + 1)
    return not wanted.n or wanted.n in {from_start, from_end}


def _bad(message: str, *, hint: str = "") -> BadInput:
    return BadInput(message, path="$.rule", hint=hint or "like FREQ=WEEKLY;BYDAY=MO;COUNT=10")
