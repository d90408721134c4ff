"""`spec` of a metric source of type tillwatch: event types, and what is kept or taken out."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kernel.shop_event import CANONICAL_TYPES, DECLINE_CLASSES, STRING_FIELDS
from slo.objective import Selector
from slo.openslo.problems import Problems, did_you_mean, suggest

_NOTHING = Selector(frozenset())


def read_selector(
    value: Mapping[str, Any], path: str, extra: tuple[str, ...], problems: Problems
) -> Selector:
    """Which events count. `extra`: fields that the caller reads himself."""
    spec = problems.fields(value, path, ("events", "where", "excludeWhere", *extra), ("events",))
    events = spec.get("events")
    if events is None:
        return _NOTHING
    if not isinstance(events, list) or not events:
        problems.add(f"{path}.events", events, "a list of event types is wanted")
        return _NOTHING
    for index, name in enumerate(events):
        if not isinstance(name, str) or name not in CANONICAL_TYPES:
            reason = f"unknown event type{suggest(str(name), CANONICAL_TYPES)}"
            problems.add(f"{path}.events[{index}]", name, reason)
    return Selector(
        events=frozenset(str(name) for name in events),
        where=_filter(spec.get("where"), f"{path}.where", problems),
        exclude_where=_filter(spec.get("excludeWhere"), f"{path}.excludeWhere", problems),
    )


def _filter(value: Any, path: str, problems: Problems) -> dict[str, frozenset[str]]:
    if value is None:
        return {}
    found = {}
    for name, values in problems.mapping(value, path).items():
        place = f"{path}.{name}"
        hint = did_you_mean(name, STRING_FIELDS)
        if name not in STRING_FIELDS and hint:
            problems.add(place, "", f"unknown field{hint}")
        elif not isinstance(values, list) or not values:
            problems.add(place, values, "a list of values is wanted")
        elif any(not isinstance(one, str | int | Decimal) for one in values):
            problems.add(place, values, "values are text, numbers, true or false")
        else:
            found[name] = frozenset(str(one) for one in values)
            _check_classes(name, found[name], place, problems)
    return found


def _check_classes(name: str, values: frozenset[str], place: str, problems: Problems) -> None:
    if name != "decline_class":
        return
    for value in sorted(values - set(DECLINE_CLASSES)):
        problems.add(place, value, f"unknown decline class{suggest(value, DECLINE_CLASSES)}")
