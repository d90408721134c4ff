"""What a window adds up to. Integers only; every value is immutable and addable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

# Values of the objective's segment fields, in its order; "" where a field was not set.
SegmentKey = tuple[str, ...]
OTHER = "__other__"


@dataclass(frozen=True)
class MoneySums:
    """Value attempted in good and in bad units, in minor units of one currency, and these units."""

    good_minor: int = 0
    bad_minor: int = 0
    good: int = 0
    bad: int = 0

    def __add__(self, other: MoneySums) -> MoneySums:
        return MoneySums(
            self.good_minor + other.good_minor,
            self.bad_minor + other.bad_minor,
            self.good + other.good,
            self.bad + other.bad,
        )

    def __neg__(self) -> MoneySums:
        return MoneySums(-self.good_minor, -self.bad_minor, -self.good, -self.bad)


@dataclass(frozen=True)
class Sums:
    """Counts of units. `alert_*` leave out repeated bad attempts of one basket within 15 min.

    `alert_keyless` is the part of `alert_bad` that had neither checkout nor session, so that
    repeats could not be told apart (they are counted raw).
    """

    good: int = 0
    bad: int = 0
    excluded: int = 0
    alert_total: int = 0
    alert_bad: int = 0
    alert_keyless: int = 0
    money: Mapping[str, MoneySums] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Units that count: good and bad."""
        return self.good + self.bad

    def __add__(self, other: Sums) -> Sums:
        money = dict(self.money)
        for currency, sums in other.money.items():
            money[currency] = money.get(currency, MoneySums()) + sums
        return Sums(
            self.good + other.good,
            self.bad + other.bad,
            self.excluded + other.excluded,
            self.alert_total + other.alert_total,
            self.alert_bad + other.alert_bad,
            self.alert_keyless + other.alert_keyless,
            {currency: sums for currency, sums in money.items() if sums != MoneySums()},
        )

    def __neg__(self) -> Sums:
        return Sums(
            -self.good,
            -self.bad,
            -self.excluded,
            -self.alert_total,
            -self.alert_bad,
            -self.alert_keyless,
            {currency: -sums for currency, sums in self.money.items()},
        )

    def __sub__(self, other: Sums) -> Sums:
        return self + -other


def total_of(parts: Iterable[Sums]) -> Sums:
    """The sum of all parts; zero where there are none."""
    total = Sums()
    for part in parts:
        total += part
    return total


class FineCell(NamedTuple):
    """Alert counts of one 5 s slice: `total` = good + first bad attempts, `bad` = the latter.

    `keyless`: the part of `bad` without a checkout or session to know repeats by.
    """

    slice_us: int
    total: int
    bad: int
    keyless: int = 0
