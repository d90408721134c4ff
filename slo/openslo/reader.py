"""From the text of an OpenSLO file to objectives, or to the full list of what is wrong with it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from kernel.clock import MINUTE_US
from slo.objective import Indicator, Objective, Selector, Window
from slo.openslo.annotations import read_annotations
from slo.openslo.durations import duration_us
from slo.openslo.indicator import ThresholdWords, read_indicator
from slo.openslo.problems import Problem, Problems, suggest
from slo.openslo.yaml_source import SourceFault, documents

API_VERSION = "openslo/v1"
OTHER_KINDS = frozenset(
    {
        "Service",
        "SLI",
        "DataSource",
        "AlertPolicy",
        "AlertCondition",
        "AlertNotificationTarget",
    }
)
MAX_WINDOW_US = 400 * 24 * 60 * MINUTE_US
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_SPEC_FIELDS = (
    "description",
    "service",
    "indicator",
    "indicatorRef",
    "timeWindow",
    "budgetingMethod",
    "objectives",
    "alertPolicies",
)
_OBJECTIVE_FIELDS = (
    "displayName",
    "op",
    "value",
    "target",
    "targetPercent",
    "timeSliceTarget",
    "timeSliceWindow",
    "indicator",
    "indicatorRef",
    "compositeWeight",
)
_LATER = ("timeSliceTarget", "timeSliceWindow", "indicator", "indicatorRef", "compositeWeight")


@dataclass(frozen=True)
class Reading:
    """What a file holds. `objectives` are usable only where `problems` is empty."""

    objectives: list[Objective] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_openslo(text: str, origin: str = "") -> Reading:
    """Read one file (one or more YAML documents, or a list of objects). Never raises for content.

    `origin` (a file name) begins each path: `payment.yaml#0 $.spec.service`.
    """
    problems = Problems()
    try:
        found = documents(text)
    except SourceFault as fault:
        return Reading(problems=[Problem(origin or "$", "", str(fault))])
    objects = [
        one
        for document in found
        for one in (document if isinstance(document, list) else [document])
    ]
    if not objects:
        problems.add(origin or "$", "", "the file holds no object")
    objectives = []
    for index, one in enumerate(objects):
        prefix = f"{origin}#{index} $" if origin else f"#{index} $" if len(objects) > 1 else "$"
        objective = _read_object(one, prefix, problems)
        if objective is not None:
            objectives.append(objective)
    return Reading(objectives, problems.found, problems.notes)


def _read_object(value: Any, path: str, problems: Problems) -> Objective | None:
    if not isinstance(value, dict):
        problems.add(path, value, "an OpenSLO object (a mapping) is wanted")
        return None
    version, kind = value.get("apiVersion"), value.get("kind")
    if version != API_VERSION:
        problems.add(f"{path}.apiVersion", version or "", f'"{API_VERSION}" is wanted')
    if isinstance(kind, str) and kind in OTHER_KINDS:
        problems.note(f"{path}: kind {kind} is accepted and not used")
        return None
    if kind != "SLO":
        hint = suggest(str(kind), {*OTHER_KINDS, "SLO"}) if kind else ""
        problems.add(f"{path}.kind", kind or "", f'"SLO" is wanted{hint}')
        return None
    before = len(problems.found)
    needed = ("apiVersion", "kind", "metadata", "spec")
    problems.fields(value, path, needed, needed)
    head = _metadata(value.get("metadata"), f"{path}.metadata", problems)
    body = _spec(value.get("spec"), f"{path}.spec", problems)
    if len(problems.found) > before or body is None:
        return None
    objective = Objective(**{**head, **body})
    return _with_generation(objective)


def _metadata(value: Any, path: str, problems: Problems) -> dict[str, Any]:
    if value is None:
        return {}
    fields = problems.fields(
        value, path, ("name", "displayName", "labels", "annotations"), ("name",)
    )
    name = problems.text(fields.get("name"), f"{path}.name")
    if name and not _LABEL.match(name):
        problems.add(
            f"{path}.name", name, "lower case letters, digits and dashes are wanted (at most 63)"
        )
    if "labels" in fields:
        problems.mapping(fields["labels"], f"{path}.labels")
    shown = problems.text(fields.get("displayName"), f"{path}.displayName") or name
    ours = read_annotations(fields.get("annotations"), f"{path}.annotations", problems)
    return {"id": name, "display_name": shown, **ours}


def _spec(value: Any, path: str, problems: Problems) -> dict[str, Any] | None:
    if value is None:
        return None
    fields = problems.fields(
        value, path, _SPEC_FIELDS, ("service", "timeWindow", "budgetingMethod", "objectives")
    )
    if fields.get("alertPolicies"):
        problems.note(f"{path}.alertPolicies: not used, the burn tiers are built in")
    service = problems.text(fields.get("service"), f"{path}.service", longest=63)
    if service and not _LABEL.match(service):
        problems.add(f"{path}.service", service, "lower case letters, digits and dashes are wanted")
    _budgeting(fields.get("budgetingMethod"), f"{path}.budgetingMethod", problems)
    window = _window(fields.get("timeWindow"), f"{path}.timeWindow", problems)
    target, words = _objective(fields.get("objectives"), f"{path}.objectives", problems)
    indicator = _indicator(fields, path, words, problems)
    return {
        "service": service,
        "description": problems.text(
            fields.get("description"), f"{path}.description", longest=1050
        ),
        "target": target,
        "window": window,
        "indicator": indicator,
    }


def _indicator(
    fields: Mapping[str, Any], path: str, words: ThresholdWords, problems: Problems
) -> Indicator | None:
    if fields.get("indicatorRef") is not None:
        problems.add(
            f"{path}.indicatorRef", fields["indicatorRef"], "not supported yet: write `indicator`"
        )
        return None
    if fields.get("indicator") is None:
        problems.add(f"{path}.indicator", "", "this field is missing")
        return None
    return read_indicator(fields["indicator"], f"{path}.indicator", words, problems)


def _budgeting(value: Any, path: str, problems: Problems) -> None:
    known = ("Occurrences", "Timeslices", "RatioTimeslices")
    if value in known[1:]:
        problems.add(path, value, "not supported yet; Occurrences counts every attempt alike")
    elif value is not None and value != known[0]:
        problems.add(path, value, f"unknown method{suggest(str(value), known)}")


def _window(value: Any, path: str, problems: Problems) -> Window:
    if value is None:
        return Window()
    if not isinstance(value, list) or len(value) != 1:
        problems.add(path, value, "a list with exactly one window is wanted")
        return Window()
    place = f"{path}[0]"
    fields = problems.fields(value[0], place, ("duration", "isRolling", "calendar"), ("duration",))
    if "calendar" in fields or fields.get("isRolling") is False:
        problems.add(place, "", "calendar windows are not supported yet; use isRolling: true")
    elif fields.get("isRolling") is not True:
        problems.add(f"{place}.isRolling", fields.get("isRolling", ""), "true is wanted")
    if fields.get("duration") is None:
        return Window()
    try:
        length_us = duration_us(fields["duration"])
    except ValueError as error:
        problems.add(f"{place}.duration", fields["duration"], str(error))
        return Window()
    if length_us > MAX_WINDOW_US:
        problems.add(f"{place}.duration", fields["duration"], "at most 400 days are kept")
    return Window(length_us)


def _objective(value: Any, path: str, problems: Problems) -> tuple[Fraction, ThresholdWords]:
    place = f"{path}[0]"
    nothing = ThresholdWords(None, None, place)
    if value is None:
        return Fraction(0), nothing
    if not isinstance(value, list) or not value:
        problems.add(path, value, "a list with one objective is wanted")
        return Fraction(0), nothing
    if len(value) > 1:
        problems.add(
            path, f"{len(value)} objectives", "more than one is not supported yet: one file each"
        )
    fields = problems.fields(value[0], place, _OBJECTIVE_FIELDS)
    for name in _LATER:
        if name in fields:
            problems.add(f"{place}.{name}", fields[name], "not supported yet")
    problems.text(fields.get("displayName"), f"{place}.displayName")
    words = ThresholdWords(fields.get("op"), fields.get("value"), place)
    return _target(fields, place, problems), words


def _target(fields: Mapping[str, Any], place: str, problems: Problems) -> Fraction:
    given = [name for name in ("target", "targetPercent") if fields.get(name) is not None]
    if len(given) != 1:
        problems.add(place, "", "exactly one of target and targetPercent is wanted")
        return Fraction(0)
    name = given[0]
    value, scale = fields[name], 1 if name == "target" else 100
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        problems.add(f"{place}.{name}", value, "a number is wanted")
        return Fraction(0)
    target = Fraction(value) / scale
    if not 0 <= target < 1:
        reason = f"must be at least 0 and below {scale}"
        if target == 1:
            reason += ": a promise of 100 % leaves no budget, so the first failure breaks it"
        problems.add(f"{place}.{name}", value, reason)
        return Fraction(0)
    return target


def _with_generation(objective: Objective) -> Objective:
    """`generation` = short hash of the counting rule; editing the target keeps it."""
    rule = {
        "unit": objective.indicator.unit_kind.value,
        "total": _selector_rule(objective.indicator.total),
        "good": _selector_rule(objective.indicator.good),
        "bad": _selector_rule(objective.indicator.bad),
        "threshold": _threshold_rule(objective.indicator),
        "segments": list(objective.segments),
        "deadlines": sorted((key, limit) for key, limit in objective.deadlines_s.items()),
    }
    text = json.dumps(rule, sort_keys=True, separators=(",", ":"))
    return replace(objective, generation=hashlib.sha256(text.encode()).hexdigest()[:12])


def _selector_rule(selector: Selector | None) -> Any:
    if selector is None:
        return None
    return [
        sorted(selector.events),
        {name: sorted(values) for name, values in selector.where.items()},
        {name: sorted(values) for name, values in selector.exclude_where.items()},
    ]


def _threshold_rule(indicator: Indicator) -> Any:
    found = indicator.threshold
    return None if found is None else [found.field, found.op, repr(found.limit)]
