"""How many attempts to expect now: the pattern times the level of the last two hours. Pure.

    expected(t) = usual(t) x level,   level = (begun + 50) / (usual + 50), within 0.15..1.5

The level is the lower one of the last 2 h and the last 30 min (with 20 for 50), so that a day that
quietens is followed. Both end 10 to 25 minutes ago (on a slot's border): a fresh outage does not
lower its own yardstick. The lower bound of the study, 0.4, paged on holidays at 30 % of the usual
volume.
What is known decides how far a page may go (ADR "What silence may be told from"):

| basis | known | dispersion | silent where seen is at most |
|---|---|---|---|
| weeks | 3 to 6 weeks of this weekday | 0.03 | 1/2 of expected |
| few_weeks | 1 or 2 | 0.06 | 1/3 |
| days | no week, 1 to 6 days | 0.1 | 1/10, and not more than the last 2 h gave is expected |
| hours | less than a day | 0.1 | 1/10 of the flat rate of the last 2 h, if that was steady |
| none | too little, or night by the objective's clock and less than a day known | | never |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from zoneinfo import ZoneInfo

from kernel.clock import MINUTE_US, SECOND_US
from slo.volume.pattern import (
    ENOUGH_WEEKS,
    SLOT_US,
    Slots,
    alive,
    day_steps,
    references,
    slot_of,
    usual,
    week_steps,
)

LEVEL_SLOTS = 8
SHORT_SLOTS = 2
LEVEL_GAP_US = 10 * MINUTE_US
# Slots on both sides of the present one, so that an expectation outlives its quarter of an hour.
MARGIN_SLOTS = 4
_PRIOR = 50
_SHORT_PRIOR = 20
_LEVEL_RANGE = (0.15, 1.5)
_LEAST_STEADY_SLOTS = 2
_STEADY = 0.6
_NIGHT_HOURS = frozenset({22, 23, *range(7)})
_UTC = ZoneInfo("UTC")


class Basis(StrEnum):
    """What an expectation rests on, best first."""

    WEEKS = "weeks"
    FEW_WEEKS = "few_weeks"
    DAYS = "days"
    HOURS = "hours"
    NONE = "none"


DISPERSION: Mapping[Basis, float] = MappingProxyType(
    {Basis.WEEKS: 0.03, Basis.FEW_WEEKS: 0.06, Basis.DAYS: 0.1, Basis.HOURS: 0.1, Basis.NONE: 0.1}
)
SILENT_SHARE: Mapping[Basis, Fraction] = MappingProxyType(
    {
        Basis.WEEKS: Fraction(1, 2),
        Basis.FEW_WEEKS: Fraction(1, 3),
        Basis.DAYS: Fraction(1, 10),
        Basis.HOURS: Fraction(1, 10),
        Basis.NONE: Fraction(0),
    }
)


@dataclass(frozen=True)
class Expectation:
    """Expected attempts by time. `usual`: per slot, by its start; `flat`: per slot of the last 2 h.

    `weeks` or `days` tell how many of them the usual volume is the median of.
    """

    basis: Basis = Basis.NONE
    usual: Mapping[int, float] = field(default_factory=dict)
    level: float = 1.0
    flat: float = 0.0
    references: int = 0

    @property
    def dispersion(self) -> float:
        """Variance beyond chance, as a share of the squared mean."""
        return DISPERSION[self.basis]

    @property
    def silent_share(self) -> Fraction:
        """Seen must not be more than this share of expected to be called silent."""
        return SILENT_SHARE[self.basis]

    def per_s(self, at_us: int) -> float:
        """Expected attempts per second: linear between the centres of the slots."""
        slot_s = SLOT_US / SECOND_US
        if self.basis is Basis.NONE:
            return 0.0
        if self.basis is Basis.HOURS:
            return self.flat / slot_s
        value = self._between(at_us) * self.level
        return (min(value, self.flat) if self.basis is Basis.DAYS else value) / slot_s

    def expected(self, from_us: int, to_us: int) -> float:
        """Expected attempts begun in [from_us, to_us)."""
        total, low = 0.0, from_us
        while low < to_us:
            high = min(to_us, slot_of(low) + SLOT_US)
            total += self.per_s((low + high) // 2) * (high - low) / SECOND_US
            low = high
        return total

    def _between(self, at_us: int) -> float:
        first = slot_of(at_us - SLOT_US // 2)
        share = (at_us - SLOT_US // 2 - first) / SLOT_US
        here = self.usual.get(first, 0.0)
        return here + (self.usual.get(first + SLOT_US, here) - here) * share


NOTHING = Expectation()


def expect(
    slots: Slots,
    at_us: int,
    zone: ZoneInfo | None = None,
    outages: Iterable[tuple[int, int]] = (),
    until_us: int = 0,
) -> Expectation:
    """What to expect from `at_us` (to `until_us`) on, from attempts per slot of the last weeks.

    `slots` must hold the last 8 days and, for each of the last 6 weeks, the same time with the day
    before it. `zone` is the wall clock of the objective, UTC where it names none (nobody then knows
    its night). `outages`: known spans [from, to) that the level leaves out.
    """
    now = slot_of(at_us)
    level_slots = _level_slots(at_us, list(outages))
    clock = zone or _UTC
    flat = _mean([slots.get(one, 0) for one in level_slots])
    for basis, steps in ((Basis.WEEKS, week_steps()), (Basis.DAYS, day_steps())):
        chosen = _alive_steps(slots, now, clock, steps)
        if not chosen:
            continue
        few = basis is Basis.WEEKS and len(chosen) < ENOUGH_WEEKS
        wanted = {*_around(now, slot_of(max(at_us, until_us))), *level_slots}
        pattern = {one: usual(slots, references(one, clock, chosen)) for one in wanted}
        return Expectation(
            basis=Basis.FEW_WEEKS if few else basis,
            usual=pattern,
            level=min(
                _level(slots, pattern, level_slots, _PRIOR),
                _level(slots, pattern, level_slots[-SHORT_SLOTS:], _SHORT_PRIOR),
            ),
            flat=flat,
            references=len(chosen),
        )
    return _from_hours(slots, level_slots, night=_is_night(at_us, zone))


def _from_hours(slots: Slots, level_slots: Sequence[int], *, night: bool) -> Expectation:
    """The flat rate since the first attempt, where it neither fell nor came in one burst."""
    if night:
        return NOTHING
    begun = sorted(one for one, count in slots.items() if count)
    lived = [one for one in level_slots if begun and one > begun[0]]
    counts = [slots.get(one, 0) for one in sorted(lived)]
    if len(counts) < _LEAST_STEADY_SLOTS:
        return NOTHING
    mean = _mean(counts)
    if counts[-1] < _STEADY * mean or min(counts) < _STEADY * mean / 2:
        return NOTHING
    return Expectation(Basis.HOURS, flat=min(mean, counts[-1]), references=len(counts))


def _alive_steps(slots: Slots, now: int, zone: ZoneInfo, steps: Iterable[int]) -> list[int]:
    return [days for days in steps if alive(slots, references(now, zone, [days])[0])]


def _level_slots(at_us: int, outages: Sequence[tuple[int, int]]) -> list[int]:
    end_us = slot_of(at_us - LEVEL_GAP_US)
    found = range(end_us - LEVEL_SLOTS * SLOT_US, end_us, SLOT_US)
    return [
        one for one in found if not any(low < one + SLOT_US and one < high for low, high in outages)
    ]


def _around(first: int, last: int) -> range:
    margin = MARGIN_SLOTS * SLOT_US
    return range(first - margin, last + margin + SLOT_US, SLOT_US)


def _level(
    slots: Slots, pattern: Mapping[int, float], level_slots: Sequence[int], prior: int
) -> float:
    begun = sum(slots.get(one, 0) for one in level_slots)
    wanted = sum(pattern[one] for one in level_slots)
    low, high = _LEVEL_RANGE
    return min(high, max(low, (begun + prior) / (wanted + prior)))


def _is_night(at_us: int, zone: ZoneInfo | None) -> bool:
    return zone is not None and (
        datetime.fromtimestamp(at_us // SECOND_US, zone).hour in _NIGHT_HOURS
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
