"""The fast tier: page within seconds of a confident jump. Pure.

Rule JUMP: fire when for any window w in {15, 30, 60, 120, 300, 900} s at least 5 alert counts are
bad and P(Binomial(N, p0(w)) >= X) <= alpha, where with B = 1 - target

    p0(w) = max( min(14.4 B, max(5 %, min(4 B, 90 %))),  B + min(5 %, bump_allowance / w) )

and, from 120 s on, the ratio of the newest w/5 seconds is above p0(w) too (it still burns). The
bump allowance (seconds of total outage that any window may hold) is the one knob. The study ends at
a target of 99 %; below 98.75 % the 4 B keep a slow burn (3) out of the fast tier. Counts are
deduplicated per customer; without a key the raw count must reach 20, on windows up to 120 s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import log

from kernel.clock import SECOND_US
from slo.binomial import upper_tail
from slo.ledger.sums import FineCell as Cell
from slo.wording import rarity_text

SLICE_S = 5
SLICE_US = SLICE_S * SECOND_US
WINDOWS_S = (15, 30, 60, 120, 300, 900)
KEYLESS_WINDOWS_S = (15, 30, 60, 120)
ALPHA = 1e-6
SEGMENT_ALPHA = 1e-8
MIN_BAD = 5
KEYLESS_MIN_BAD = 20
GUARD_FROM_S = 120
_CAP = Fraction(1, 20)
_FACTOR = Fraction(144, 10)
_LEAST_BURN = 4
_HIGHEST = Fraction(9, 10)


@dataclass(frozen=True)
class Counts:
    """Alert counts of one span. `keyless`: bad attempts without a customer key, counted raw."""

    bad: int
    total: int
    keyless: int = 0


@dataclass(frozen=True)
class SliceRun:
    """Alert counts of consecutive 5 s slices, oldest first; the last one may still be open.

    `end_us` is the end of the last slice.
    """

    end_us: int
    bad: Sequence[int]
    total: Sequence[int]
    keyless: Sequence[int] = ()

    def newest(self, slices: int) -> Counts:
        """Counts of the newest `slices`."""
        if slices <= 0:
            return Counts(0, 0)
        return Counts(
            sum(self.bad[-slices:]), sum(self.total[-slices:]), sum(self.keyless[-slices:])
        )

    def keyed_part(self) -> SliceRun:
        """The run without bad attempts that have no key."""
        return SliceRun(
            self.end_us,
            [bad - raw for bad, raw in zip(self.bad, self.keyless, strict=True)],
            [total - raw for total, raw in zip(self.total, self.keyless, strict=True)],
        )


@dataclass(frozen=True)
class Jump:
    """Why the fast tier fires."""

    window_s: int
    bad: int
    total: int
    p0: float
    tail: float

    @property
    def text(self) -> str:
        """The reason in one sentence."""
        return (
            f"{self.bad} of {self.total} attempts failed in {self.window_s} s; "
            f"at a failure rate of {self.p0:.2%} chance does that {rarity_text(self.tail)}"
        )


def build_run(cells: Iterable[Cell], end_us: int, slices: int) -> SliceRun:
    """A run of `slices` ending at `end_us` from sparse cells; cells outside are left out."""
    start_us = end_us - slices * SLICE_US
    bad, total, keyless = [0] * slices, [0] * slices, [0] * slices
    for cell in cells:
        index = (cell.slice_us - start_us) // SLICE_US
        if 0 <= index < slices:
            bad[index] += cell.bad
            total[index] += cell.total
            keyless[index] += cell.keyless
    return SliceRun(end_us, bad, total, keyless if any(keyless) else ())


def reference_ratio(budget: Fraction, window_s: int, bump_allowance_s: float) -> Fraction:
    """p0(w): the error ratio that must be exceeded with confidence."""
    bump = min(_CAP, Fraction(str(bump_allowance_s)) / window_s)
    cap = max(_CAP, min(_LEAST_BURN * budget, _HIGHEST))
    return max(min(_FACTOR * budget, cap), budget + bump)


@dataclass(frozen=True)
class Rule:
    """How the fast tier judges. `budget` = 1 - target.

    `open_slice`: a run's last slice is still filling and comes on top of each window's closed
    ones. `least_ratio`: p0 is never below it (segments whose ordinary level is bad).
    """

    budget: Fraction
    open_slice: bool = False
    alpha: float = ALPHA
    bump_allowance_s: float = 1.0
    least_ratio: Fraction = Fraction(0)
    guard_s: int = WINDOWS_S[-1] // 5


def jump(run: SliceRun, rule: Rule) -> Jump | None:
    """The first window that fires, or None.

    Repeats of one customer are left out where there is a key. What has none is judged raw, by
    its own, harder floor.
    """
    if not run.keyless:
        return _first_fire(run, rule, WINDOWS_S, MIN_BAD)
    return _first_fire(run.keyed_part(), rule, WINDOWS_S, MIN_BAD) or _first_fire(
        run, rule, KEYLESS_WINDOWS_S, KEYLESS_MIN_BAD
    )


def _first_fire(run: SliceRun, rule: Rule, windows_s: Sequence[int], least_bad: int) -> Jump | None:
    extra = 1 if rule.open_slice else 0
    for window_s in windows_s:
        found = run.newest(window_s // SLICE_S + extra)
        if found.bad < least_bad:
            continue
        ratio = reference_ratio(rule.budget, window_s, rule.bump_allowance_s)
        ratio = max(ratio, rule.least_ratio)
        if found.bad <= ratio * found.total or not _still_burns(run, window_s, rule, ratio):
            continue
        tail = upper_tail(found.bad, found.total, float(ratio))
        if tail <= rule.alpha:
            return Jump(window_s, found.bad, found.total, float(ratio), tail)
    return None


def onset_us(run: SliceRun, budget: Fraction) -> int:
    """Start of the first bad slice of the run of bad that leads up to now.

    The estimator of a cumulative sum chart: weigh each attempt by its likelihood at the newest
    bad ratio against the budget's, and take the first bad slice after the sum was last at zero.
    """
    ratio = _newest_ratio(run, budget)
    quiet = min(max(float(budget), 1e-9), 0.5)
    loud = min(max(ratio, 2 * quiet), 1 - 1e-9)
    bad_weight, good_weight = log(loud / quiet), log((1 - loud) / (1 - quiet))
    first = len(run.bad) - 1
    level, start = 0.0, -1
    for index, (bad, total) in enumerate(zip(run.bad, run.total, strict=True)):
        level += bad * bad_weight + (total - bad) * good_weight
        if level <= 0:
            level, start = 0.0, -1
        elif start < 0 and bad:
            start = index
    if start < 0:
        start = max((i for i, bad in enumerate(run.bad) if bad), default=first)
    return run.end_us - (len(run.bad) - start) * SLICE_US


def _still_burns(run: SliceRun, window_s: int, rule: Rule, ratio: Fraction) -> bool:
    """Guard of the long windows: the newest w/5 s (whole slices: 20, 60, 180 s) exceed p0 too."""
    if window_s < GUARD_FROM_S:
        return True
    slices = min(window_s // 5, rule.guard_s) // SLICE_S
    found = run.newest(slices + (1 if rule.open_slice else 0))
    return found.bad > ratio * found.total


def _newest_ratio(run: SliceRun, budget: Fraction) -> float:
    """Ratio of the shortest newest window that holds 5 bad attempts, else of the whole run."""
    for window_s in WINDOWS_S:
        found = run.newest(window_s // SLICE_S)
        if found.bad >= MIN_BAD:
            return found.bad / found.total
    found = run.newest(len(run.bad))
    return found.bad / found.total if found.bad else float(budget)
