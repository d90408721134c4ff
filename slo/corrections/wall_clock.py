"""Wall clock time of an IANA zone on the time line. Pure.

Every wall clock time is one moment, and a later one is never an earlier moment:

- a time that occurs twice (clocks set back) is its first pass, as RFC 5545 section 3.3.5 says;
- a time that the clocks skip is the moment of the jump. (RFC 5545 takes the offset before the gap
  instead, as calendar windows do: that puts 02:30 behind 03:15 and would turn a span around.)
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from kernel.clock import SECOND_US, from_us, to_us


def moment_us(wall: dt.datetime, zone: ZoneInfo) -> int:
    """UTC microseconds of a naive wall clock time."""
    first_us = to_us(wall.replace(tzinfo=zone, fold=0))
    second_us = to_us(wall.replace(tzinfo=zone, fold=1))
    if second_us >= first_us:
        return first_us
    return _jump_us(second_us, first_us, zone)


def wall_of(at_us: int, zone: ZoneInfo) -> dt.datetime:
    """What the clock on the wall shows, naive."""
    return from_us(at_us).astimezone(zone).replace(tzinfo=None, fold=0)


def _jump_us(before_us: int, after_us: int, zone: ZoneInfo) -> int:
    """First whole second in (before, after] that has the offset of `after`."""
    offset = from_us(after_us).astimezone(zone).utcoffset()
    low_s, high_s = before_us // SECOND_US, after_us // SECOND_US
    while high_s - low_s > 1:
        middle_s = (low_s + high_s) // 2
        if from_us(middle_s * SECOND_US).astimezone(zone).utcoffset() == offset:
            high_s = middle_s
        else:
            low_s = middle_s
    return high_s * SECOND_US
