"""How much of a window was observed: gaps between the minutes in which a source was heard. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

from kernel.clock import MINUTE_US

# Heard minutes without one between them that was not: [from, to) in microseconds.
Stretch = tuple[int, int]


class Heard(NamedTuple):
    """What was heard in a part of a day: how many minutes, and in which stretches.

    `transactions`: the state of the ledger in which that was so.
    """

    minutes: int
    stretches: Sequence[Stretch]
    transactions: int


def stretches_of(minutes_us: Iterable[int]) -> list[Stretch]:
    """The stretches of heard minutes, given as sorted starts."""
    found: list[Stretch] = []
    from_us = to_us = -1
    for minute_us in minutes_us:
        if minute_us != to_us:
            if from_us >= 0:
                found.append((from_us, to_us))
            from_us = minute_us
        to_us = minute_us + MINUTE_US
    if from_us >= 0:
        found.append((from_us, to_us))
    return found


def covered(stretches: Sequence[Stretch], from_us: int, to_us: int, max_gap_us: int) -> Fraction:
    """1 - (gaps longer than `max_gap_us`) / (to - from), within 0..1.

    `stretches`: of heard minutes, by their starts; the newest minute before and the first one after
    the window belong to them, so that a gap over a border has its true length. Silence before the
    first minute given counts as gap from `from_us` on.
    """
    if to_us <= from_us:
        return Fraction(0)
    missing_us, heard_to_us = 0, from_us
    for start_us, end_us in stretches:
        if start_us - heard_to_us > max_gap_us:
            missing_us += max(0, min(start_us, to_us) - max(heard_to_us, from_us))
        heard_to_us = end_us
    if to_us - heard_to_us > max_gap_us:
        missing_us += to_us - max(heard_to_us, from_us)
    return 1 - Fraction(missing_us, to_us - from_us)


class Observed:
    """`covered` for many parts of one long span: what is asked of the parts is read once.

    `stretches` are those of the span, with the minutes next to it; `first_us`: when the source was
    first heard, None where it never was.
    """

    def __init__(self, stretches: Sequence[Stretch], first_us: int | None, max_gap_us: int) -> None:
        self._first_us = first_us
        self._max_gap_us = max_gap_us
        self._start_us = stretches[0][0] if stretches else None
        ends = accumulate((end_us for _, end_us in stretches), max)
        closed = zip(ends, (start_us for start_us, _ in stretches[1:]), strict=False)
        gaps = [one for one in closed if one[1] - one[0] > max_gap_us]
        self._end_us = max((end_us for _, end_us in stretches), default=None)
        self._gap_starts = [start_us for start_us, _ in gaps]
        self._gap_ends = [end_us for _, end_us in gaps]
        self._before = [0, *accumulate(end_us - start_us for start_us, end_us in gaps)]

    def share(self, from_us: int, to_us: int) -> Fraction:
        """Observed share of a part of the span, since the source was first heard."""
        if self._first_us is None:
            return Fraction(0)
        begun_us = max(from_us, self._first_us)
        if to_us <= begun_us:
            return Fraction(0)
        missing_us = self._closed_until(to_us) - self._closed_until(begun_us)
        if self._start_us is not None and self._start_us - begun_us > self._max_gap_us:
            missing_us += min(self._start_us, to_us) - begun_us
        heard_to_us = begun_us if self._end_us is None else self._end_us
        if to_us - heard_to_us > self._max_gap_us:
            missing_us += to_us - max(heard_to_us, begun_us)
        return 1 - Fraction(missing_us, to_us - begun_us)

    def _closed_until(self, at_us: int) -> int:
        """Time in gaps between heard minutes, up to `at_us`."""
        number = bisect_left(self._gap_starts, at_us)
        open_us = self._gap_ends[number - 1] - at_us if number else 0
        return self._before[number] - max(0, open_us)
