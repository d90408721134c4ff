"""The forecast of one budget: a pace, and an interval from resampled days. Pure.

The pace is the ratio of the newest 28 days, nearer days weighing more; where the newest minutes
fail beyond chance, it is theirs. Hours to come have the day's and the week's pattern of traffic.

The interval: each path goes on by days drawn from the newest 28 by the same weights, scaled to the
weekday's volume. Their failures are scaled by a level and a trend, drawn once a path from what a
straight line through the days' log ratios leaves open; the line's slope is drawn towards zero by as
much as it is in doubt, and its doubt grows where days resemble their neighbours. A burst of
failures goes on for as long again as is not known better: P(lasts longer than t) = age / (age + t)
(Gott 1993). The 10 % and the 90 % quantile of the paths' times are the interval, widened where the
pace itself lies outside. The three numbers `HALF_LIFE_DAYS`, `LEVEL_TIMES` and `TREND_TIMES` were
fitted on simulated streams with other seeds than those of the back-test (`slo.forecast.backtest`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from slo.binomial import upper_tail
from slo.forecast.history import DAYS_A_WEEK, HOURS_A_DAY, History, Hour
from slo.forecast.paths import NEVER, hours_to_empty

PATHS = 100
LOW, HIGH = 0.1, 0.9
HALF_LIFE_DAYS = 10.0
LEVEL_TIMES = 0.6
TREND_TIMES = 1.0
# Days below which there is a pace, but no interval.
INTERVAL_DAYS = 7
_BEYOND_CHANCE = 1e-6
_BURNING_BAD = 5
_BURNING_TIMES = 2.0
_WIDEST = 3.0
_MOST_ALIKE = 0.8

# Hours until the budget is spent, in 10 % and in 90 % of the paths.
Interval = tuple[float, float]
Draw = Callable[[], Interval]
# Is the pace that of a burst of failures, and how the interval is drawn -> the interval.
Recall = Callable[[bool, Draw], Interval]


@dataclass(frozen=True)
class Outlook:
    """Hours until the budget is spent: at the present pace, and the 80 % interval.

    `NEVER` (infinite) where it is not spent in the time that is looked ahead. `interval_h` is None
    where the history is too short for one; `cannot_tell` says why there is nothing at all.
    `burning`: the pace is that of the newest minutes, not of the newest days.
    """

    at_pace_h: float = NEVER
    interval_h: Interval | None = None
    cannot_tell: str = ""
    burning: bool = False
    spent: bool = False


@dataclass(frozen=True)
class _Burst:
    """What fails now beyond chance: the ratio, and for how long already."""

    ratio: float
    age_h: float


@dataclass(frozen=True)
class _Trend:
    """Change of the log ratio a day, how sure that is, and how sure the level is."""

    slope: float
    slope_sigma: float
    level_sigma: float


def drawn_now(burning: bool, draw: Draw) -> Interval:  # noqa: ARG001 (see `Recall`)
    """Nothing is remembered."""
    return draw()


def outlook(history: History, seed: int, paths: int = PATHS, recall: Recall = drawn_now) -> Outlook:
    """The forecast. The same `seed` gives the same answer.

    `recall` gives the 10 % and the 90 % quantile, which take most of the time: drawn now, or those
    that were drawn from nearly the same a moment ago. Everything else is of now.
    """
    if history.total <= 0:
        return Outlook(cannot_tell="nothing was counted in this window")
    if history.margin <= 0:
        return Outlook(0.0, (0.0, 0.0), spent=True)
    days = history.days
    if not days:
        return Outlook(cannot_tell="less than a day was counted so far")
    weights = [0.5 ** (k / HALF_LIFE_DAYS) for k in range(len(days))]
    ratio = _weighted_ratio(days, weights)
    burst = _burst(history, ratio)
    pace = burst.ratio if burst else ratio
    at_pace_h = hours_to_empty(history.margin, _steady(history, pace), history.leaving_gains)
    if len(days) < INTERVAL_DAYS:
        return Outlook(at_pace_h, burning=burst is not None)
    low_h, high_h = recall(
        burst is not None, lambda: _quantiles(_Futures(history, weights, burst), seed, paths)
    )
    interval = min(low_h, at_pace_h), max(high_h, at_pace_h)
    return Outlook(at_pace_h, interval, burning=burst is not None)


def _quantiles(futures: _Futures, seed: int, paths: int) -> Interval:
    draw = random.Random(seed)  # noqa: S311 - a simulation, no secret
    times = sorted(futures.hours_to_empty(draw) for _ in range(paths))
    return times[int(LOW * paths)], times[min(paths - 1, int(HIGH * paths))]


def _weighted_ratio(days: Sequence[Sequence[Hour]], weights: Sequence[float]) -> float:
    bad = sum(w * one.bad for w, day in zip(weights, days, strict=True) for one in day)
    total = sum(w * one.total for w, day in zip(weights, days, strict=True) for one in day)
    return bad / total if total else 0.0


def _burst(history: History, ratio: float) -> _Burst | None:
    """The shortest of the newest spans that fails beyond chance, compared with the newest days."""
    for span_h, now in history.newest:
        if now.bad < max(_BURNING_BAD, _BURNING_TIMES * ratio * now.total):
            continue
        if upper_tail(now.bad, now.total, ratio) > _BEYOND_CHANCE:
            continue
        present = now.bad / now.total
        age_h = span_h
        for one in reversed(history.recent[:-1]):
            if not one.total or one.bad < present / 2 * one.total:
                break
            age_h += 1
        return _Burst(present, age_h)
    return None


def _steady(history: History, pace: float) -> Iterator[float]:
    """Gains to come at a constant ratio, by the day's and the week's pattern of traffic."""
    days, volumes = history.days, history.volumes
    week = days[:DAYS_A_WEEK]
    profile = [sum(day[hour].total for day in week) / len(week) for hour in range(HOURS_A_DAY)]
    mean = sum(volumes) / len(volumes)
    gain = history.budget_ratio - pace
    for hour in range(len(history.leaving)):
        scale = volumes[_same_weekday(hour // HOURS_A_DAY)] / mean
        yield gain * profile[hour % HOURS_A_DAY] * scale


class _Futures:
    """Draws possible futures of one history; everything that they share is computed once."""

    def __init__(self, history: History, weights: Sequence[float], burst: _Burst | None) -> None:
        ratio = history.budget_ratio
        self._margin = history.margin
        self._days = [[(ratio * one.total, float(one.bad)) for one in day] for day in history.days]
        self._totals = [[one.total for one in day] for day in history.days]
        self._volumes = history.volumes
        self._sums = list(accumulate(weights))
        self._burst = burst
        self._trend = _trend(history, weights)
        self._leaving = history.leaving_gains

    def hours_to_empty(self, draw: random.Random) -> float:
        """Hours until the margin is spent in one possible future; `NEVER` if not looked so far.

        The rule of `slo.forecast.paths` for a window no shorter than the time looked ahead.
        """
        trend, burst = self._trend, self._burst
        burst_h = burst.age_h * (1 / (1 - draw.random()) - 1) if burst else 0.0
        level = draw.gauss(0, trend.level_sigma)
        slope = draw.gauss(trend.slope, trend.slope_sigma)
        margin = self._margin
        for first in range(0, len(self._leaving), HOURS_A_DAY):
            ahead = first // HOURS_A_DAY
            k = draw.choices(range(len(self._days)), cum_weights=self._sums)[0]
            scale = self._volumes[_same_weekday(ahead)] / self._volumes[k % DAYS_A_WEEK]
            times = math.exp(max(-_WIDEST, min(_WIDEST, level + slope * (ahead + k + 1))))
            day = self._days[k]
            if burst and first < burst_h:
                day = self._burning(k, burst_h - first, burst.ratio / times)
            hour, leaving = first, self._leaving[first : first + HOURS_A_DAY]
            for (allowed, bad), left in zip(day, leaving, strict=False):
                following = margin + scale * (allowed - times * bad) - left
                if following <= 0:
                    return hour + margin / (margin - following)
                margin = following
                hour += 1
        return NEVER

    def _burning(self, k: int, lasts_h: float, ratio: float) -> list[tuple[float, float]]:
        """The day with the burst going on for `lasts_h` of it."""
        found: list[tuple[float, float]] = []
        for hour, (allowed, bad) in enumerate(self._days[k]):
            part = max(0.0, min(1.0, lasts_h - hour))
            found.append((allowed, max(bad, part * ratio * self._totals[k][hour])))
        return found


def _trend(history: History, weights: Sequence[float]) -> _Trend:
    """A straight line through the days' log ratios, drawn to zero by as much as it is in doubt."""
    points = [
        (-float(k), math.log((sum(one.bad for one in day) + 0.5) / (total + 1)))
        for k, day in enumerate(history.days)
        if (total := sum(one.total for one in day))
    ]
    n = len(points)
    mean_x = sum(x for x, _ in points) / n
    mean_y = sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if n < INTERVAL_DAYS or not spread:
        return _Trend(0.0, 0.0, 0.5)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    rests = [y - mean_y - slope * (x - mean_x) for x, y in points]
    rest = sum(one * one for one in rests) / (n - 2) * _dependence(rests)
    variance = rest / spread
    kept = slope**2 / (slope**2 + variance) if slope else 0.0
    effective = sum(weights) ** 2 / sum(one * one for one in weights)
    return _Trend(
        slope * kept,
        TREND_TIMES * math.sqrt(variance * kept),
        LEVEL_TIMES * math.sqrt(rest / effective),
    )


def _dependence(rests: Sequence[float]) -> float:
    """How many times a mean's variance grows because days resemble their neighbours (AR(1))."""
    squares = sum(one * one for one in rests)
    if not squares:
        return 1.0
    likeness = sum(a * b for a, b in pairwise(rests)) / squares
    likeness = max(0.0, min(_MOST_ALIKE, likeness))
    return (1 + likeness) / (1 - likeness)


def _same_weekday(day: int) -> int:
    """Place in `volumes` (counted back from the newest day) of a day that lies ahead."""
    return (DAYS_A_WEEK - 1 - day) % DAYS_A_WEEK
