"""Conversion and average order value, of the units that the objective counts. Pure, exact."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from slo.ledger.sums import MoneySums, Sums
from slo.objective import Objective, UnitKind

_UNITS = {
    UnitKind.PAYMENT: "payments",
    UnitKind.CHECKOUT: "checkouts",
    UnitKind.ITEM: "attempts",
}


@dataclass(frozen=True)
class Conversion:
    """Of all units that ended in a window, how many ended well.

    `ended` = good + bad + excluded: a customer whose card the bank declined began too, and did not
    complete. A unit that was given up ends at its deadline, so that none is left out for good.
    """

    completed: int
    ended: int

    @property
    def ratio(self) -> Fraction | None:
        """Completed / ended; None where nothing ended."""
        return Fraction(self.completed, self.ended) if self.ended > 0 else None


def units_of(objective: Objective) -> str:
    """What the objective's units are called."""
    return _UNITS[objective.indicator.unit_kind]


def why_not(objective: Objective) -> str:
    """Why the objective's counts give no conversion; "" where they do."""
    if objective.indicator.threshold is not None:
        return "this objective counts only what succeeded: all of it was completed"
    return ""


def conversion(sums: Sums) -> Conversion:
    """The window's conversion by its sums."""
    return Conversion(sums.good, sums.good + sums.bad + sums.excluded)


def completed_in(sums: Sums, currency: str, *, slow: bool) -> tuple[int, int]:
    """Value and number of the units completed in one currency (those with an amount in it).

    `slow`: bad units were completed too, only slowly.
    """
    money = sums.money.get(currency, MoneySums())
    if slow:
        return money.good_minor + money.bad_minor, money.good + money.bad
    return money.good_minor, money.good


def average_minor(value_minor: int, orders: int) -> Fraction | None:
    """Value / orders in minor units; None where there was no order."""
    return Fraction(value_minor, orders) if orders > 0 else None


def change(now: Fraction | None, before: Fraction | None) -> Fraction | None:
    """Now / before - 1; None where either is unknown or nothing was before."""
    if now is None or not before:
        return None
    return now / before - 1
