"""How much of a window was observed: gaps between the minutes in which a source was heard. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from kernel.clock import MINUTE_US


def covered(minutes_us: Sequence[int], from_us: int, to_us: int, max_gap_us: int) -> Fraction:
    """1 - (gaps longer than `max_gap_us`) / (to - from), within 0..1.

    `minutes_us`: sorted starts of heard minutes; the newest one before and the first one after the
    window belong to it, so that a gap over a border has its true length. Silence before the first
    minute given counts as gap from `from_us` on.
    """
    if to_us <= from_us:
        return Fraction(0)
    ends = [from_us if not minutes_us else min(from_us, minutes_us[0] + MINUTE_US)]
    ends += [minute + MINUTE_US for minute in minutes_us]
    starts = [*minutes_us, max(to_us, ends[-1])]
    missing_us = sum(
        max(0, min(start, to_us) - max(end, from_us))
        for end, start in zip(ends, starts, strict=True)
        if start - end > max_gap_us
    )
    return 1 - Fraction(missing_us, to_us - from_us)
