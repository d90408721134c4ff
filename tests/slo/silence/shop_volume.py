"""A shop's volume at the level of counts: the noise model of the study (field notes, 8.2).

Attempts per 5 s over whole days from a Monday 00:00 UTC on: hour and weekday pattern, days that
differ by 8 %, a slow wandering of 12 % within a quarter of an hour, over-dispersed bins, two
campaigns a week, then Poisson.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kernel.clock import DAY_US, SECOND_US
from slo.silence.rule import ALPHA, LONGEST_US, SLICE_US, Arrivals, Lack, lack
from slo.volume.expectation import Expectation, expect
from slo.volume.pattern import SLOT_US

# Monday, 2026-01-05T00:00:00Z
MONDAY_US = 1_767_571_200 * SECOND_US
HOURS = [
    *(0.22, 0.14, 0.1, 0.08, 0.08, 0.1, 0.17, 0.3, 0.45, 0.56, 0.63, 0.68),
    *(0.72, 0.7, 0.67, 0.66, 0.69, 0.75, 0.85, 0.95, 1.0, 0.93, 0.7, 0.42),
]
WEEKDAYS = [0.95, 0.92, 0.92, 0.93, 0.9, 0.85, 1.0]
PER_DAY = DAY_US // SLICE_US
PER_SLOT = SLOT_US // SLICE_US
HISTORY_DAYS = 42


def volumes(
    peak_per_s: float, days: int, seed: int, day_factors: Sequence[float] = ()
) -> np.ndarray:
    """Attempts per 5 s slice. `day_factors` multiply single days (a holiday has 0.3).

    Between two of them the factor goes over from midnight to 4 h: people do not change in a second.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([4242, seed])))
    slices = days * PER_DAY
    hour = (np.arange(slices) % PER_DAY) * SLICE_US / SECOND_US / 3600
    rate = np.interp(hour, np.arange(-0.5, 25, 1), [HOURS[-1], *HOURS, HOURS[0]])
    day = np.exp(rng.normal(0, 0.08, days)) * np.resize(WEEKDAYS, days)
    rate = rate * np.repeat(day, PER_DAY) * np.repeat(_wandering(rng, slices // 12), 12)
    rate *= _holidays([*day_factors, *[1.0] * (days - len(day_factors))])
    rate *= _campaigns(rng, slices) * rng.gamma(25, 1 / 25, slices)
    return rng.poisson(rate * peak_per_s * 5)


def _holidays(factors: Sequence[float]) -> np.ndarray:
    ends = np.arange(len(factors)) * PER_DAY
    places = np.stack([ends, ends + PER_DAY // 6], axis=1).ravel()
    levels = np.stack([[factors[0], *factors[:-1]], factors], axis=1).ravel()
    return np.interp(np.arange(len(factors) * PER_DAY), places, levels)


def _wandering(rng: np.random.Generator, minutes: int) -> np.ndarray:
    keep = np.exp(-1 / 15)
    steps = rng.normal(0, 0.12 * np.sqrt(1 - keep * keep), minutes)
    value, found = 0.0, np.empty(minutes)
    for index, one in enumerate(steps):
        value = keep * value + one
        found[index] = value
    return np.exp(found)


def _campaigns(rng: np.random.Generator, slices: int) -> np.ndarray:
    factor = np.ones(slices)
    for _ in range(rng.poisson(2 * slices / (7 * PER_DAY))):
        start, length = rng.integers(slices), rng.uniform(10, 60) * 12
        after = np.arange(slices - start)
        factor[start:] *= 1 + rng.uniform(0.5, 2) * np.exp(-after / length)
    return factor


@dataclass
class Shop:
    """A stream of counts, watched as the engine watches it: a look every 5 s."""

    counts: np.ndarray
    begin_us: int = MONDAY_US

    def __post_init__(self) -> None:
        sums = self.counts.reshape(-1, PER_SLOT).sum(axis=1)
        self.slots = {
            self.begin_us + index * SLOT_US: int(count) for index, count in enumerate(sums) if count
        }

    def expectation(self, index: int, until: int = 0) -> Expectation:
        """What is expected at a slice (and up to slice `until`), knowing nothing of later."""
        at_us = self.begin_us + index * SLICE_US
        known = {at: n for at, n in self.slots.items() if at < at_us}
        return expect(known, at_us, until_us=self.begin_us + until * SLICE_US)

    def fires(
        self,
        first: int,
        last: int,
        scale: Callable[[int], float] = lambda _: 1.0,
        *,
        alpha: float = ALPHA,
    ) -> list[tuple[int, Lack]]:
        """All looks in slices [first, last) that find it silent; `scale` takes attempts away."""
        found, usual, slot = [], None, -1
        window = LONGEST_US // SLICE_US
        counts = self.counts[first - window : last].copy()
        thinning = np.random.default_rng(first)
        for index in range(len(counts)):
            share = scale(first - window + index)
            if share < 1:
                counts[index] = thinning.binomial(counts[index], share)
        for index in range(first, last):
            if usual is None or index // PER_SLOT != slot:
                slot = index // PER_SLOT
                usual = expect(self.slots, self.begin_us + index * SLICE_US)  # looks back only
            low = index - first
            seen = Arrivals(self.begin_us + index * SLICE_US, counts[low : low + window].tolist())
            lacking = lack(seen, usual, alpha)
            if lacking is not None:
                found.append((index, lacking))
        return found


def pages(fires: Sequence[tuple[int, Lack]]) -> int:
    """Fires half an hour apart are two pages."""
    last, count = -PER_DAY, 0
    for index, _ in fires:
        count += index - last > 360
        last = index
    return count
