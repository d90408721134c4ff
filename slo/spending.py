"""What an objective has spent of its budget, by its own method and its rule for missing data.

Three rules (`tillwatch/no-data`) say what a gap does to budget and state. freeze: gaps are left
out, and while data is missing the state is no data. neutral: gaps are left out, and the state is
judged by what was counted. bad: a gap counts as failed time (`slo.budget.with_gap`; by slices, as
bad slices). Under every rule burn alerts hold their state in a gap, and nothing is said where
nothing was counted at all or where it is our own counting that lags.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import floor
from typing import Self

from kernel.clock import SECOND_US
from slo.budget import Budget, with_gap
from slo.ledger.sums import Sums, total_of
from slo.ledger_view import COVERAGE_FLOOR, LedgerView
from slo.time_slices import Tally
from slo.windows import BudgetWindow


@dataclass(frozen=True)
class Spending:
    """The budget of one window. `whole`: the sums of it."""

    view: LedgerView
    whole: Sums
    window: BudgetWindow

    @classmethod
    def now(cls, view: LedgerView) -> Self:
        """The window of the view itself."""
        return cls(view, total_of(view.budget_by_segment.values()), view.budget_window)

    @classmethod
    def over(cls, view: LedgerView, window: BudgetWindow) -> Self:
        """Another window, by what is known now."""
        return cls(view, view.reader.sums(view.objective, window.from_us, window.to_us), window)

    @cached_property
    def tally(self) -> Tally | None:
        """The window's slices; None where the budget is one of attempts."""
        return self.view.slices_of(self.window)

    @cached_property
    def begun_us(self) -> int:
        """From when on the window was counted."""
        return max(self.view.begun_us(self.window), self.window.from_us)

    @cached_property
    def observed(self) -> Fraction:
        """Observed share of the window's time, of the worst source."""
        return self.view.coverage_of(self.window)

    @cached_property
    def budget(self) -> Budget:
        """In attempts or in slices, with what the rule for gaps adds."""
        if self.tally is not None:
            return self.tally.budget(self.view.objective.budget_ratio)
        return self.of_attempts(self.whole)

    def of_attempts(self, sums: Sums) -> Budget:
        """A part's budget in attempts (a segment's), with what the rule for gaps adds."""
        budget = Budget(sums.bad, sums.total, self.view.objective.budget_ratio)
        if self.view.objective.no_data == "bad" and self.view.sources:
            return with_gap(budget, self.observed)
        return budget

    @property
    def unit_s(self) -> int | None:
        """Length of a slice; None where the budget is one of attempts."""
        slices = self.view.objective.slices
        return None if slices is None else slices.length_us // SECOND_US

    @property
    def coverage(self) -> Fraction:
        """Observed share of the window (of its slices, where it has them)."""
        if not self.view.sources:
            return Fraction(0)
        return self.observed if self.tally is None else self.tally.coverage

    @property
    def gap_share(self) -> Fraction:
        """Share of the counted part of the window that was not observed."""
        return 1 - self.coverage if self.view.sources else Fraction(1)

    @property
    def gap_spent(self) -> Fraction:
        """Share of the budget that gaps took: 0 unless they count as bad."""
        budget = self.budget
        if self.tally is not None:
            taken = Fraction(self.tally.gaps)
        else:
            taken = Fraction(budget.bad) - self.whole.bad
        return taken / budget.allowed if budget.total else Fraction(0)

    @cached_property
    def no_data(self) -> str:
        """Why the state is no data; "" where it may be judged.

        A gap makes a kept promise unknown, not a broken one: what was spent is spent.
        """
        view, left = self.view, self.budget.left
        if view.objective.no_data != "freeze":
            return view.unknowable
        if not self.window.counted_us:
            return view.no_data
        if view.no_data or self.coverage >= COVERAGE_FLOOR or (left is not None and left <= 0):
            return view.no_data
        if self.tally is not None:
            return "less than 90 % of the window's slices were observed"
        seen = floor(self.coverage * 1000) / 10
        return f"only {seen:.1f} % of the window was observed"
