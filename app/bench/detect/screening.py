"""Where anything could fire at all: necessary conditions over whole arrays, without any tail.

Months hold millions of passes, nearly all of them quiet. The conditions here are weaker than each
rule (the floor of failures, a ratio above the reference, and a tail that could be small enough), so
nothing is missed; `decide` is asked at the moments that are left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.bench.detect.counts import ArrayCounts, Numbers
from slo.down_rule import WINDOWS_S as DOWN_WINDOWS_S
from slo.fast_tier import (
    ALPHA,
    MIN_BAD,
    SEGMENT_ALPHA,
    SLICE_S,
    WINDOWS_S,
    reference_ratio,
)
from slo.objective import Objective
from slo.tiers import Tier, tiers_of

Mask = NDArray[np.bool_]


def may_page(counts: ArrayCounts, objective: Objective) -> Numbers:
    """Numbers of closed slices after which a page may open, ascending."""
    whole = list(range(len(counts.keys)))
    found = np.zeros(counts.slices + 1, dtype=bool)
    bad, total = _prefix(counts, whole)
    for tier in tiers_of(objective):
        if tier.page:
            found |= _tier(bad, total, tier, objective)
    if objective.fast_tier:
        found |= _fast(bad, total, objective, ALPHA)
        for rows in counts.labelled(len(objective.segments)):
            bad, total = _prefix(counts, rows)
            if bad[-1] >= MIN_BAD:
                found |= _fast(bad, total, objective, SEGMENT_ALPHA) | _down(bad, total)
    return np.nonzero(found)[0]


def _prefix(counts: ArrayCounts, rows: list[int]) -> tuple[Numbers, Numbers]:
    def before(table: Numbers) -> Numbers:
        summed = table[rows].sum(axis=0) if len(rows) > 1 else table[rows[0]]
        return np.concatenate([[0], np.cumsum(summed, dtype=np.int64)])

    return before(counts.bad), before(counts.total)


def _newest(prefix: Numbers, window_s: int) -> Numbers:
    slices = window_s // SLICE_S
    found = prefix.copy()
    found[slices:] -= prefix[:-slices]
    return found


def _fast(bad: Numbers, total: Numbers, objective: Objective, alpha: float) -> Mask:
    found = np.zeros(len(bad), dtype=bool)
    for window_s in WINDOWS_S:
        ratio = float(reference_ratio(objective.budget_ratio, window_s, objective.bump_allowance_s))
        # The open slice comes on top of a window's closed ones; here it is always empty.
        newest, attempts = _newest(bad, window_s), _newest(total, window_s)
        places = np.nonzero((newest >= MIN_BAD) & (newest > ratio * attempts))[0]
        found[places] |= _may_be_small(newest[places], attempts[places], ratio, alpha)
    return found


def _may_be_small(bad: Numbers, total: Numbers, ratio: float, alpha: float) -> Mask:
    """False where the tail is certainly above `alpha`.

    P(X >= k) >= P(X = k) >= exp(-n D(k/n || p)) / sqrt(8 n (k/n) (1 - k/n)); Ash, Information
    Theory, lemma 4.7.2.
    """
    share = bad / total
    rest = 1 - share
    divergence = share * np.log(share / ratio)
    divergence += rest * np.log(np.where(rest > 0, rest, 1) / (1 - ratio))
    root = np.log(np.maximum(1.0, 8 * total * share * rest)) / 2
    found: Mask = total * divergence + root >= -np.log(alpha) - 1e-6
    return found


def _down(bad: Numbers, total: Numbers) -> Mask:
    found = np.zeros(len(bad), dtype=bool)
    for window_s in DOWN_WINDOWS_S:
        newest = _newest(bad, window_s)
        found |= (newest >= MIN_BAD) & (2 * newest >= _newest(total, window_s))
    return found


def _tier(bad: Numbers, total: Numbers, tier: Tier, objective: Objective) -> Mask:
    # A hair below the threshold: the exact comparison is the rule's own.
    threshold = float(tier.factor * objective.budget_ratio) * (1 - 1e-9)
    long_bad, short_bad = _newest(bad, tier.long_s), _newest(bad, tier.short_s)
    return (
        (long_bad >= objective.min_bad_events)
        & (short_bad > 0)
        & (long_bad >= threshold * _newest(total, tier.long_s))
        & (short_bad >= threshold * _newest(total, tier.short_s))
    )
