"""Exact and normal tests, and the control of many tests at once. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

_NORMAL_FROM = 20.0  # expected count in every cell from which the normal tail is used


def enrichment_p(bad_in: int, total_in: int, bad: int, total: int) -> float:
    """P(X >= bad_in), X hypergeometric: `total_in` drawn of `total`, `bad` of which are bad.

    One-sided Fisher test; where every expected cell is at least 20, the normal tail with
    continuity correction (it is within a few per cent there, and far cheaper).
    """
    if not 0 <= bad_in <= min(bad, total_in) or max(bad, total_in) > total:
        raise ValueError(f"not a 2 x 2 table: {bad_in} of {total_in}, {bad} of {total}")
    lowest = max(0, total_in + bad - total)
    if bad_in <= lowest:
        return 1.0
    mean = total_in * bad / total
    cells = (mean, total_in - mean, bad - mean, total - total_in - bad + mean)
    if min(cells) >= _NORMAL_FROM:
        variance = mean * (1 - bad / total) * (total - total_in) / (total - 1)
        return 0.5 * math.erfc((bad_in - 0.5 - mean) / math.sqrt(2 * variance))
    return _hypergeometric_tail(bad_in, total_in, bad, total)


def _hypergeometric_tail(bad_in: int, total_in: int, bad: int, total: int) -> float:
    """Summed from the side that is the smaller one, so that nothing underflows to a wrong 0."""
    if bad_in * total <= total_in * bad:
        lower = _sum_down(bad_in - 1, total_in, bad, total)
        return max(0.0, 1.0 - lower)
    term = _point(bad_in, total_in, bad, total)
    tail = term
    for k in range(bad_in, min(bad, total_in)):
        term *= (bad - k) * (total_in - k) / ((k + 1) * (total - bad - total_in + k + 1))
        tail += term
        if term <= tail * 1e-16:
            break
    return min(1.0, tail)


def _sum_down(k_from: int, total_in: int, bad: int, total: int) -> float:
    term = _point(k_from, total_in, bad, total)
    tail = term
    for k in range(k_from, max(0, total_in + bad - total), -1):
        term *= k * (total - bad - total_in + k) / ((bad - k + 1) * (total_in - k + 1))
        tail += term
        if term <= tail * 1e-16:
            break
    return tail


def _point(k: int, total_in: int, bad: int, total: int) -> float:
    return math.exp(
        _log_choose(bad, k) + _log_choose(total - bad, total_in - k) - _log_choose(total, total_in)
    )


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values (q-values), in the order given.

    Benjamini and Hochberg 1995: q(i) = min over j >= i of p(j) * m / j, at most 1.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [1.0] * len(p_values)
    lowest = 1.0
    for rank in range(len(order), 0, -1):
        index = order[rank - 1]
        lowest = min(lowest, p_values[index] * (len(order) / rank))
        adjusted[index] = lowest
    return adjusted
