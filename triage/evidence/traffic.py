"""Good, bad and total before and after the onset, and the onset itself as a change point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kernel.clock import MINUTE_US


class Timed(Protocol):
    """A good or bad one at a time (UTC microseconds)."""

    @property
    def time_us(self) -> int:
        """When."""

    @property
    def bad(self) -> bool:
        """True for a bad one."""


class Charged(Timed, Protocol):
    """One that carries money and belongs to a checkout."""

    @property
    def checkout_id(self) -> str:
        """The basket, "" where unknown."""

    @property
    def amount_minor(self) -> int:
        """Minor units of `currency`."""

    @property
    def currency(self) -> str:
        """ISO 4217, "" where unknown."""


@dataclass(frozen=True)
class ChangePoint:
    """From `at_us` on more of them are bad. `evidence` is the log likelihood ratio (nats).

    `sharp`: it is beyond what chance makes of so many units.
    """

    at_us: int
    rate_before: float
    rate_after: float
    evidence: float
    sharp: bool


def change_point(units: Sequence[Timed], least: float = 0.0) -> ChangePoint | None:
    """The split in time that best tells a lower from a higher share of bad units.

    Exact scan over all splits of the units in order of time. It is sharp where the binomial log
    likelihood ratio exceeds ln(n) + 6 (Bonferroni over n splits at about 1e-3 by Wilks). With a
    `least` ratio above 0 a weaker one is given too: an alert has already said that there is one.
    """
    ordered = sorted(units, key=lambda unit: unit.time_us)
    total, bad = len(ordered), sum(unit.bad for unit in ordered)
    if not bad or total < 4:
        return None
    whole = _log_likelihood(bad, total)
    best, best_at, bad_left = 0.0, -1, 0
    for left, unit in enumerate(ordered):
        # A split can only be best in front of a bad unit, between two different times.
        if unit.bad and left > 0 and ordered[left - 1].time_us < unit.time_us:
            gain = _gain((bad_left, left), (bad - bad_left, total - left)) - whole
            if gain > best:
                best, best_at = gain, left
        bad_left += unit.bad
    sharp = best > math.log(total) + 6
    if best_at < 0 or not (sharp or (least and best >= least)):
        return None
    bad_before = sum(unit.bad for unit in ordered[:best_at])
    return ChangePoint(
        at_us=ordered[best_at].time_us,
        rate_before=bad_before / best_at,
        rate_after=(bad - bad_before) / (total - best_at),
        evidence=best,
        sharp=sharp,
    )


def _gain(left: tuple[int, int], right: tuple[int, int]) -> float:
    """Log likelihood of both sides apart; -inf where the right side is not the worse one."""
    if right[0] * left[1] <= left[0] * right[1]:
        return -math.inf
    return _log_likelihood(*left) + _log_likelihood(*right)


def _log_likelihood(bad: int, total: int) -> float:
    if bad in {0, total}:
        return 0.0
    rate = bad / total
    return bad * math.log(rate) + (total - bad) * math.log1p(-rate)


@dataclass(frozen=True)
class Traffic:
    """Counts before and since the onset. `checkouts` = distinct baskets among the bad since."""

    onset_us: int
    to_us: int
    bad: int
    total: int
    bad_before: int
    total_before: int
    checkouts: int
    bad_minor: Mapping[str, int]

    @property
    def rate(self) -> float:
        """Share of bad ones since the onset."""
        return self.bad / self.total if self.total else 0.0

    @property
    def rate_before(self) -> float:
        """Share of bad ones before the onset."""
        return self.bad_before / self.total_before if self.total_before else 0.0

    @property
    def minutes(self) -> float:
        """Minutes from the onset to the end."""
        return (self.to_us - self.onset_us) / MINUTE_US

    @property
    def affected_per_min(self) -> float:
        """Orders (else attempts) that fail per minute."""
        if self.minutes <= 0:
            return 0.0
        return (self.checkouts or self.bad) / self.minutes


def traffic(units: Sequence[Charged], onset_us: int, to_us: int) -> Traffic:
    """Count the units before and since the onset, up to `to_us`."""
    since = [unit for unit in units if onset_us <= unit.time_us < to_us]
    before = [unit for unit in units if unit.time_us < onset_us]
    money: dict[str, int] = {}
    for unit in since:
        if unit.bad and unit.currency:
            money[unit.currency] = money.get(unit.currency, 0) + unit.amount_minor
    return Traffic(
        onset_us=onset_us,
        to_us=to_us,
        bad=sum(unit.bad for unit in since),
        total=len(since),
        bad_before=sum(unit.bad for unit in before),
        total_before=len(before),
        checkouts=len({unit.checkout_id for unit in since if unit.bad and unit.checkout_id}),
        bad_minor=money,
    )
