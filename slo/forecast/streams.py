"""Simulated streams of attempts, hour by hour, by seed: what forecasts are fitted and tested on.
Pure.

Every stream is drawn anew from wide ranges (volume, target, burn, pattern, trend, incidents), so
that no forecast can be tuned to one shape.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from slo.forecast.history import HOURS_A_DAY, Hour

KINDS = ("steady", "rising", "falling", "incidents", "weekly")
_NORMAL_FROM = 400


@dataclass(frozen=True)
class Stream:
    """Counts hour by hour, and the promise they are measured by."""

    kind: str
    hours: Sequence[Hour]
    budget_ratio: float
    window_h: int


def stream(kind: str, seed: int, days: int) -> Stream:
    """A stream of `days` of one of `KINDS`. The same seed gives the same stream."""
    draw = random.Random(f"{kind}/{seed}")  # noqa: S311 - a simulation, no secret
    budget_ratio = draw.choice([0.001, 0.002, 0.005, 0.01, 0.05])
    window_h = draw.choice([7, 14, 28, 28]) * HOURS_A_DAY
    volume = 10 ** draw.uniform(2.0, 4.0)
    burn = draw.uniform(0.6, 1.6)
    level = _LEVELS[kind](draw, days)
    weekend = draw.uniform(0.3, 0.8) if kind == "weekly" else draw.uniform(0.85, 1.15)
    amplitude = draw.uniform(0.3, 0.9)
    hours = []
    for hour in range(days * HOURS_A_DAY):
        day, of_day = divmod(hour, HOURS_A_DAY)
        shape = 1 + amplitude * math.sin(2 * math.pi * (of_day - 8) / HOURS_A_DAY)
        wanted = volume * shape * (weekend if day % 7 >= 5 else 1.0) * draw.uniform(0.92, 1.08)
        total = poisson(draw, wanted)
        ratio = min(1.0, budget_ratio * burn * level[hour])
        hours.append(Hour(min(total, poisson(draw, total * ratio)), total))
    return Stream(kind, hours, budget_ratio, window_h)


def poisson(draw: random.Random, mean: float) -> int:
    """A Poisson number; from a mean of 400 on by the normal approximation."""
    if mean <= 0:
        return 0
    if mean >= _NORMAL_FROM:
        return max(0, round(draw.gauss(mean, math.sqrt(mean))))
    count, product, floor = 0, draw.random(), math.exp(-mean)
    while product > floor:
        count += 1
        product *= draw.random()
    return count


def _steady(draw: random.Random, days: int) -> list[float]:
    """A level that wanders a little from day to day around its mean."""
    found, drift = [], 0.0
    for _ in range(days):
        drift = 0.8 * drift + draw.gauss(0, 0.08)
        found += [math.exp(drift)] * HOURS_A_DAY
    return found


def _trend(draw: random.Random, days: int, sign: int) -> list[float]:
    """It doubles (or halves) within 14 to 70 days."""
    rate = sign * math.log(2) / (draw.uniform(14, 70) * HOURS_A_DAY)
    middle = days * HOURS_A_DAY / 2
    base = _steady(draw, days)
    return [base[h] * math.exp(rate * (h - middle)) for h in range(days * HOURS_A_DAY)]


def _incidents(draw: random.Random, days: int) -> list[float]:
    """A quiet level, and incidents of some hours that burn 3 to 60 times as fast."""
    found = [one * 0.5 for one in _steady(draw, days)]
    every_h = draw.uniform(3, 10) * HOURS_A_DAY
    at = draw.expovariate(1 / every_h)
    while at < len(found):
        length = max(1, round(math.exp(draw.gauss(0.7, 0.8))))
        height = math.exp(draw.uniform(math.log(3), math.log(60)))
        for hour in range(int(at), min(len(found), int(at) + length)):
            found[hour] += height
        at += length + draw.expovariate(1 / every_h)
    return found


_LEVELS: Mapping[str, Callable[[random.Random, int], list[float]]] = {
    "steady": _steady,
    "rising": lambda draw, days: _trend(draw, days, 1),
    "falling": lambda draw, days: _trend(draw, days, -1),
    "incidents": _incidents,
    "weekly": _steady,
}
