"""The error budget of one window: signed, never clamped, exact. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import floor


@dataclass(frozen=True)
class Budget:
    """What may fail (`allowed`), what did (`bad`), among `total` counted attempts."""

    bad: int
    total: int
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
        return None if self.total <= 0 else Fraction(self.total - self.bad, self.total)


def event_weighted(parts: Iterable[tuple[int, int]], ratio: Fraction) -> Budget:
    """One budget of many (bad, total) parts: sums first, one division (never a mean of ratios)."""
    bad = total = 0
    for part_bad, part_total in parts:
        bad += part_bad
        total += part_total
    return Budget(bad, total, ratio)
