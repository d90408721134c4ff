"""SLI: which events are attempts, and which of them are good or bad.

What measures something else than the shop's own events is checked by OpenSLO's rules and has no
`Indicator`: it is valid, and not counted here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from slo.objective import Indicator, Selector, Threshold, UnitKind
from slo.openslo.alerting import OPERATORS
from slo.openslo.metadata import LONGEST_TEXT, read_metadata, read_name
from slo.openslo.plain_kinds import read_data_source
from slo.openslo.problems import Problems, did_you_mean
from slo.openslo.scope import Scope
from slo.openslo.selector import read_selector

SOURCE_TYPE = "tillwatch"
NUMERIC_FIELDS = ("latency_ms",)
_PARTS = ("good", "bad", "total", "raw")
_NOTHING = Selector(frozenset())


@dataclass(frozen=True)
class Words:
    """`op` and `value` of an objective, wanted with a threshold and forbidden with a ratio."""

    op: Any
    value: Any
    path: str


@dataclass(frozen=True)
class Sli:
    """A checked indicator. `foreign`: types of the sources that measure it, where not we do."""

    is_ratio: bool
    total: Selector = _NOTHING
    good: Selector | None = None
    bad: Selector | None = None
    field: str = ""
    unit_kind: UnitKind = UnitKind.PAYMENT
    foreign: str = ""


@dataclass(frozen=True)
class _Source:
    """A metric source: `ours` holds its fields where we count it, else `type` says who does."""

    type: str
    ours: Mapping[str, Any] | None
    path: str


def read_inline_sli(value: Any, path: str, scope: Scope) -> Sli | None:
    """An SLO's own `indicator`: metadata and spec."""
    fields = scope.problems.fields(value, path, ("metadata", "spec"), ("metadata", "spec"))
    read_metadata(fields.get("metadata"), f"{path}.metadata", scope.problems)
    return read_sli(fields.get("spec"), f"{path}.spec", scope)


def read_sli(value: Any, path: str, scope: Scope) -> Sli | None:
    """`spec` of an SLI; None where faults were found."""
    problems = scope.problems
    if value is None:
        return None
    before = len(problems.found)
    fields = problems.fields(value, path, ("description", "ratioMetric", "thresholdMetric"))
    problems.text(fields.get("description"), f"{path}.description", longest=LONGEST_TEXT)
    ratio, threshold = fields.get("ratioMetric"), fields.get("thresholdMetric")
    if (ratio is None) == (threshold is None):
        problems.add(path, "", "exactly one of ratioMetric and thresholdMetric is wanted")
        return None
    if ratio is not None:
        found = _ratio(ratio, f"{path}.ratioMetric", scope)
    else:
        found = _threshold(threshold, f"{path}.thresholdMetric", scope)
    return found if len(problems.found) == before else None


def with_words(sli: Sli, words: Words, problems: Problems) -> Indicator | None:
    """The indicator as one objective uses it; None where it is foreign or faults were found."""
    before = len(problems.found)
    if sli.is_ratio:
        for name, found in (("op", words.op), ("value", words.value)):
            if found is not None:
                problems.add(f"{words.path}.{name}", found, "has no meaning beside a ratioMetric")
        if sli.foreign or len(problems.found) > before:
            return None
        return Indicator(sli.total, sli.good, sli.bad, unit_kind=sli.unit_kind)
    for name, found in (("op", words.op), ("value", words.value)):
        if found is None:
            problems.add(f"{words.path}.{name}", "", "this field is missing (thresholdMetric)")
    op = problems.choice(words.op, f"{words.path}.op", OPERATORS)
    limit = problems.number(words.value, f"{words.path}.value")
    if limit is not None and not math.isfinite(float(words.value)):
        problems.add(f"{words.path}.value", words.value, "the number is out of range")
    if sli.foreign or limit is None or len(problems.found) > before:
        return None
    operator = cast('Literal["lte", "lt", "gte", "gt"]', op)
    threshold = Threshold(sli.field, operator, float(words.value))
    return Indicator(sli.total, threshold=threshold, unit_kind=sli.unit_kind)


def _ratio(value: Any, path: str, scope: Scope) -> Sli:
    problems = scope.problems
    fields = problems.fields(value, path, ("counter", *_PARTS, "rawType"))
    problems.switch(fields.get("counter"), f"{path}.counter")
    _check_parts(fields, path, problems)
    sources = {
        name: _metric(fields[name], f"{path}.{name}", scope)
        for name in _PARTS
        if fields.get(name) is not None
    }
    foreign = _foreign(list(sources.values()), path, problems)
    if foreign:
        return Sli(is_ratio=True, foreign=foreign)
    if "raw" in sources:
        reason = "attempts are counted here, never ratios: use good (or bad) and total"
        problems.add(f"{path}.raw", "", reason)
        return Sli(is_ratio=True)
    found = {name: _selector(one, (), problems) for name, one in sources.items()}
    total = found.get("total", _NOTHING)
    for name in ("good", "bad"):
        part = found.get(name, _NOTHING)
        if total.events and (stray := sorted(part.events - total.events)):
            problems.add(f"{path}.{name}", ", ".join(stray), "is not among the events of total")
    kind = _unit_kind(total.events, f"{path}.total.metricSource.spec", problems)
    return Sli(
        is_ratio=True,
        total=total,
        good=found.get("good"),
        bad=found.get("bad"),
        unit_kind=kind,
    )


def _check_parts(fields: Mapping[str, Any], path: str, problems: Problems) -> None:
    given = {name for name in _PARTS if fields.get(name) is not None}
    if "raw" in given:
        for stray in sorted(given - {"raw"}):
            problems.add(f"{path}.{stray}", "", "has no meaning beside raw")
        known = ("success", "failure")
        problems.choice(fields.get("rawType"), f"{path}.rawType", known)
        if fields.get("rawType") is None:
            problems.add(f"{path}.rawType", "", f"this field is missing: one of {', '.join(known)}")
        return
    if "rawType" in fields:
        problems.add(f"{path}.rawType", fields["rawType"], "has no meaning without raw")
    if "total" not in given:
        problems.add(f"{path}.total", "", "this field is missing")
    if ("good" in given) == ("bad" in given):
        problems.add(path, "", "exactly one of good and bad is wanted beside total")


def _threshold(value: Any, path: str, scope: Scope) -> Sli:
    problems = scope.problems
    source = _metric(value, path, scope)
    foreign = _foreign([source], path, problems)
    if foreign or source is None or source.ours is None:
        return Sli(is_ratio=False, foreign=foreign)
    name = source.ours.get("field")
    if name not in NUMERIC_FIELDS:
        wanted = f"a number to compare is wanted: {NUMERIC_FIELDS[0]}"
        problems.add(f"{source.path}.field", name or "", wanted)
    total = _selector(source, ("field",), problems)
    kind = _unit_kind(total.events, source.path, problems)
    return Sli(is_ratio=False, total=total, field=str(name), unit_kind=kind)


def _metric(value: Any, path: str, scope: Scope) -> _Source | None:
    """One `metricSource`; None where faults were found."""
    problems = scope.problems
    before = len(problems.found)
    fields = problems.fields(value, path, ("metricSource",), ("metricSource",))
    place = f"{path}.metricSource"
    if fields.get("metricSource") is None:
        return None
    source = problems.fields(
        fields["metricSource"], place, ("metricSourceRef", "type", "spec"), ("spec",)
    )
    kind = _source_type(source, place, scope)
    spec = source.get("spec")
    if spec is not None and (not isinstance(spec, dict) or not spec):
        problems.add(f"{place}.spec", spec, "a mapping that says what is measured is wanted")
    hint = did_you_mean(kind, [SOURCE_TYPE])
    if kind != SOURCE_TYPE and hint:
        problems.add(f"{place}.type", kind, f"unknown metric source{hint}")
    if len(problems.found) > before:
        return None
    return _Source(kind, spec if kind == SOURCE_TYPE else None, f"{place}.spec")


def _source_type(source: Mapping[str, Any], path: str, scope: Scope) -> str:
    """Who measures: `type`, or that of the DataSource behind the reference."""
    problems = scope.problems
    kind = problems.text(source.get("type"), f"{path}.type")
    if source.get("metricSourceRef") is None:
        if not kind:
            problems.add(path, "", "one of type and metricSourceRef is wanted")
        return kind
    place = f"{path}.metricSourceRef"
    name = read_name(source["metricSourceRef"], place, problems)
    found = scope.resolve("DataSource", name, place)
    if found is None:
        return kind or f"metricSourceRef {name}"
    theirs = read_data_source(found.value.get("spec"), f"{found.path}.spec", Problems())
    if kind and theirs and kind != theirs:
        problems.add(f"{path}.type", kind, f"the DataSource {name} is of type {theirs}")
    return kind or theirs


def _foreign(sources: list[_Source | None], path: str, problems: Problems) -> str:
    """Types of the sources that are not ours; a mixture with ours is a fault."""
    types = {one.type for one in sources if one is not None}
    others = ", ".join(sorted(types - {SOURCE_TYPE}))
    if others and SOURCE_TYPE in types:
        problems.add(path, others, f'cannot be counted together with the type "{SOURCE_TYPE}"')
        return ""
    return others


def _selector(source: _Source | None, extra: tuple[str, ...], problems: Problems) -> Selector:
    if source is None or source.ours is None:
        return _NOTHING
    return read_selector(source.ours, source.path, extra, problems)


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
