"""Revenue at risk now: value failing per minute, with an interval. Pure.

The value of a span is a sum of few baskets of very different worth, so its uncertainty comes from
both. With y the value seen and v its variance, the interval is that of a gamma distribution of
mean y and variance v below, and of mean y + w, variance v + w^2 above (Fay and Feuer, Statistics in
Medicine 16, 1997, for weighted sums of Poisson counts; w, there the largest weight, is v / y here:
the value of the basket in which an average unit of money lies). Gamma quantiles by the cube of
Wilson and Hilferty (1931).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

# Standard normal quantile of 90 %: 80 % of such intervals hold the true value.
Z80 = 1.2815515655446004


@dataclass(frozen=True)
class Interval:
    """80 % interval of a sum, in its units."""

    low: float
    high: float


def interval80(slices: Sequence[int]) -> Interval:
    """Interval of the sum of equal slices of time, each holding the value that failed in it.

    Variance by the slices themselves: the sum of their squares less the squared mean (a slice with
    two baskets counts as one large one, which widens). Two slices at least; all zero gives (0, 0).
    """
    count, seen = len(slices), sum(slices)
    if not seen or count < 2:
        return Interval(0.0, 0.0)
    spread = sum(one * one for one in slices) - seen * seen / count
    # Slices of equal value show no spread: then as if each were one basket.
    variance = spread * count / (count - 1) or seen * seen / count
    one = variance / seen
    return Interval(_gamma(seen, variance, -Z80), _gamma(seen + one, variance + one * one, Z80))


def _gamma(mean: float, variance: float, z: float) -> float:
    """Quantile at the normal quantile `z` of the gamma distribution of this mean and variance."""
    shape = mean * mean / variance
    root = 1 - 1 / (9 * shape) + z / (3 * sqrt(shape))
    return mean * max(0.0, root) ** 3
