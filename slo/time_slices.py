"""Budgets of time instead of attempts: slices are good, bad, neutral or missing. Pure, exact.

OpenSLO v1 names two methods. Timeslices: a slice is good where its good share reaches the slice
target, and the budget is a number of slices. RatioTimeslices: the indicator is the mean of the
slices' good shares, so that a slice spends its bad share. In both a slice without a single attempt
is neutral: it adds nothing to either side, while a gap is missing data and follows the objective's
rule. What was seen failing counts even in a slice that was only partly observed; good news needs
the slice to be observed.

Segments are rolled up by sum: a slice is judged by the attempts of all segments together. The other
usual way, bad where any group is bad, is `any_bad`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import lcm
from typing import Final, NamedTuple

from slo.budget import Budget
from slo.objective import NoDataRule, Objective, TimeSlices
from slo.windows import BudgetWindow

# A slice counts as observed from this share on, as every window does.
OBSERVED_FROM: Final = Fraction(9, 10)


class Slice(NamedTuple):
    """What was counted in one slice. `observed`: its sources were heard for at least 90 % of it."""

    good: int
    bad: int
    observed: bool = True

    @property
    def total(self) -> int:
        """Attempts that count."""
        return self.good + self.bad


class Verdict(StrEnum):
    """What a slice is. Neutral: observed, and nothing was attempted. Missing: a gap."""

    GOOD = "good"
    BAD = "bad"
    NEUTRAL = "neutral"
    MISSING = "missing"


class Census(NamedTuple):
    """How many slices are what by one method, before a rule says what a gap is. Parts add up.

    `shares`: (attempts of a slice, bad attempts of all such slices) where the indicator is the mean
    of the slices' shares; there every slice that counts is `good`, and these say how far it is not.
    """

    good: int = 0
    bad: int = 0
    neutral: int = 0
    missing: int = 0
    shares: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Tally:
    """Slices of a window. `bad` of the `counted` ones is whole only by Timeslices.

    `neutral` and `missing` are those that the count leaves out; `gaps` are the missing ones that
    the rule "bad" counted as bad.
    """

    counted: int
    bad: Fraction
    neutral: int = 0
    missing: int = 0
    gaps: int = 0

    def budget(self, ratio: Fraction) -> Budget:
        """The budget in slices; `ratio` = 1 - target."""
        return Budget(self.bad, self.counted, ratio)

    @property
    def coverage(self) -> Fraction:
        """Observed share of all slices; 0 where there is none."""
        slices = self.counted + self.neutral + self.missing
        return 1 - Fraction(self.missing + self.gaps, slices) if slices else Fraction(0)


def borders(objective: Objective, slices: TimeSlices, window: BudgetWindow) -> tuple[int, int]:
    """Borders of the whole slices in the budget's window, which are those that are over.

    In a calendar window they begin at its start, in a rolling one at multiples of their length, so
    that a slice never moves. The slice that is still open is not judged yet.
    """
    length_us = slices.length_us
    if objective.window.calendar is not None:
        closed = window.counted_us // length_us
        return window.from_us, window.from_us + closed * length_us
    to_us = window.to_us - window.to_us % length_us
    return to_us - objective.window.length_us // length_us * length_us, to_us


def verdict(one: Slice, target: Fraction) -> Verdict:
    """The slice by its good share, compared exactly (`>=`); half-seen failure is failure."""
    if one.good * target.denominator < target.numerator * one.total:
        return Verdict.BAD
    if not one.observed:
        return Verdict.MISSING
    return Verdict.GOOD if one.total else Verdict.NEUTRAL


def tally(slices: Iterable[Slice], method: TimeSlices, rule: NoDataRule) -> Tally:
    """The window's slices by the objective's method and its rule for missing data.

    "bad" counts a missing slice as wholly bad; "neutral" and "freeze" leave it out.
    """
    return settled(census(slices, method), rule)


def census(slices: Iterable[Slice], method: TimeSlices) -> Census:
    """What the slices are by this method."""
    if method.target is None:
        return _shares(slices)
    target = method.target
    return _counted(verdict(one, target) for one in slices)


def added(parts: Iterable[Census]) -> Census:
    """All parts of a window together."""
    good = bad = neutral = missing = 0
    shares: dict[int, int] = defaultdict(int)
    for one in parts:
        good += one.good
        bad += one.bad
        neutral += one.neutral
        missing += one.missing
        for total, failed in one.shares:
            shares[total] += failed
    return Census(good, bad, neutral, missing, tuple(shares.items()))


def settled(found: Census, rule: NoDataRule) -> Tally:
    """The census by the rule for missing data."""
    gaps = found.missing if rule == "bad" else 0
    bad = found.bad + _sum_of_shares(found.shares) + gaps
    counted = found.good + found.bad + gaps
    return Tally(counted, Fraction(bad), found.neutral, found.missing - gaps, gaps)


def count_verdicts(verdicts: Iterable[Verdict], rule: NoDataRule) -> Tally:
    """Timeslices: how many slices are what."""
    return settled(_counted(verdicts), rule)


def any_bad(groups: Sequence[Sequence[Verdict]]) -> list[Verdict]:
    """Slice by slice over groups of equal length: bad where any is, else missing where any is.

    This is how Datadog rolls up groups. Ours is the sum; this one is here to compare.
    """
    worst = (Verdict.BAD, Verdict.MISSING, Verdict.GOOD, Verdict.NEUTRAL)
    return [min(together, key=worst.index) for together in zip(*groups, strict=True)]


def _counted(verdicts: Iterable[Verdict]) -> Census:
    found = Counter(verdicts)
    return Census(
        found[Verdict.GOOD], found[Verdict.BAD], found[Verdict.NEUTRAL], found[Verdict.MISSING]
    )


def _shares(slices: Iterable[Slice]) -> Census:
    bad_by_total: dict[int, int] = defaultdict(int)
    counted = neutral = missing = 0
    for one in slices:
        if one.bad or (one.total and one.observed):
            counted += 1
            if one.bad:
                bad_by_total[one.total] += one.bad
        elif not one.observed:
            missing += 1
        else:
            neutral += 1
    return Census(counted, 0, neutral, missing, tuple(bad_by_total.items()))


def _sum_of_shares(shares: Sequence[tuple[int, int]]) -> Fraction:
    """Sum of bad / total over one common denominator: one reduction instead of one per slice."""
    whole = lcm(*(total for total, _ in shares))
    return Fraction(sum(bad * (whole // total) for total, bad in shares), whole)
