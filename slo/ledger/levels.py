"""Slices at four levels, and how a window is cut into a bounded number of them. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US

FINE_US: Final = 5 * SECOND_US
LEVELS_US: Final = (FINE_US, MINUTE_US, HOUR_US, DAY_US)
# 5 s slices are promised for the newest 2 h; the margin lets a late evaluation still see them.
FINE_KEPT_US: Final = 2 * HOUR_US
_FINE_STEP_US: Final = 15 * MINUTE_US


class Span(NamedTuple):
    """Cells of one level with from_us <= slice < to_us."""

    level_us: int
    from_us: int
    to_us: int


def floor_us(at_us: int, step_us: int) -> int:
    """The slice border at or before the time (UTC; days begin at 00:00Z)."""
    return at_us - at_us % step_us


def fine_from_us(newest_us: int) -> int:
    """From which time on 5 s slices are kept, when `newest_us` is the newest receive time.

    Moves in steps of 15 min and lies 2 h to 2 h 15 min back.
    """
    return max(0, floor_us(newest_us - FINE_KEPT_US, _FINE_STEP_US))


def snap(at_us: int, fine_from: int) -> int:
    """The border a window can have here: 5 s where those slices are kept, else the minute."""
    return floor_us(at_us, FINE_US if at_us >= fine_from else MINUTE_US)


def cut(from_us: int, to_us: int, fine_from: int) -> list[Span]:
    """Spans that cover [from, to) exactly once after snapping: at most seven of them.

    Both borders are snapped alone, so cut(a, b) and cut(b, c) together are cut(a, c).
    """
    low, high = snap(from_us, fine_from), snap(to_us, fine_from)
    return _cut(low, high, len(LEVELS_US) - 1) if low < high else []


def _cut(low: int, high: int, index: int) -> list[Span]:
    if low >= high:
        return []
    level_us = LEVELS_US[index]
    if index == 0:
        return [Span(level_us, low, high)]
    first, last = -(-low // level_us) * level_us, floor_us(high, level_us)
    if first >= last:
        return _cut(low, high, index - 1)
    middle = Span(level_us, first, last)
    return [*_cut(low, first, index - 1), middle, *_cut(last, high, index - 1)]


def level_for(from_us: int, step_us: int) -> int:
    """The coarsest level whose slices fill buckets of `step_us` beginning at `from_us`; 0: none."""
    fitting = [one for one in LEVELS_US if from_us % one == 0 and step_us % one == 0]
    return max(fitting, default=0)
