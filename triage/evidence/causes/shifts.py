"""When a series left its usual range. Pure, robust to noise and to slow ramps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from triage.evidence.causes.scene import Series

MIN_POINTS = 8
# Of a series' beginning this share is taken as usual, where the alarm does not say otherwise.
_USUAL_SHARE = 0.3
_NOISE = 6.0  # median absolute deviations
_LEAST_RELATIVE = 0.15
_RUN = 3


@dataclass(frozen=True)
class Shift:
    """From `at_us` on the series stays outside of its usual range.

    `before` is its usual median, `after` the median of what follows, `peak` the most extreme value.
    """

    series: Series
    at_us: int
    before: float
    after: float
    peak: float

    @property
    def ratio(self) -> float:
        """After by before; inf from zero."""
        if self.before == 0:
            return math.inf if self.after else 1.0
        return self.after / self.before

    @property
    def weight(self) -> float:
        """0-1: how far it moved, on a scale where a factor of ten is all."""
        if self.before <= 0 or self.after <= 0:
            return 1.0
        return min(1.0, abs(math.log10(self.after) - math.log10(self.before)))


def shift_of(series: Series, until_us: int) -> Shift | None:
    """The first lasting departure from what was usual; None where there is none.

    Usual is what the first third of the series (up to `until_us`) shows: its median and the median
    absolute deviation. It has left where three points in a row lie outside of six deviations (and
    of 15 %), on one side; the departure is dated back along an unbroken rise to where it began.
    """
    points = [point for point in series.points if point[0] <= until_us]
    if len(points) < MIN_POINTS:
        return None
    usual = [value for _, value in points[: max(_RUN + 2, int(len(points) * _USUAL_SHARE))]]
    middle = median(usual)
    spread = median(abs(value - middle) for value in usual)
    margin = max(_NOISE * spread, _LEAST_RELATIVE * abs(middle), 1e-9)
    for side in (1.0, -1.0):
        start = _first_run([side * (value - middle) for _, value in points], margin)
        if start is not None:
            start = _dated_back([side * (value - middle) for _, value in points], start, margin / 3)
            return _shift(series, points, start, middle)
    return None


def _shift(series: Series, points: Sequence[tuple[int, float]], start: int, middle: float) -> Shift:
    after = [value for _, value in points[start:]]
    peak = max(after, key=lambda value: abs(value - middle))
    return Shift(series, points[start][0], middle, median(after), peak)


def _first_run(distances: Sequence[float], margin: float) -> int | None:
    """Where a run of points outside begins that lasts (the series' end may cut it short)."""
    run = 0
    for place, distance in enumerate(distances):
        run = run + 1 if distance > margin else 0
        if run >= _RUN:
            return place - run + 1
    # A series may end while it has only begun to leave.
    return len(distances) - run if run == _RUN - 1 else None


def _dated_back(distances: Sequence[float], start: int, little: float) -> int:
    """A ramp begins where it first rises above noise, not where it is found."""
    place = start
    while place > 0 and little < distances[place - 1] <= distances[place]:
        place -= 1
    return place
