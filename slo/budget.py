"""The error budget of one window: signed, never clamped, exact. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import floor


@dataclass(frozen=True)
class Budget:
    """What may fail (`allowed`), what did (`bad`), among `total` counted attempts (or slices).

    Not whole where slices have shares, or where a gap counts as failed time (`with_gap`).
    """

    bad: int | Fraction
    total: int | Fraction
    ratio: Fraction

    @property
    def allowed(self) -> Fraction:
        """Attempts that may be bad in this window: (1 - target) * total."""
        return self.ratio * self.total

    @property
    def left(self) -> Fraction | None:
        """`1 - bad / ((1 - target) * total)`, from 1 down without an end; None: nothing counted."""
        if self.total <= 0:
            return None
        return 1 - Fraction(self.bad) / self.allowed

    @property
    def bad_left(self) -> int:
        """How many more may fail before the budget is spent; negative once it is overspent.

        The total is taken as it is: in a rolling window new attempts replace old ones.
        """
        return floor(self.allowed - self.bad)

    @property
    def sli(self) -> Fraction | None:
        """Good / total; None where nothing was counted."""
        return None if self.total <= 0 else 1 - Fraction(self.bad) / self.total


def with_gap(budget: Budget, coverage: Fraction) -> Budget:
    """The budget where the unobserved rest of the window counts as failed time.

    The error ratio is then that of what was counted for the observed share of the time, and 1 for
    the rest: `coverage * bad / total + (1 - coverage)`. It is the same as adding, at the average
    volume of the observed time, attempts that all failed; so a gap never spends more than a total
    outage of its length would. Where nothing was observed all of it failed; where nothing was
    counted nothing is known, and the budget stays as it is.
    """
    if budget.total <= 0 or coverage >= 1:
        return budget
    if coverage <= 0:
        return Budget(budget.total, budget.total, budget.ratio)
    whole = Fraction(budget.total) / coverage
    return Budget(budget.bad + whole - budget.total, whole, budget.ratio)


def event_weighted(parts: Iterable[tuple[int, int]], ratio: Fraction) -> Budget:
    """One budget of many (bad, total) parts: sums first, one division (never a mean of ratios)."""
    bad = total = 0
    for part_bad, part_total in parts:
        bad += part_bad
        total += part_total
    return Budget(bad, total, ratio)
