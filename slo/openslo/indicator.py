"""The indicator of an OpenSLO objective: which events are attempts, and which are good or bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from kernel.shop_event import CANONICAL_TYPES, DECLINE_CLASSES, STRING_FIELDS
from slo.objective import Indicator, Selector, Threshold, UnitKind
from slo.openslo.problems import Problems, suggest

SOURCE_TYPE = "tillwatch"
NUMERIC_FIELDS = ("latency_ms",)
OPERATORS = ("lte", "lt", "gte", "gt")
_NOTHING = Selector(frozenset())


@dataclass(frozen=True)
class ThresholdWords:
    """`op` and `value` of objectives[0], wanted with a threshold and forbidden with a ratio."""

    op: Any
    value: Any
    path: str


def read_indicator(
    value: Any, path: str, words: ThresholdWords, problems: Problems
) -> Indicator | None:
    """The indicator, or None where faults were found."""
    before = len(problems.found)
    outer = problems.fields(value, path, ("metadata", "spec"), ("spec",))
    if "metadata" in outer:
        problems.fields(
            outer["metadata"],
            f"{path}.metadata",
            ("name", "displayName", "labels", "annotations"),
        )
    if outer.get("spec") is None:
        return None
    spec = problems.fields(
        outer["spec"], f"{path}.spec", ("description", "ratioMetric", "thresholdMetric")
    )
    ratio, threshold = spec.get("ratioMetric"), spec.get("thresholdMetric")
    if (ratio is None) == (threshold is None):
        problems.add(f"{path}.spec", "", "exactly one of ratioMetric and thresholdMetric is wanted")
        return None
    if ratio is not None:
        found = _ratio(ratio, f"{path}.spec.ratioMetric", words, problems)
    else:
        found = _threshold(threshold, f"{path}.spec.thresholdMetric", words, problems)
    return found if len(problems.found) == before else None


def _ratio(value: Any, path: str, words: ThresholdWords, problems: Problems) -> Indicator:
    fields = problems.fields(
        value, path, ("counter", "good", "bad", "total", "raw", "rawType"), ("total",)
    )
    for name in ("raw", "rawType"):
        if name in fields:
            problems.add(
                f"{path}.{name}", "", "raw ratios are not supported yet; use good and total"
            )
    if not isinstance(fields.get("counter", True), bool):
        problems.add(f"{path}.counter", fields["counter"], "true or false is wanted")
    for name, found in (("op", words.op), ("value", words.value)):
        if found is not None:
            problems.add(f"{words.path}.{name}", found, "has no meaning beside a ratioMetric")
    if ("good" in fields) == ("bad" in fields):
        problems.add(path, "", "exactly one of good and bad is wanted beside total")
    total = _selector(fields.get("total"), f"{path}.total", problems)
    good = _selector(fields["good"], f"{path}.good", problems) if "good" in fields else None
    bad = _selector(fields["bad"], f"{path}.bad", problems) if "bad" in fields else None
    for name, part in (("good", good), ("bad", bad)):
        if part is not None and total.events and (stray := sorted(part.events - total.events)):
            problems.add(f"{path}.{name}", ", ".join(stray), "is not among the events of total")
    kind = _unit_kind(total.events, f"{path}.total", problems)
    return Indicator(total=total, good=good, bad=bad, unit_kind=kind)


def _threshold(value: Any, path: str, words: ThresholdWords, problems: Problems) -> Indicator:
    fields = problems.fields(value, path, ("metricSource",), ("metricSource",))
    spec = _source(fields.get("metricSource"), f"{path}.metricSource", ("field",), problems)
    place = f"{path}.metricSource.spec"
    name = spec.get("field")
    if name not in NUMERIC_FIELDS:
        problems.add(
            f"{place}.field", name or "", f"a number to compare is wanted: {NUMERIC_FIELDS[0]}"
        )
    if words.op not in OPERATORS:
        problems.add(f"{words.path}.op", words.op or "", f"one of {', '.join(OPERATORS)} is wanted")
    limit = words.value
    if isinstance(limit, bool) or not isinstance(limit, int | Decimal):
        problems.add(f"{words.path}.value", limit or "", "a number is wanted")
        limit = 0
    total = _events(spec, place, problems)
    kind = _unit_kind(total.events, place, problems)
    operator: Literal["lte", "lt", "gte", "gt"] = words.op if words.op in OPERATORS else "lte"
    threshold = Threshold(str(name), operator, float(limit))
    return Indicator(total=total, threshold=threshold, unit_kind=kind)


def _selector(value: Any, path: str, problems: Problems) -> Selector:
    if value is None:
        return _NOTHING
    fields = problems.fields(value, path, ("metricSource",), ("metricSource",))
    place = f"{path}.metricSource"
    return _events(
        _source(fields.get("metricSource"), place, (), problems), f"{place}.spec", problems
    )


def _source(value: Any, path: str, extra: tuple[str, ...], problems: Problems) -> Mapping[str, Any]:
    if value is None:
        return {}
    fields = problems.fields(value, path, ("metricSourceRef", "type", "spec"), ("type", "spec"))
    if fields.get("metricSourceRef") is not None:
        problems.add(f"{path}.metricSourceRef", "", "references are not supported yet")
    kind = fields.get("type")
    if kind is not None and kind != SOURCE_TYPE:
        problems.add(
            f"{path}.type", kind, f'only the metric source type "{SOURCE_TYPE}" is counted here'
        )
        return {}
    if fields.get("spec") is None:
        return {}
    allowed = ("events", "where", "excludeWhere", *extra)
    return problems.fields(fields["spec"], f"{path}.spec", allowed, ("events",))


def _events(spec: Mapping[str, Any], path: str, problems: Problems) -> Selector:
    events = spec.get("events")
    if events is None:
        return _NOTHING
    if not isinstance(events, list) or not events:
        problems.add(f"{path}.events", events, "a list of event types is wanted")
        return _NOTHING
    for index, name in enumerate(events):
        if name not in CANONICAL_TYPES:
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
        hint = suggest(name, STRING_FIELDS)
        if name not in STRING_FIELDS and hint.startswith("; did you mean"):
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


def _unit_kind(events: frozenset[str], path: str, problems: Problems) -> UnitKind:
    """One attempt is a payment, a checkout, or (any other event) the item itself."""
    kinds = {name.partition(".")[0] for name in events}
    if kinds == {"payment"}:
        return UnitKind.PAYMENT
    if kinds == {"checkout"}:
        return UnitKind.CHECKOUT
    if kinds & {"payment", "checkout"} and len(kinds) > 1:
        problems.add(
            f"{path}.events",
            ", ".join(sorted(events)),
            "attempts of different kinds cannot be counted together: split the objective",
        )
    return UnitKind.ITEM
