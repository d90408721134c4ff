"""How many attempts are missing and what that costs, as an interval. Pure.

missing = expected - begun. The interval holds in 80 of 100 cases: the 10th and 90th percentile of a
negative binomial count around the expected one, less what was begun, never below nothing. Its
dispersion is that of the expectation, so a guess from few days is visibly a wide one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from slo.negative_binomial import quantile
from slo.volume.expectation import Basis, Expectation

LOW, HIGH = 0.1, 0.9
METHOD: Mapping[Basis, str] = {
    Basis.WEEKS: "median of the same weekday and time of {n} weeks, at the level of the last 2 h",
    Basis.FEW_WEEKS: "the same weekday and time of {n} week(s), at the level of the last 2 h",
    Basis.DAYS: "the same time of {n} day(s), and not more than the last 2 h gave",
    Basis.HOURS: "the flat rate of the last 2 h: no whole day is known yet",
    Basis.NONE: "nothing: too little is known",
}


@dataclass(frozen=True)
class Interval:
    """80 % of cases lie within low..high."""

    low: int
    mid: int
    high: int


@dataclass(frozen=True)
class Volume:
    """Attempts begun against expected ones over [from_us, to_us)."""

    from_us: int
    to_us: int
    begun: int
    expected: Interval
    basis: Basis
    method: str

    @property
    def missing(self) -> Interval:
        """Attempts that should have begun and did not."""
        return Interval(
            max(0, self.expected.low - self.begun),
            max(0, self.expected.mid - self.begun),
            max(0, self.expected.high - self.begun),
        )


def volume(expectation: Expectation, begun: int, from_us: int, to_us: int) -> Volume:
    """Begun and expected in [from_us, to_us). Without any basis nothing is expected: ask first."""
    mean = expectation.expected(from_us, to_us)
    return Volume(
        from_us=from_us,
        to_us=to_us,
        begun=begun,
        expected=Interval(
            quantile(LOW, mean, expectation.dispersion),
            round(mean),
            quantile(HIGH, mean, expectation.dispersion),
        ),
        basis=expectation.basis,
        method=METHOD[expectation.basis].format(n=expectation.references),
    )


def cost_minor(
    missing: Interval, good_minor: Mapping[str, int], attempts: int
) -> dict[str, Interval]:
    """What missing attempts would have brought, per currency in minor units.

    `good_minor`: what `attempts` brought over a long span, so refused and failed ones are priced
    in. Empty where nothing is known.
    """
    if attempts <= 0:
        return {}
    found = {}
    for currency, minor in sorted(good_minor.items()):
        per_attempt = Fraction(minor, attempts)
        if per_attempt > 0:
            counts = (missing.low, missing.mid, missing.high)
            found[currency] = Interval(*(round(count * per_attempt) for count in counts))
    return found
