"""What a forecast is made from: counts per hour, and the pattern of the week. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

HOURS_A_DAY = 24
DAYS_A_WEEK = 7
# Days from which tomorrow is drawn; older ones say too little of it.
RECENT_DAYS = 28
# A weekday's volume counts as known once it was seen twice.
PATTERN_FROM_DAYS = 14


@dataclass(frozen=True)
class Hour:
    """Counted attempts of one hour."""

    bad: int
    total: int


@dataclass(frozen=True)
class History:
    """One objective's counts.

    `recent`: the newest hours without a hole, at most 28 days, the newest last. `leaving`: what
    leaves the window in each of the hours that are looked ahead (of a calendar window nothing
    does), the next one first. `bad`, `total`: the window's budget as it stands. `newest`:
    (length in hours, counts) of the newest minutes, the shortest span first.
    """

    recent: Sequence[Hour]
    leaving: Sequence[Hour]
    budget_ratio: float
    bad: float
    total: float
    newest: Sequence[tuple[float, Hour]] = ()

    @property
    def margin(self) -> float:
        """Failures that may still happen if nothing else changes: (1 - target) x total - bad."""
        return self.budget_ratio * self.total - self.bad

    @cached_property
    def leaving_gains(self) -> list[float]:
        """What the hours that leave once gave to the margin: (1 - target) x total - bad."""
        return [self.budget_ratio * one.total - one.bad for one in self.leaving]

    @cached_property
    def days(self) -> list[Sequence[Hour]]:
        """The newest whole days of 24 hours counted back from now, newest first.

        They begin with the first hour that counted anything: before it nothing was watched.
        """
        end = len(self.recent)
        first = next((at for at, one in enumerate(self.recent) if one.total), end)
        count = min(RECENT_DAYS, (end - first) // HOURS_A_DAY)
        return [
            self.recent[end - HOURS_A_DAY * (k + 1) : end - HOURS_A_DAY * k] for k in range(count)
        ]

    @cached_property
    def volumes(self) -> list[float]:
        """Mean attempts a day by weekday, counted back from the newest day (0).

        Without two whole weeks, or with a weekday on which nothing came, every weekday is alike.
        """
        sums = [sum(one.total for one in day) for day in self.days]
        whole = len(sums) // DAYS_A_WEEK * DAYS_A_WEEK
        if whole < PATTERN_FROM_DAYS:
            return [1.0] * DAYS_A_WEEK
        weeks = whole // DAYS_A_WEEK
        found = [sum(sums[k:whole:DAYS_A_WEEK]) / weeks for k in range(DAYS_A_WEEK)]
        return found if all(found) else [1.0] * DAYS_A_WEEK
