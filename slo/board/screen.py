"""Could the fast tier fire at all, for the whole objective or any segment of it? Pure.

A superset of the exact rules, from two bounds. (1) A set of segments that exceeds a ratio holds a
single full segment that does, and the sum over the segments of bad beyond `ratio` is at least that
of any set of them. (2) With a chance of 1e-6 or less and five bad attempts or more, the bad lie
more than 4 above what the ratio explains (P(Bin(N, p) >= 5) <= 1e-6 only while N p < 1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Final, NamedTuple

from slo.fast_tier import MIN_BAD, WINDOWS_S, reference_ratio

LEAST_EXCESS: Final = 4.0


class BadSlice(NamedTuple):
    """Bad alert counts of one segment in one 5 s slice."""

    slice_us: int
    segment_id: int
    bad: int


# (segment, from_us, enough) -> the segment's attempts from then on; `enough` may be said of more.
AtLeast = Callable[[int, int, int], int]


def lowest_ratio(budget: Fraction, bump_allowance_s: float) -> float:
    """The lowest p0 of all windows, a little lower still: floats must not hide a fire."""
    ratios = (reference_ratio(budget, window_s, bump_allowance_s) for window_s in WINDOWS_S)
    return float(min(ratios)) * (1 - 1e-9)


def may_jump(newest_first: Iterable[BadSlice], at_least: AtLeast, ratio: float) -> bool:
    """True unless no window ending now, or later without another bad attempt, can fire.

    `newest_first`: the bad slices of the longest window.
    """
    bad: dict[int, int] = {}
    excess: dict[int, float] = {}
    all_bad, all_excess = 0, 0.0
    for slice_us, segment_id, count in newest_first:
        all_bad += count
        held = bad[segment_id] = bad.get(segment_id, 0) + count
        enough = int(held / ratio) + 1
        now = max(0.0, held - ratio * at_least(segment_id, slice_us, enough))
        all_excess += now - excess.get(segment_id, 0.0)
        excess[segment_id] = now
        if all_bad >= MIN_BAD and all_excess >= LEAST_EXCESS:
            return True
    return False


def may_be_down(bads: Iterable[BadSlice], at_least: AtLeast, from_us: int) -> bool:
    """True unless more attempts succeeded than failed in every segment since `from_us`."""
    bad: dict[int, int] = {}
    for _, segment_id, count in bads:
        bad[segment_id] = bad.get(segment_id, 0) + count
    return any(2 * count >= at_least(one, from_us, 2 * count + 1) for one, count in bad.items())
