"""A small part of the traffic that is down: too few attempts for the fast tier's 15 minutes. Pure.

Rule DOWN, for segments: fire when for any window w in {15, 30, 60, 120 min} at least 5 alert counts
are bad, they are at least half of all, and P(Binomial(N, p) >= X) <= 1e-9, where p is the budget
ratio B (4 B, at most 90 %, where that is above 5 %: a slow burn of a loose target is no outage), or
five times the segment's ordinary bad share where that is more; and the newest w/5 holds nothing,
or at least half of it is bad (it is still down).

At 10 attempts an hour a method that fails completely fires with its fifth failure, in about half an
hour; one failure in an hour never does. A busy segment has the fast tier long before.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from slo.binomial import upper_tail
from slo.fast_tier import KEYLESS_MIN_BAD, MIN_BAD, SLICE_S, Counts, Jump, SliceRun

WINDOWS_S = (900, 1800, 3600, 7200)
ALPHA = 1e-9
_GUARD_PART = 5
_LOOSE_FROM = Fraction(1, 20)
_LEAST_BURN = 4
_HIGHEST = Fraction(9, 10)


@dataclass(frozen=True)
class DownRule:
    """How rule DOWN judges. `budget` = 1 - target.

    `least_ratio`: p is never below it. `alpha` is shared where many segments are looked at.
    """

    budget: Fraction
    least_ratio: Fraction = Fraction(0)
    alpha: float = ALPHA


def down(run: SliceRun, rule: DownRule) -> Jump | None:
    """The first window that fires, or None. The run's last slice may still be open."""
    ratio = max(_reference(rule.budget), rule.least_ratio)
    for window_s in WINDOWS_S:
        found = run.newest(window_s // SLICE_S + 1)
        if not _enough(found) or 2 * found.bad < found.total:
            continue
        newest = run.newest(window_s // _GUARD_PART // SLICE_S + 1)
        if 2 * newest.bad < newest.total:
            continue
        tail = upper_tail(found.bad, found.total, float(ratio))
        if tail <= rule.alpha:
            return Jump(window_s, found.bad, found.total, float(ratio), tail)
    return None


def _reference(budget: Fraction) -> Fraction:
    burnt = _LEAST_BURN * budget
    return budget if burnt <= _LOOSE_FROM else min(burnt, _HIGHEST)


def _enough(found: Counts) -> bool:
    return found.bad - found.keyless >= MIN_BAD or found.bad >= KEYLESS_MIN_BAD
