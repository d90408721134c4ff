"""Slices at four levels, and how a window is cut into a bounded number of them. Pure.

Counting writes 5 s slices only. Minutes, hours and days are added up once they are over, so each
level ends at a mark: what lies behind it is read from the next finer one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US

FINE_US: Final = 5 * SECOND_US
LEVELS_US: Final = (FINE_US, MINUTE_US, HOUR_US, DAY_US)
# 5 s slices are promised for the newest 2 h; the margin lets a late evaluation still see them.
FINE_KEPT_US: Final = 2 * HOUR_US
_FINE_STEP_US: Final = 15 * MINUTE_US
# Most of what a minute holds has arrived by then; what comes later is added to each level.
_SETTLED_US: Final = 30 * SECOND_US


class Span(NamedTuple):
    """Cells of one level with from_us <= slice < to_us."""

    level_us: int
    from_us: int
    to_us: int


class Marks(NamedTuple):
    """5 s slices exist from `fine_from_us` on; the other levels hold slices before their mark.

    fine_from_us <= minutes_to_us, days_to_us <= hours_to_us <= minutes_to_us.
    """

    fine_from_us: int = 0
    minutes_to_us: int = 0
    hours_to_us: int = 0
    days_to_us: int = 0

    def ends(self, level_us: int) -> int | None:
        """Where the level ends; None for 5 s slices, which are open."""
        return {
            MINUTE_US: self.minutes_to_us,
            HOUR_US: self.hours_to_us,
            DAY_US: self.days_to_us,
        }.get(level_us)

    def holds(self, level_us: int, slice_us: int) -> bool:
        """True where a change in this (5 s) slice belongs into a cell of the level."""
        if level_us == FINE_US:
            return slice_us >= self.fine_from_us
        return slice_us < (self.ends(level_us) or 0)


def floor_us(at_us: int, step_us: int) -> int:
    """The slice border at or before the time (UTC; days begin at 00:00Z)."""
    return at_us - at_us % step_us


def marks_at(newest_us: int, before: Marks) -> Marks:
    """The marks when `newest_us` is the newest receive time; they never move back.

    The border of 5 s slices moves in steps of 15 min and lies 2 h to 2 h 15 min back.
    """
    minutes = max(before.minutes_to_us, floor_us(max(0, newest_us - _SETTLED_US), MINUTE_US))
    return Marks(
        max(before.fine_from_us, floor_us(max(0, newest_us - FINE_KEPT_US), _FINE_STEP_US)),
        minutes,
        floor_us(minutes, HOUR_US),
        floor_us(minutes, DAY_US),
    )


def snap(at_us: int, fine_from_us: int) -> int:
    """The border a window can have here: 5 s where those slices are kept, else the minute."""
    return floor_us(at_us, FINE_US if at_us >= fine_from_us else MINUTE_US)


def cut(from_us: int, to_us: int, marks: Marks, coarsest_us: int = DAY_US) -> list[Span]:
    """Spans that cover [from, to) exactly once after snapping: at most seven of them.

    `coarsest_us`: no span of a coarser level (for series whose steps are not made of days). Both
    borders are snapped alone, so cut(a, b) and cut(b, c) together are cut(a, c).
    """
    low, high = snap(from_us, marks.fine_from_us), snap(to_us, marks.fine_from_us)
    return _cut(low, high, LEVELS_US.index(coarsest_us), marks) if low < high else []


def _cut(low: int, high: int, index: int, marks: Marks) -> list[Span]:
    if low >= high:
        return []
    level_us = LEVELS_US[index]
    if index == 0:
        return [Span(level_us, low, high)]
    end_us = min(high, marks.ends(level_us) or 0)
    first, last = -(-low // level_us) * level_us, floor_us(end_us, level_us)
    if first >= last:
        return _cut(low, high, index - 1, marks)
    middle = Span(level_us, first, last)
    return [
        *_cut(low, first, index - 1, marks),
        middle,
        *_cut(last, high, index - 1, marks),
    ]


def level_for(from_us: int, step_us: int) -> int:
    """The coarsest level whose slices fill buckets of `step_us` beginning at `from_us`; 0: none."""
    fitting = [one for one in LEVELS_US if from_us % one == 0 and step_us % one == 0]
    return max(fitting, default=0)
