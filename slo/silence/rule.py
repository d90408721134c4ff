"""The rule of silence: far fewer attempts begin than can be chance. Pure.

For a window w of 60, 120, 180, 300 or 600 s with an expected count m(w) >= 10, it is silent where

    seen(w) <= silent share x m(w)   and   P(NB(m(w), dispersion) <= seen(w)) <= alpha

and the newest 60 s do not reach half of what is expected either (it goes on). Dispersion and silent
share are those of the expectation (0.03 and 1/2 with weeks of history). alpha is 1e-6, and 1e-7
for one source of several. Nothing at all is certain from 17.1 expected attempts on, a drop to
30 % from about 113. Study: `fast-tier.md` section 7 of the field notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import log

from kernel.clock import SECOND_US
from slo.negative_binomial import lower_tail
from slo.volume.expectation import Basis, Expectation

SLICE_US = 5 * SECOND_US
WINDOWS_S = (60, 120, 180, 300, 600)
LONGEST_US = WINDOWS_S[-1] * SECOND_US
NEWEST_S = 60
LEAST_EXPECTED = 10
ALPHA = 1e-6
SOURCE_ALPHA = 1e-7
# Below this a Poisson chart would call every slice with one attempt the end of the silence.
_LEAST_RATIO = 0.05


@dataclass(frozen=True)
class Arrivals:
    """Attempts begun in consecutive 5 s slices, oldest first; the last one ends at `end_us`."""

    end_us: int
    counts: Sequence[int]

    def newest(self, window_s: int) -> int:
        """Attempts of the newest `window_s`."""
        return sum(self.counts[-(window_s * SECOND_US // SLICE_US) :])


def arrivals(rows: Sequence[tuple[int, int]], end_us: int) -> Arrivals:
    """The longest window up to `end_us` (on a slice's border) from sparse slices."""
    begin_us = end_us - LONGEST_US
    counts = [0] * (LONGEST_US // SLICE_US)
    for at_us, count in rows:
        if begin_us <= at_us < end_us:
            counts[(at_us - begin_us) // SLICE_US] += count
    return Arrivals(end_us, counts)


@dataclass(frozen=True)
class Lack:
    """Why it is silent: seen and expected in the window that says so."""

    window_s: int
    seen: int
    expected: float
    tail: float


def lack(seen: Arrivals, usual: Expectation, alpha: float = ALPHA) -> Lack | None:
    """The shortest window that is silent, or None."""
    if usual.basis is Basis.NONE:
        return None
    newest = usual.expected(seen.end_us - NEWEST_S * SECOND_US, seen.end_us)
    if seen.newest(NEWEST_S) > Fraction(1, 2) * Fraction(newest):
        return None
    for window_s in WINDOWS_S:
        expected = usual.expected(seen.end_us - window_s * SECOND_US, seen.end_us)
        count = seen.newest(window_s)
        if expected < LEAST_EXPECTED or count > usual.silent_share * Fraction(expected):
            continue
        tail = lower_tail(count, expected, usual.dispersion)
        if tail <= alpha:
            return Lack(window_s, count, expected, tail)
    return None


def onset_us(seen: Arrivals, usual: Expectation, found: Lack) -> int:
    """Start of the first slice of the lack, by a cumulative sum chart.

    Each slice weighs its likelihood at the lacking rate against the usual one (Poisson); it began
    after the sum was last at zero.
    """
    ratio = max(_LEAST_RATIO, found.seen / found.expected)
    sum_, start = 0.0, len(seen.counts) - 1
    open_ = False
    for index, count in enumerate(seen.counts):
        begin_us = seen.end_us - (len(seen.counts) - index) * SLICE_US
        mean = usual.per_s(begin_us + SLICE_US // 2) * SLICE_US / SECOND_US
        sum_ = max(0.0, sum_ + mean * (1 - ratio) + count * log(ratio))
        if sum_ == 0.0:
            open_ = False
        elif not open_:
            open_, start = True, index
    return seen.end_us - (len(seen.counts) - start) * SLICE_US
