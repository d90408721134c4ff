"""The forecast in one sentence, for page and command line. Pure."""

from __future__ import annotations

from slo.forecast.outlook import Outlook
from slo.forecast.paths import NEVER

_UNITS_H = (("minute", 1 / 60), ("hour", 1.0), ("day", 24.0))
# Two of a larger unit, and the smaller one is left: 90 minutes, 30 hours, 3 days.
_LARGER_FROM = 2


def sentence(found: Outlook, ahead_h: int, *, calendar: bool) -> str:
    """`At this pace the budget lasts 3 days (80 %: 2 to 5).`"""
    if found.cannot_tell:
        return f"How long the budget lasts cannot be told: {found.cannot_tell}."
    if found.spent:
        return "The budget is spent."
    interval = _interval(found, ahead_h, calendar=calendar)
    if found.at_pace_h == NEVER:
        end = "to the end of the window" if calendar else f"{_time(ahead_h)} and longer"
        never = f"At this pace the budget lasts {end}"
        return f"{never}{interval}."
    return f"At this pace the budget lasts {_time(found.at_pace_h)}{interval}."


def _interval(found: Outlook, ahead_h: int, *, calendar: bool) -> str:
    if found.interval_h is None or found.interval_h[0] == NEVER:
        return ""
    low_h, high_h = found.interval_h
    unit = _unit(found.at_pace_h if found.at_pace_h < NEVER else low_h)
    if high_h == NEVER:
        end = "up to the end of the window" if calendar else f"to more than {_time(ahead_h)}"
        return f" (80 %: {_time(low_h)} {end})"
    if _unit(low_h) == _unit(high_h) == unit:
        return f" (80 %: {_number(low_h, unit)} to {_number(high_h, unit)})"
    return f" (80 %: {_time(low_h)} to {_time(high_h)})"


def _time(hours: float) -> str:
    name, size = _unit(hours)
    number = _number(hours, (name, size))
    return f"{number} {name}{'' if number == '1' else 's'}"


def _number(hours: float, unit: tuple[str, float]) -> str:
    return f"{max(1, int(hours / unit[1]))}"


def _unit(hours: float) -> tuple[str, float]:
    fitting = [one for one in _UNITS_H if hours >= _LARGER_FROM * one[1]]
    return fitting[-1] if fitting else _UNITS_H[0]
