"""Time is injected: wall time as int64 UTC microseconds, durations from the monotonic clock."""

from __future__ import annotations

import datetime as dt
import re
import time
from functools import lru_cache
from typing import Protocol

from kernel.quoting import quoted

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Clock(Protocol):
    """Where the time comes from."""

    def now_us(self) -> int:
        """Wall time: microseconds since 1970-01-01T00:00:00Z."""

    def monotonic_s(self) -> float:
        """Seconds that never jump, for measuring durations."""


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        return time.monotonic()


class FrozenClock:
    """Stands still until told to move. For tests and replays."""

    def __init__(self, now_us: int = 1_795_000_000 * SECOND_US) -> None:
        self._now_us = now_us
        self._monotonic_s = 0.0

    def now_us(self) -> int:
        return self._now_us

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def advance_s(self, seconds: float) -> None:
        """Move both clocks on by `seconds`."""
        self._now_us += round(seconds * SECOND_US)
        self._monotonic_s += seconds

    def set_us(self, now_us: int) -> None:
        """Set the wall clock alone (clocks do jump)."""
        self._now_us = now_us


def from_us(at_us: int) -> dt.datetime:
    """Aware UTC datetime of int64 microseconds, exact."""
    return _EPOCH + dt.timedelta(microseconds=at_us)


def to_us(at: dt.datetime) -> int:
    """Microseconds of an aware datetime, exact (no float in between)."""
    if at.tzinfo is None:
        raise ValueError("a naive datetime has no place on the time line: add its zone")
    return (at - _EPOCH) // dt.timedelta(microseconds=1)


def rfc3339(at_us: int) -> str:
    """RFC 3339 with six digits and Z, the one outside form of a time."""
    return from_us(at_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_rfc3339(text: str) -> int:
    """Microseconds of an RFC 3339 time; digits beyond the sixth are cut off.

    Raises ValueError without a zone offset, and for what in UTC lies outside of the years 1 to
    9999: nothing could write such a time again.
    """
    # The form that most senders write, and their seconds come again and again.
    if text[19:20] == "." and text[-1] == "Z":
        digits = text[20:-1]
        if digits.isascii() and digits.isdigit():
            return _second_us(text[:19]) + int(digits[:6].ljust(6, "0"))
    return _parse_any(text)


_SECOND = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d", re.ASCII)
_REST = re.compile(r"(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


@lru_cache(maxsize=4096)
def _second_us(text: str) -> int:
    """`2026-11-25T09:00:00` in UTC."""
    if _SECOND.fullmatch(text) is None:
        raise ValueError(f"not an RFC 3339 time: {quoted(text, 40)}")
    return to_us(dt.datetime.fromisoformat(text + "+00:00"))


def _parse_any(text: str) -> int:
    main, rest = text[:19], text[19:]
    if _SECOND.fullmatch(main) is None:
        raise ValueError(f"not an RFC 3339 time: {quoted(text, 40)}")
    match = _REST.fullmatch(rest)
    if match is None:
        raise ValueError(f"a time needs its zone offset: {quoted(text, 40)}")
    offset = "+00:00" if match[2] in "Zz" else match[2]
    at = dt.datetime.fromisoformat(main + offset)
    if main[:4] in {"0001", "9999"}:
        try:
            at = at.astimezone(dt.UTC)
        except OverflowError:
            raise ValueError(f"outside of the years 1 to 9999 in UTC: {quoted(text, 40)}") from None
    return to_us(at) + int(((match[1] or "") + "000000")[:6])
