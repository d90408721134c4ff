"""Shops whose traffic is made by a seed: counts by provider, country and method in 5 s slices.

The noise follows the study of the fast tier (deploy bumps of 1-3 % for 5-20 s, retry storms,
over-dispersed errors, days and nights); its sizes are assumptions, no shop's data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product

import numpy as np
from numpy.typing import NDArray

from app.bench.detect.counts import ArrayCounts
from kernel.clock import SECOND_US
from slo.fast_tier import SLICE_S
from slo.ledger.sums import SegmentKey
from slo.objective import Indicator, Objective, Selector

START_US = 1_795_000_200 * SECOND_US  # on a minute's border
DAY_SLICES = 86_400 // SLICE_S
Shares = NDArray[np.float64]

PROVIDERS = {"stripe": 0.6, "adyen": 0.4}
COUNTRIES = {"DE": 0.45, "US": 0.25, "FR": 0.15, "AT": 0.1, "NL": 0.05}
METHODS = {"card": 0.7, "redirect": 0.25, "bank_transfer": 0.05}
NAMES = ("provider", "country", "method")
KEYS: tuple[SegmentKey, ...] = tuple(product(PROVIDERS, COUNTRIES, METHODS))
WEIGHTS: Shares = np.array([PROVIDERS[p] * COUNTRIES[c] * METHODS[m] for p, c, m in KEYS])
_NIGHT = (0.22, 0.14, 0.1, 0.08, 0.08, 0.1, 0.17, 0.3)
_DAY = (0.45, 0.56, 0.63, 0.68, 0.72, 0.7, 0.67, 0.66)
_EVENING = (0.69, 0.75, 0.85, 0.95, 1.0, 0.93, 0.7, 0.42)
_HOURS = (*_NIGHT, *_DAY, *_EVENING)


def payments(target: str = "0.995") -> Objective:
    """The promise that these shops are judged by."""
    return Objective(
        id="payment-success",
        display_name="Payments succeed",
        service="payments",
        target=Fraction(target),
        indicator=Indicator(
            Selector(frozenset({"payment.succeeded", "payment.failed", "payment.expired"})),
            good=Selector(frozenset({"payment.succeeded"})),
        ),
        segments=NAMES,
    )


@dataclass(frozen=True)
class Shop:
    """`per_s`: attempts a second; `error_ratio`: share that fails in ordinary times.

    `daily`: the rate is the day's peak and follows the hours. `noise`: errors come in waves, and
    with deploy bumps and retry storms.
    """

    per_s: float
    error_ratio: float
    seed: int
    daily: bool = False
    noise: bool = False

    def counts(self, slices: int, faults: tuple[Fault, ...] = ()) -> ArrayCounts:
        """The first `slices` slices of this shop."""
        draw = np.random.default_rng(self.seed)
        pace = self._pace(slices)
        ratio = np.full(slices, self.error_ratio)
        if self.noise:
            ratio = _waves(draw, ratio)
            ratio = ratio + _bumps(draw, slices)
            storm, storm_bad = _storms(draw, slices)
            ratio = (ratio + storm * storm_bad) / (1 + storm)
            pace = pace * (1 + storm)
        total = np.empty((len(KEYS), slices), dtype=np.int64)
        bad = np.empty((len(KEYS), slices), dtype=np.int64)
        for row, weight in enumerate(WEIGHTS):
            level = np.ones(slices)
            shares = ratio
            for fault in faults:
                if fault.hits(KEYS[row]):
                    inside = fault.inside(slices)
                    shares = 1 - (1 - shares) * (1 - fault.share * inside)
                    level = level * (1 - fault.missing * inside)
            total[row] = draw.poisson(pace * weight * level)
            bad[row] = draw.binomial(total[row], np.clip(shares, 0, 1))
        return ArrayCounts(KEYS, bad, total, START_US)

    def _pace(self, slices: int) -> Shares:
        if not self.daily:
            return np.full(slices, self.per_s * SLICE_S)
        at_h = (START_US / SECOND_US + np.arange(slices) * SLICE_S) / 3600 % 24
        hours = np.array([*_HOURS, _HOURS[0]])
        found: Shares = self.per_s * SLICE_S * np.interp(at_h, np.arange(25), hours)
        return found


@dataclass(frozen=True)
class Fault:
    """From `from_s` to `to_s` (seconds after the start) a share of attempts fails, or is missing.

    `labels` say which part: {} is all of it. A border inside of a slice counts for its part.
    """

    from_s: float
    to_s: float
    share: float = 1.0
    labels: tuple[tuple[str, str], ...] = ()
    missing: float = 0.0

    def hits(self, key: SegmentKey) -> bool:
        """True where the part is hit."""
        known = dict(zip(NAMES, key, strict=True))
        return all(known[name] == value for name, value in self.labels)

    def inside(self, slices: int) -> Shares:
        """The part of each slice that lies in the fault."""
        begin = np.arange(slices) * float(SLICE_S)
        overlap = np.minimum(begin + SLICE_S, self.to_s) - np.maximum(begin, self.from_s)
        found: Shares = np.clip(overlap / SLICE_S, 0, 1)
        return found

    def later(self, seconds: float) -> Fault:
        """The same fault, shifted."""
        return replace(self, from_s=self.from_s + seconds, to_s=self.to_s + seconds)


def slice_at(seconds: float) -> int:
    """How many slices are closed so many seconds after the start."""
    return int(seconds // SLICE_S)


def seconds_at(at_us: int) -> float:
    """Seconds after the start."""
    return (at_us - START_US) / SECOND_US


def _waves(draw: np.random.Generator, ratio: Shares) -> Shares:
    """A slow wave (minutes) and a quick one (slices) around the mean, which stays what it is."""
    minutes = len(ratio) // 12 + 1
    pull = float(np.exp(-1 / 10))
    steps = draw.normal(0, 0.5 * np.sqrt(1 - pull**2), minutes)
    slow = np.empty(minutes)
    level = float(draw.normal(0, 0.5))
    for minute, shock in enumerate(steps.tolist()):
        level = pull * level + shock
        slow[minute] = level
    wave = np.repeat(np.exp(slow - 0.125), 12)[: len(ratio)]
    quick = draw.gamma(2, 0.5, len(ratio))
    found: Shares = np.clip(ratio * wave * quick, 0, 1)
    return found


def _bumps(draw: np.random.Generator, slices: int) -> Shares:
    """Six deploys a day that fail 1-3 % for 5-20 s."""
    found = np.zeros(slices)
    for _ in range(int(draw.poisson(6 * slices / DAY_SLICES))):
        from_s = float(draw.uniform(0, slices * SLICE_S))
        fault = Fault(from_s, from_s + float(draw.uniform(5, 20)), float(draw.uniform(0.01, 0.03)))
        found += fault.share * fault.inside(slices)
    return found


def _storms(draw: np.random.Generator, slices: int) -> tuple[Shares, Shares]:
    """One retry storm a day: extra attempts (a multiple of the usual) and the bad share of them."""
    extra, bad = np.zeros(slices), np.zeros(slices)
    for _ in range(int(draw.poisson(slices / DAY_SLICES))):
        from_s = float(draw.uniform(0, slices * SLICE_S))
        fault = Fault(from_s, from_s + float(draw.uniform(10, 30)))
        inside = fault.inside(slices)
        extra += float(draw.uniform(0.5, 2)) * inside
        bad = np.maximum(bad, float(draw.uniform(0.01, 0.04)) * (inside > 0))
    return extra, bad
