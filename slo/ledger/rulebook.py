"""What each kind of unit adds to all objectives, worked out once per combination of field values.

Objectives look at few fields with few values each, so thousands of units share a plan: a unit costs
one look-up, however many objectives there are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

from kernel.shop_event import ShopEvent
from slo.ledger.contribution import Verdict, segment_of, verdict_of, within
from slo.ledger.sums import SegmentKey
from slo.objective import Objective, Selector, Threshold, UnitKind

# Values of attributes come from outside: a field that is different each time must not fill memory.
_MAX_PLANS: Final = 20_000
# A plan has an entry for each objective that counts the unit: some 80 bytes each.
_MAX_ENTRIES: Final = 1_000_000
_STRUCT_FIELDS: Final = frozenset(ShopEvent.__struct_fields__) - {"attributes"}


@dataclass(frozen=True, eq=False)
class Plan:
    """One combination: each objective (by number) that counts the unit, how, and its segment.

    Two plans are equal only if they are the same object.
    """

    entries: Sequence[tuple[int, Verdict, SegmentKey]]
    is_bad: bool = field(init=False)

    def __post_init__(self) -> None:
        is_bad = any(verdict is Verdict.BAD for _, verdict, _ in self.entries)
        object.__setattr__(self, "is_bad", is_bad)


NO_PLAN: Final = Plan(())


class Reading:
    """Reads the fields that a group of rules looks at, as one hashable value."""

    def __init__(self, names: Collection[str], thresholds: Collection[Threshold] = ()) -> None:
        plain = sorted(name for name in names if name in _STRUCT_FIELDS)
        self._plain: Callable[[ShopEvent], Any] = attrgetter(*plain) if plain else _nothing
        self._attributes = sorted(name for name in names if name not in _STRUCT_FIELDS)
        self._thresholds = tuple(dict.fromkeys(thresholds))
        # Equal for events that no rule of the group can tell apart.
        self.key: Callable[[ShopEvent], Any] = (
            self._whole_key if self._attributes or self._thresholds else self._plain
        )

    def _whole_key(self, event: ShopEvent) -> Any:
        plain = self._plain(event)
        told = [event.attributes.get(name) for name in self._attributes]
        return (
            plain,
            # 1, 1.0 and True are equal to Python and different as text.
            tuple([None if value is None else str(value) for value in told]),
            tuple([within(one, event) for one in self._thresholds]),
        )


class _Shape:
    """The objectives that an outcome of one kind and type can matter to, and their plans."""

    def __init__(self, rules: Sequence[tuple[int, Objective]]) -> None:
        self._rules = rules
        names = {name for _, one in rules for name in _fields_of(one)}
        limits = [one.indicator.threshold for _, one in rules if one.indicator.threshold]
        self._reading = Reading(names, limits)
        self._plans: dict[Any, Plan] = {}
        self._entries = 0

    def plan(self, event: ShopEvent) -> Plan:
        key = self._reading.key(event)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= _MAX_PLANS or self._entries >= _MAX_ENTRIES:
                self._plans.clear()
                self._entries = 0
            plan = self._plans[key] = self._make(event)
            self._entries += len(plan.entries)
        return plan

    def _make(self, event: ShopEvent) -> Plan:
        told = [(no, one, verdict_of(one, event)) for no, one in self._rules]
        # Most objectives count by the same fields: one key for all of them.
        keys: dict[SegmentKey, SegmentKey] = {}
        entries = [
            (no, verdict, keys.setdefault(key := segment_of(one, event), key))
            for no, one, verdict in told
            if verdict is not None
        ]
        return Plan(tuple(entries)) if entries else NO_PLAN


class Rulebook:
    """Objectives by number, and the plans of the units that matter to them."""

    def __init__(
        self, objectives: Mapping[int, Objective], configured: Iterable[Objective]
    ) -> None:
        """`configured`: also those not counted yet, whose messages must be kept already."""
        self.objectives = dict(objectives)
        rules: dict[tuple[UnitKind, str], list[tuple[int, Objective]]] = {}
        for no, objective in objectives.items():
            for event_type in objective.indicator.total.events:
                place = objective.indicator.unit_kind, event_type
                rules.setdefault(place, []).append((no, objective))
        self._shapes = {place: _Shape(found) for place, found in rules.items()}
        self.item_types = frozenset(
            event_type
            for objective in configured
            if objective.indicator.unit_kind is UnitKind.ITEM
            for event_type in objective.indicator.total.events
        )

    def plan(self, kind: UnitKind, outcome: ShopEvent) -> Plan:
        """What a finished unit adds; `NO_PLAN` where it matters to nobody."""
        shape = self._shapes.get((kind, outcome.type))
        return NO_PLAN if shape is None else shape.plan(outcome)


def _fields_of(objective: Objective) -> set[str]:
    """Fields that the verdict or the segment depends on (a threshold's own apart)."""
    indicator = objective.indicator
    selectors = [one for one in (indicator.total, indicator.good, indicator.bad) if one is not None]
    return {*objective.segments, *(name for one in selectors for name in _names(one))}


def _names(selector: Selector) -> set[str]:
    return {*selector.where, *selector.exclude_where}


def _nothing(event: ShopEvent) -> tuple[()]:  # noqa: ARG001 (has the shape of an attrgetter)
    return ()
