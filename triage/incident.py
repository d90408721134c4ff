"""The incident's state machine and the judgements about it. Pure: no clock, no store, no settings.

    open -> acknowledged -> resolved        resolved -> open when a member turns out to burn still

`stale` is a flag beside the state: nobody has confirmed for long that the alerts still fire, so
the card asks and a human closes. `resolution` says how it ended; what a person judged to be no
incident, and what went into another one, never opens again by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from kernel.clock import HOUR_US, MINUTE_US, SECOND_US
from kernel.errors import Conflict
from kernel.money import exponent, format_money

_STALE_AT_LEAST_US = 4 * HOUR_US
_RATE_WINDOW_US = 5 * MINUTE_US
_MOST_STEPS = 9
_PAGING_LABELS = frozenset({"critical", "page", "paging", "p1", "sev1", "high"})


class IncidentState(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Event(StrEnum):
    """What can happen to an incident."""

    ACKNOWLEDGED = "acknowledged"  # a person takes it
    ALL_CLEAR = "all_clear"  # every member is resolved and its objectives no longer burn
    FIRING = "firing"  # a member fires (again, or was told late)
    REFRESHED = "refreshed"  # a member was confirmed to fire still
    QUIET = "quiet"  # nobody has confirmed it for too long
    CLOSED = "closed"  # a person closes a stale incident
    DISMISSED = "dismissed"  # a person says that it is not an incident
    MERGED = "merged"  # a person puts its members into another incident


class Resolution(StrEnum):
    """How an incident ended."""

    NONE = ""
    ALL_CLEAR = "all_clear"
    CLOSED = "closed"
    NOT_AN_INCIDENT = "not_an_incident"
    MERGED = "merged"

    @property
    def final(self) -> bool:
        """True where alerts that fire on do not open it again."""
        return self in (Resolution.NOT_AN_INCIDENT, Resolution.MERGED)


class Severity(StrEnum):
    """How bad it is for the shop. The order of the members is the order of weight."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"

    @property
    def weight(self) -> int:
        """0 is the lightest."""
        return list(Severity).index(self)


@dataclass(frozen=True)
class Incident:
    """The part of an incident that the machine moves."""

    state: IncidentState = IncidentState.OPEN
    stale: bool = False
    acknowledged_us: int | None = None
    resolved_us: int | None = None
    resolution: Resolution = Resolution.NONE


def step(incident: Incident, event: Event, now_us: int) -> Incident:
    """The incident after `event`. Repeats change nothing. Raises Conflict for what cannot be."""
    resolved = incident.state is IncidentState.RESOLVED
    match event:
        case Event.ACKNOWLEDGED:
            return _acknowledge(incident, now_us)
        case Event.CLOSED if not resolved and not incident.stale:
            raise Conflict(
                "its alerts are still confirmed to fire",
                hint="it closes by itself when they are resolved",
            )
        case Event.ALL_CLEAR if not resolved:
            return _over(incident, Resolution.ALL_CLEAR, now_us)
        case Event.CLOSED if not resolved:
            return _over(incident, Resolution.CLOSED, now_us)
        case Event.DISMISSED if incident.resolution is Resolution.MERGED:
            raise Conflict(
                "it went into another incident", hint="judge the incident that it went into"
            )
        case Event.DISMISSED:
            return _over(incident, Resolution.NOT_AN_INCIDENT, now_us)
        case Event.MERGED:
            return _over(incident, Resolution.MERGED, now_us)
        case Event.FIRING if resolved and not incident.resolution.final:
            return Incident()
        case Event.FIRING | Event.REFRESHED if not resolved:
            return replace(incident, stale=False)
        case Event.QUIET if not resolved:
            return replace(incident, stale=True)
        case _:
            return incident


def _over(incident: Incident, resolution: Resolution, now_us: int) -> Incident:
    """Over now, or since before where only the judgement of how it ended changes."""
    ended_us = now_us if incident.resolved_us is None else incident.resolved_us
    return replace(
        incident,
        state=IncidentState.RESOLVED,
        stale=False,
        resolved_us=ended_us,
        resolution=resolution,
    )


def _acknowledge(incident: Incident, now_us: int) -> Incident:
    if incident.state is IncidentState.RESOLVED:
        raise Conflict("the incident is over: there is nothing left to acknowledge")
    if incident.state is IncidentState.ACKNOWLEDGED:
        return incident
    return replace(incident, state=IncidentState.ACKNOWLEDGED, acknowledged_us=now_us)


def is_quiet(last_confirmed_us: int, repeat_interval_s: int, now_us: int) -> bool:
    """No refresh for max(4 h, 2 x repeat interval) (DESIGN 6)."""
    patience_us = max(_STALE_AT_LEAST_US, 2 * repeat_interval_s * SECOND_US)
    return now_us - last_confirmed_us >= patience_us


@dataclass(frozen=True)
class Rate:
    """Minor units per minute of one currency ("" for none)."""

    minor: float = 0.0
    currency: str = ""

    @property
    def major(self) -> float:
        """Major units per minute."""
        return self.minor / float(10 ** exponent(self.currency)) if self.currency else 0.0

    def __str__(self) -> str:
        return format_money(round(self.minor), self.currency) if self.currency else "no money"


@dataclass(frozen=True)
class Impact:
    """What the shop loses, summed over the incident and as a rate of its newest minutes.

    `bad_minor`: value attempted in bad units; `lost_minor`: each checkout once, where no payment
    of it succeeded. Both per currency in minor units; `minutes` is the length of the rate window.
    `missing_low` and `missing_minor_low`: attempts that did not even begin and their value, both
    per minute; the least that 9 of 10 such cases have, since an estimate alone calls nobody out.
    """

    bad: int = 0
    total: int = 0
    bad_minor: Mapping[str, int] | None = None
    lost_minor: Mapping[str, int] | None = None
    recent_bad: int = 0
    recent_bad_minor: Mapping[str, int] | None = None
    minutes: float = 0.0
    missing_low: float = 0.0
    missing_minor_low: Mapping[str, float] | None = None

    @property
    def known(self) -> bool:
        """True where anything was counted or estimated."""
        return self.total > 0 or self.missing_low > 0

    @property
    def orders_per_minute(self) -> float:
        """Attempts that fail per minute, now."""
        return self.recent_bad / self.minutes if self.minutes else 0.0

    @property
    def orders_at_risk(self) -> float:
        """Attempts per minute that fail or do not begin."""
        return self.orders_per_minute + self.missing_low

    @property
    def money_at_risk(self) -> Rate:
        """Per minute, now, in the currency that loses most.

        Currencies are not converted into each other: there is no rate that we could prove.
        """
        failing = self.recent_bad_minor or {} if self.minutes else {}
        missing = self.missing_minor_low or {}
        rates = [
            Rate(failing.get(name, 0) / (self.minutes or 1.0) + missing.get(name, 0.0), name)
            for name in sorted({*failing, *missing})
        ]
        return max(rates, key=lambda one: one.major, default=Rate())

    @property
    def money_per_minute(self) -> float:
        """Major units per minute of `money_at_risk`."""
        return self.money_at_risk.major


def rate_window(onset_us: int, now_us: int) -> tuple[int, int]:
    """The newest 5 minutes, but not before the onset; at least one minute."""
    start_us = max(onset_us, now_us - _RATE_WINDOW_US)
    return min(start_us, now_us - MINUTE_US), now_us


@dataclass(frozen=True)
class SeverityScale:
    """From which rate on an incident is major or critical (per minute; money in major units)."""

    major_orders: float = 1.0
    critical_orders: float = 10.0
    major_money: float = 100.0
    critical_money: float = 1000.0


def severity(impact: Impact | None, labels: Iterable[str], scale: SeverityScale) -> Severity:
    """Weight by what the shop loses; the alerts' own labels count where nothing is known, and
    lift a known small impact by no more than to `major`.
    """
    return severity_and_why(impact, labels, scale)[0]


def severity_and_why(
    impact: Impact | None, labels: Iterable[str], scale: SeverityScale
) -> tuple[Severity, str]:
    """The severity and the figure that decides it, in words."""
    paging = any(label.strip().lower() in _PAGING_LABELS for label in labels)
    if impact is None or not impact.known:
        if paging:
            return Severity.MAJOR, "its alert asks to page; what is lost is not known yet"
        return Severity.MINOR, "nothing is known to be lost"
    orders, money = impact.orders_at_risk, impact.money_at_risk
    for level, least_orders, least_money in (
        (Severity.CRITICAL, scale.critical_orders, scale.critical_money),
        (Severity.MAJOR, scale.major_orders, scale.major_money),
    ):
        if money.major >= least_money:
            return level, f"{money} per minute at risk"
        if orders >= least_orders:
            return level, _orders(impact)
    if paging:
        return Severity.MAJOR, f"its alert asks to page; {_orders(impact)}, {money} at risk"
    return Severity.MINOR, f"{_orders(impact)}, {money} at risk"


def _orders(impact: Impact) -> str:
    failing = f"{impact.orders_per_minute:,.1f} attempts per minute fail"
    if not impact.missing_low:
        return failing
    missing = f"at least {impact.missing_low:,.1f} attempts per minute do not begin"
    return f"{failing}, {missing}" if impact.orders_per_minute else missing


def impact_step(impact: Impact | None, scale: SeverityScale) -> int:
    """Steps of the loss: 0 below major, 1 major, 2 critical, one more for each tenfold of it.

    A judgement of a person stands until the loss has grown by such a step.
    """
    if impact is None:
        return 0
    orders, money = impact.orders_at_risk, impact.money_at_risk.major
    if orders < scale.major_orders and money < scale.major_money:
        return 0
    times = max(orders / scale.critical_orders, money / scale.critical_money)
    return 1 if times < 1 else min(2 + math.floor(math.log10(times) + 1e-9), _MOST_STEPS)


@dataclass(frozen=True)
class Weight:
    """The severity that stands. `by`: the person who set it while the loss was at `step`; "" for
    code.
    """

    severity: Severity
    by: str = ""
    step: int = 0


def weighed(standing: Weight, computed: Severity, step: int) -> Weight:
    """The severity after a new look at the loss.

    By itself it never falls while the incident is open. A person's word stands until the loss has
    grown by a step and asks for more than the person said.
    """
    if standing.by and (step <= standing.step or computed.weight <= standing.severity.weight):
        return standing
    return Weight(heavier(standing.severity, computed))


def heavier(one: Severity, other: Severity) -> Severity:
    """The worse of the two: an incident's severity never falls by itself while it is open."""
    return one if one.weight >= other.weight else other
