"""`timeWindow` and the fields of the budgeting methods."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from kernel.clock import DAY_US, MINUTE_US
from slo.objective import Calendar, TimeSlices, Window
from slo.openslo.durations import NOMINAL_US, duration_text, duration_us, read_duration
from slo.openslo.problems import Problems

METHODS = ("Occurrences", "Timeslices", "RatioTimeslices")
MAX_WINDOW_US = 400 * DAY_US
START_FORMAT = "%Y-%m-%d %H:%M:%S"
_CALENDAR_UNITS = {"d": "D", "w": "W", "M": "M", "Q": "Q", "Y": "Y"}
_TOO_LONG = "at most 400 days are kept"


def read_window(value: Any, path: str, problems: Problems) -> Window | None:
    """The one window; None where faults were found."""
    if not isinstance(value, list) or len(value) != 1:
        problems.add(path, value or "", "a list with exactly one window is wanted")
        return None
    before = len(problems.found)
    place = f"{path}[0]"
    fields = problems.fields(value[0], place, ("duration", "isRolling", "calendar"), ("duration",))
    rolling = problems.switch(fields.get("isRolling"), f"{place}.isRolling")
    calendar = fields.get("calendar")
    if rolling == (calendar is not None):
        problems.add(place, "", "exactly one of isRolling: true and calendar is wanted")
    if rolling:
        window = _rolling(fields.get("duration"), f"{place}.duration", problems)
    else:
        window = _calendar(fields.get("duration"), calendar, place, problems)
    return window if len(problems.found) == before else None


def read_slices(
    fields: Mapping[str, Any], method: str, path: str, problems: Problems
) -> TimeSlices | None:
    """The slices of one objective; None for Occurrences, or where faults were found."""
    share = problems.number(fields.get("timeSliceTarget"), f"{path}.timeSliceTarget")
    if method == "Timeslices":
        if fields.get("timeSliceTarget") is None:
            problems.add(f"{path}.timeSliceTarget", "", "this field is missing (Timeslices)")
        elif share is not None and not 0 < share <= 1:
            reason = "must be above 0 and at most 1"
            problems.add(f"{path}.timeSliceTarget", fields["timeSliceTarget"], reason)
    elif "timeSliceTarget" in fields:
        problems.add(f"{path}.timeSliceTarget", fields["timeSliceTarget"], _useless(method))
    if method not in METHODS[1:]:
        if "timeSliceWindow" in fields:
            problems.add(f"{path}.timeSliceWindow", fields["timeSliceWindow"], _useless(method))
        return None
    length_us = _slice_us(fields.get("timeSliceWindow"), f"{path}.timeSliceWindow", problems)
    return None if length_us is None else TimeSlices(length_us, _kept(share, method))


def _kept(share: Fraction | None, method: str) -> Fraction | None:
    return share if method == "Timeslices" else None


def _useless(method: str) -> str:
    return f"has no meaning with the budgeting method {method or 'that is missing'}"


def _slice_us(value: Any, path: str, problems: Problems) -> int | None:
    """Slices begin at fixed times of the (UTC) day, on borders that the ledger keeps: minutes."""
    if value is None:
        problems.add(path, "", "this field is missing: both methods of slices want it")
        return None
    try:
        length_us = duration_us(value)
    except ValueError as error:
        problems.add(path, value, str(error))
        return None
    if length_us % MINUTE_US or DAY_US % length_us:
        reason = "a slice of whole minutes that divides a day is wanted, such as 1m, 5m or 1h"
        problems.add(path, value, reason)
        return None
    return length_us


def _rolling(value: Any, path: str, problems: Problems) -> Window | None:
    if value is None:
        return None
    try:
        length_us = duration_us(value)
    except ValueError as error:
        hint = ", or a calendar window" if str(value)[-1:] in {"M", "Q", "Y"} else ""
        problems.add(path, value, f"{error}{hint}")
        return None
    if length_us > MAX_WINDOW_US:
        problems.add(path, value, _TOO_LONG)
    return Window(length_us)


def _calendar(value: Any, calendar: Any, path: str, problems: Problems) -> Window | None:
    start, zone = _anchor(calendar, f"{path}.calendar", problems)
    if value is None:
        return None
    try:
        count, unit = read_duration(value)
    except ValueError as error:
        problems.add(f"{path}.duration", value, str(error))
        return None
    if unit not in _CALENDAR_UNITS:
        hint = " (m is a minute, M a month)" if unit == "m" else ""
        reason = f"a calendar window is made of d, w, M, Q or Y{hint}"
        problems.add(f"{path}.duration", value, reason)
        return None
    name = cast('Literal["D", "W", "M", "Q", "Y"]', _CALENDAR_UNITS[unit])
    length_us = count * NOMINAL_US[name]
    if length_us > MAX_WINDOW_US:
        problems.add(f"{path}.duration", value, _TOO_LONG)
    return Window(length_us, Calendar(name, count, start, zone)) if start and zone else None


def _anchor(value: Any, path: str, problems: Problems) -> tuple[datetime | None, str]:
    if value is None:
        return None, ""
    needed = ("startTime", "timeZone")
    fields = problems.fields(value, path, needed, needed)
    text = problems.text(fields.get("startTime"), f"{path}.startTime")
    zone = problems.text(fields.get("timeZone"), f"{path}.timeZone")
    start = None
    if text:
        try:
            start = datetime.strptime(text, START_FORMAT)  # noqa: DTZ007 - wall clock of the zone
        except ValueError:
            reason = 'wall clock time such as "2026-01-31 00:00:00" is wanted'
            problems.add(f"{path}.startTime", text, reason)
        if start is not None and start.strftime(START_FORMAT) != text:
            start = None
            problems.add(f"{path}.startTime", text, "write it as YYYY-MM-DD HH:MM:SS")
    if zone and not _is_zone(zone):
        zone = ""
        reason = 'a name of the IANA zones is wanted, such as "Europe/Berlin"'
        problems.add(f"{path}.timeZone", fields["timeZone"], reason)
    return start, zone


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def window_words(window: Window) -> dict[str, Any]:
    """The item of `timeWindow` that `read_window` gives this window for."""
    if window.calendar is None:
        return {"duration": duration_text(window.length_us), "isRolling": True}
    units = {ours: theirs for theirs, ours in _CALENDAR_UNITS.items()}
    calendar = window.calendar
    return {
        "duration": f"{calendar.count}{units[calendar.unit]}",
        "isRolling": False,
        "calendar": {
            "startTime": f"{calendar.start.year:04}-{calendar.start:%m-%d %H:%M:%S}",
            "timeZone": calendar.zone,
        },
    }
