"""How much of a window was observed: gaps between the minutes in which a source was heard. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
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
