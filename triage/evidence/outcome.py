"""Which events are good, bad or no unit at all, told by the objectives that burn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kernel.shop_event import ShopEvent
from slo.objective import Objective, Selector, Threshold, UnitKind

OURS_IS_NOT = frozenset({"issuer", "fraud", "authentication", "customer"})
# Where the shop's traffic is split; a `where` on these narrows an objective, but the breakdown
# needs the other values beside it, as the healthy contrast.
DIMENSIONS = ("provider", "region", "country", "method", "channel", "release")
_COMPARE = {
    "lte": lambda value, limit: value <= limit,
    "lt": lambda value, limit: value < limit,
    "gte": lambda value, limit: value >= limit,
    "gt": lambda value, limit: value > limit,
}


@dataclass(frozen=True)
class OutcomeRule:
    """Sorts events. Default: payments; a declined card is not our failure (DESIGN 5)."""

    good_types: frozenset[str] = frozenset({"payment.succeeded"})
    bad_types: frozenset[str] = frozenset({"payment.failed", "payment.expired"})
    where: Mapping[str, frozenset[str]] = field(default_factory=dict)
    exclude_where: Mapping[str, frozenset[str]] = field(
        default_factory=lambda: {"decline_class": OURS_IS_NOT}
    )
    threshold: Threshold | None = None

    @property
    def types(self) -> tuple[str, ...]:
        """All event types that make units."""
        return tuple(sorted(self.good_types | self.bad_types))

    @property
    def unit(self) -> str:
        """What one unit is: payment, checkout, or attempt where they are mixed."""
        kinds = {kind.partition(".")[0] for kind in self.types}
        only = kinds.pop() if len(kinds) == 1 else ""
        return only if only in {"payment", "checkout"} else "attempt"

    @property
    def judged_by(self) -> str:
        """What makes a unit bad: its outcome, or its latency."""
        return "outcome" if self.threshold is None else "latency"

    def is_bad(self, event: ShopEvent) -> bool | None:
        """True bad, False good, None where the event makes no unit."""
        if not all(str(event.field(name)) in values for name, values in self.where.items()):
            return None
        if any(str(event.field(name)) in values for name, values in self.exclude_where.items()):
            return None
        if self.threshold is not None and event.type in self.good_types:
            value = event.field(self.threshold.field)
            if not isinstance(value, int | float):
                return None
            return not _COMPARE[self.threshold.op](value, self.threshold.limit)
        if event.type in self.bad_types:
            return True
        return False if event.type in self.good_types else None


def rule_of(objectives: Sequence[Objective]) -> OutcomeRule:
    """The rule of the most telling objective: outcomes before latency, payments before checkouts
    (they know their provider), then the widest (fewest `where` fields).
    """
    if not objectives:
        return OutcomeRule()

    def order(objective: Objective) -> tuple[bool, bool, int]:
        indicator = objective.indicator
        return (
            indicator.threshold is not None,
            indicator.unit_kind is not UnitKind.PAYMENT,
            len(indicator.total.where),
        )

    widest = min(objectives, key=order)
    indicator = widest.indicator
    total = indicator.total
    if indicator.threshold is not None:
        return OutcomeRule(
            good_types=total.events,
            bad_types=frozenset(),
            where=_inner(total),
            exclude_where=total.exclude_where,
            threshold=indicator.threshold,
        )
    if indicator.good is not None:
        good_types, bad_types = indicator.good.events, total.events - indicator.good.events
    elif indicator.bad is not None:
        good_types, bad_types = total.events - indicator.bad.events, indicator.bad.events
    else:
        return OutcomeRule()
    return OutcomeRule(
        good_types=good_types,
        bad_types=bad_types,
        where=_inner(total),
        exclude_where=total.exclude_where,
    )


def _inner(selector: Selector) -> Mapping[str, frozenset[str]]:
    return {name: values for name, values in selector.where.items() if name not in DIMENSIONS}
