"""Values that stand in code and settings: numbers with units, durations, sizes, switches. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

ValueOf = Callable[[re.Match[str]], float | None]
_SECONDS = {
    "ns": 1e-9,
    "nanosecond": 1e-9,
    "us": 1e-6,
    "microsecond": 1e-6,
    "ms": 1e-3,
    "msec": 1e-3,
    "milli": 1e-3,
    "millisecond": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
}
_SIZES = {
    "k": 1e3,
    "kb": 1e3,
    "ki": 1024.0,
    "kib": 1024.0,
    "mb": 1e6,
    "mi": 1024.0**2,
    "mib": 1024.0**2,
    "g": 1e9,
    "gb": 1e9,
    "gi": 1024.0**3,
    "gib": 1024.0**3,
}
_DURATION = re.compile(
    r"(?<!\d)(?P<number>\d[\d_]{0,30}(?:\.\d+)?)\s*\*\s*(?:time\.|TimeUnit\.|Duration\.)?"
    r"(?P<unit>nano|micro|milli)?(?P<base>seconds?|minutes?|hours?|days?)\b",
    re.IGNORECASE,
)
_OF = re.compile(
    r"\b(?:of|from)?(?P<unit>Nanos|Micros|Millis|Seconds|Minutes|Hours|Days)"
    r"\s*\(\s*(?P<number>\d[\d_]*(?:\.\d+)?)\s*\)",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?<![\w.$])(?P<number>\d[\d_]*(?:\.\d+)?)(?P<unit>[A-Za-z]{1,5}|%)?(?![\w.])"
)
_SWITCHES = {"true": 1.0, "false": 0.0, "on": 1.0, "off": 0.0, "enabled": 1.0, "disabled": 0.0}
_LEVELS = ("off", "fatal", "error", "warn", "warning", "info", "debug", "trace")
_MOST = 1e30
_WORD = re.compile(r"[A-Za-z]+")


def numbers_in(code: str) -> list[float]:
    """The values in a line of code, in order: durations in seconds, sizes in bytes."""
    found: list[tuple[int, float]] = []

    def take(pattern: re.Pattern[str], text: str, value_of: ValueOf) -> str:
        for match in pattern.finditer(text):
            value = value_of(match)
            if value is not None:
                found.append((match.start(), value))
        return pattern.sub(lambda match: " " * len(match.group()), text)

    rest = take(_DURATION, code, _spelled)
    rest = take(_OF, rest, _constructed)
    take(_NUMBER, rest, _plain)
    return [value for _, value in sorted(found)]


def without_values(code: str) -> str:
    """The line with every value replaced by `#`: lines that differ in values alone are equal."""
    rest = _NUMBER.sub("#", without_durations(code))
    return _WORD.sub(lambda match: "#" if _is_switch(match.group()) else match.group(), rest)


def without_durations(code: str) -> str:
    """The line with `5 * time.Second` and the like replaced by `#`: they are no arithmetic."""
    return _OF.sub("#", _DURATION.sub("#", code))


def switch_in(code: str) -> float | None:
    """1.0 or 0.0 where the line sets a switch on or off."""
    found = [_SWITCHES[word.lower()] for word in _WORD.findall(code) if word.lower() in _SWITCHES]
    return found[0] if len(found) == 1 else None


def level_in(code: str) -> int | None:
    """How talkative the log level named in the line is (0 = off, 7 = everything)."""
    found = [_LEVELS.index(low) for word in _WORD.findall(code) if (low := word.lower()) in _LEVELS]
    return found[0] if len(found) == 1 else None


def _is_switch(word: str) -> bool:
    return word.lower() in _SWITCHES or word.lower() in _LEVELS


def _spelled(match: re.Match[str]) -> float | None:
    unit = f"{match['unit'] or ''}{match['base']}".lower().rstrip("s")
    scale = _SECONDS.get(unit)
    return None if scale is None else _float(match["number"]) * scale


def _constructed(match: re.Match[str]) -> float | None:
    unit = match["unit"].lower().rstrip("s")
    scale = _SECONDS.get(unit) or _SECONDS.get(f"{unit}second")
    return None if scale is None else _float(match["number"]) * scale


def _plain(match: re.Match[str]) -> float | None:
    unit = (match["unit"] or "").lower()
    value = _float(match["number"])
    if unit == "%":
        return value / 100
    return value * _SECONDS.get(unit, _SIZES.get(unit, 1.0))


def _float(text: str) -> float:
    return min(float(text.replace("_", "")), _MOST)
