"""Exact tails of counts that vary more than chance alone: the negative binomial. Pure.

A count with mean m and dispersion d has the variance m + d m^2 (d = 0.03: a shop's volume wanders
by 17 % from one moment to the next). P(X <= x) is the regularised incomplete beta function
I_p(1/d, x + 1) at p = 1 / (1 + d m), summed as its continued fraction (Abramowitz and Stegun
26.5.24 and 26.5.8), which takes some dozen steps where x lies below the mean.
"""

from __future__ import annotations

from math import ceil, exp, lgamma, log, log1p, sqrt

_TINY = 1e-300
_ENOUGH = 1e-14
_MOST_STEPS = 100_000


def lower_tail(at_most: int, mean: float, dispersion: float) -> float:
    """P(X <= at_most). Raises ValueError for a negative mean or a dispersion not above 0."""
    if mean < 0 or dispersion <= 0:
        raise ValueError("a mean of at least 0 and a dispersion above 0 are needed")
    if at_most < 0:
        return 0.0
    if mean == 0:
        return 1.0
    return _beta(1.0 / dispersion, at_most + 1.0, 1.0 / (1.0 + dispersion * mean))


def quantile(share: float, mean: float, dispersion: float) -> int:
    """Smallest count whose lower tail reaches `share` (0 < share < 1)."""
    if mean <= 0:
        return 0
    low, high = -1, ceil(mean + 10 * sqrt(mean + dispersion * mean * mean)) + 10
    while lower_tail(high, mean, dispersion) < share:
        high *= 2
    while high - low > 1:
        middle = (low + high) // 2
        if lower_tail(middle, mean, dispersion) >= share:
            high = middle
        else:
            low = middle
    return high


def _beta(a: float, b: float, x: float) -> float:
    """I_x(a, b) for 0 < x < 1."""
    front = exp(a * log(x) + b * log1p(-x) + lgamma(a + b) - lgamma(a) - lgamma(b))
    if x < (a + 1.0) / (a + b + 2.0):
        return min(1.0, front * _fraction(a, b, x) / a)
    return max(0.0, 1.0 - front * _fraction(b, a, 1.0 - x) / b)


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction, from the front (modified Lentz)."""
    numerator, value = 1.0, 1.0
    denominator = 1.0 / _off_zero(1.0 - (a + b) * x / (a + 1.0))
    value = denominator
    for step in range(1, _MOST_STEPS):
        twice = a + 2.0 * step
        even = step * (b - step) * x / ((twice - 1.0) * twice)
        denominator = 1.0 / _off_zero(1.0 + even * denominator)
        numerator = _off_zero(1.0 + even / numerator)
        value *= denominator * numerator
        odd = -(a + step) * (a + b + step) * x / (twice * (twice + 1.0))
        denominator = 1.0 / _off_zero(1.0 + odd * denominator)
        numerator = _off_zero(1.0 + odd / numerator)
        change = denominator * numerator
        value *= change
        if abs(change - 1.0) < _ENOUGH:
            break
    return value


def _off_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
