"""An SLO: one `Objective` for each of its objectives, or the full list of what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from slo.objective import Indicator, Objective, TimeSlices, Window, WrittenTier
from slo.openslo.alerting import Policy, inline_or_reference, read_policy
from slo.openslo.annotations import TIERS, read_annotations
from slo.openslo.durations import duration_text
from slo.openslo.generation import with_generation
from slo.openslo.indicator import Sli, Words, read_inline_sli, read_sli, with_words
from slo.openslo.metadata import LONGEST_TEXT, LONGEST_TITLE, Metadata, read_metadata, read_name
from slo.openslo.problems import Problems
from slo.openslo.scope import Scope
from slo.openslo.source import SourceObject
from slo.openslo.time_windows import METHODS, read_slices, read_window
from slo.openslo.written_tiers import refusals, tier_of_condition

MAX_OBJECTIVES = 50
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


@dataclass(frozen=True)
class ReadSlo:
    """What an SLO came to. `foreign`: who measures it where it is not counted here."""

    objectives: list[Objective] = field(default_factory=list)
    foreign: str = ""


@dataclass(frozen=True)
class _Line:
    """One item of `spec.objectives`, checked."""

    title: str
    target: Fraction
    slices: TimeSlices | None
    sli: Sli | None
    indicator: Indicator | None


def read_slo(source: SourceObject, scope: Scope) -> ReadSlo:
    """Read an SLO. What it holds is usable only where no fault was added."""
    problems, path = scope.problems, source.path
    before = len(problems.found)
    head = read_metadata(source.value.get("metadata"), f"{path}.metadata", problems, ours=True)
    ours = read_annotations(head.annotations, f"{path}.metadata.annotations", problems)
    spec, place = source.value.get("spec"), f"{path}.spec"
    if spec is None:
        return ReadSlo()
    needed = ("service", "budgetingMethod", "objectives")
    fields = problems.fields(spec, place, _SPEC_FIELDS, needed)
    text = problems.text(fields.get("description"), f"{place}.description", longest=LONGEST_TEXT)
    common = {
        **ours,
        "service": _service(fields.get("service"), f"{place}.service", scope),
        "description": text,
    }
    method = problems.choice(fields.get("budgetingMethod"), f"{place}.budgetingMethod", METHODS)
    window = read_window(fields.get("timeWindow"), f"{place}.timeWindow", problems)
    lines = _lines(fields, method, place, scope)
    policies = _policies(fields.get("alertPolicies"), f"{place}.alertPolicies", scope)
    foreign = ", ".join(sorted({one.sli.foreign for one in lines if one.sli and one.sli.foreign}))
    if len(problems.found) > before or window is None:
        return ReadSlo()
    if any(one.sli is None for one in lines):
        return ReadSlo(foreign="an indicator that is not here")
    counted = [
        _objective(_name(head, index, lines), one, one.indicator, window, common)
        for index, one in enumerate(lines)
        if one.indicator is not None
    ]
    tiers = _tiers(policies, problems) if counted else []
    counted = [_with_tiers(one, tiers, source, problems) for one in counted]
    for one in counted:
        _check(one, source, problems)
    return ReadSlo(counted, foreign)


def _service(value: Any, path: str, scope: Scope) -> str:
    """A name; where the set says which services there are, it must be one of them."""
    name = read_name(value, path, scope.problems)
    if name and scope.closed and scope.has_kind("Service"):
        scope.resolve("Service", name, path)
    return name


def _lines(fields: Mapping[str, Any], method: str, path: str, scope: Scope) -> list[_Line]:
    problems = scope.problems
    value = fields.get("objectives")
    if value is None:
        return []
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_OBJECTIVES:
        reason = f"a list of 1 to {MAX_OBJECTIVES} objectives is wanted"
        problems.add(f"{path}.objectives", value or "", reason)
        return []
    shared = _indicator(fields, path, scope)
    composite = [one for one in value if isinstance(one, dict) and _has_indicator(one)]
    if shared is None and not composite and not _has_indicator(fields):
        reason = "exactly one of indicator and indicatorRef is wanted, here or at each objective"
        problems.add(path, "", reason)
    if composite and _has_indicator(fields):
        problems.add(path, "", "an indicator stands here and at an objective: one place is wanted")
    found = []
    for index, one in enumerate(value):
        place = f"{path}.objectives[{index}]"
        if not isinstance(one, dict):
            problems.add(place, one, "a mapping is wanted here")
            continue
        own = _own_indicator(one, place, scope) if composite else shared
        found.append(_line(one, method, place, own, problems))
    return found


def _has_indicator(fields: Mapping[str, Any]) -> bool:
    return fields.get("indicator") is not None or fields.get("indicatorRef") is not None


def _line(
    value: Mapping[str, Any], method: str, path: str, sli: Sli | None, problems: Problems
) -> _Line:
    fields = problems.fields(value, path, _OBJECTIVE_FIELDS)
    title = problems.text(fields.get("displayName"), f"{path}.displayName")
    weight = problems.number(fields.get("compositeWeight"), f"{path}.compositeWeight")
    if weight is not None and weight <= 0:
        problems.add(f"{path}.compositeWeight", fields["compositeWeight"], "must be above 0")
    if weight is not None and not _has_indicator(fields):
        reason = "has no meaning without an indicator of this objective"
        problems.add(f"{path}.compositeWeight", fields["compositeWeight"], reason)
    elif weight is not None:
        problems.note(f"{path}.compositeWeight: not used, each objective is counted by itself")
    slices = read_slices(fields, method, path, problems)
    words = Words(fields.get("op"), fields.get("value"), path)
    indicator = with_words(sli, words, problems) if sli else None
    return _Line(title, _target(fields, path, problems), slices, sli, indicator)


def _own_indicator(fields: Mapping[str, Any], path: str, scope: Scope) -> Sli | None:
    if not _has_indicator(fields):
        reason = "another objective has an indicator of its own, so this one needs one too"
        scope.problems.add(path, "", reason)
        return None
    return _indicator(fields, path, scope)


def _indicator(fields: Mapping[str, Any], path: str, scope: Scope) -> Sli | None:
    """The indicator here, or the one pointed at; None where there is none, or with faults."""
    inline, reference = fields.get("indicator"), fields.get("indicatorRef")
    if inline is not None and reference is not None:
        scope.problems.add(path, "", "exactly one of indicator and indicatorRef is wanted")
        return None
    if inline is not None:
        return read_inline_sli(inline, f"{path}.indicator", scope)
    if reference is None:
        return None
    name = read_name(reference, f"{path}.indicatorRef", scope.problems)
    found = scope.resolve("SLI", name, f"{path}.indicatorRef")
    if found is None:
        return None
    # Its faults are told where it stands itself.
    quiet = replace(scope, problems=Problems())
    return read_sli(found.value.get("spec"), f"{found.path}.spec", quiet)


def _target(fields: Mapping[str, Any], path: str, problems: Problems) -> Fraction:
    given = [name for name in ("target", "targetPercent") if fields.get(name) is not None]
    if len(given) != 1:
        problems.add(path, "", "exactly one of target and targetPercent is wanted")
        return Fraction(0)
    name = given[0]
    scale = 1 if name == "target" else 100
    value = problems.number(fields[name], f"{path}.{name}")
    if value is None:
        return Fraction(0)
    target = value / scale
    if not 0 <= target < 1:
        reason = f"must be at least 0 and below {scale}"
        if target == 1:
            reason += ": a promise of 100 % leaves no budget, so the first failure breaks it"
        problems.add(f"{path}.{name}", fields[name], reason)
        return Fraction(0)
    return target


def _policies(value: Any, path: str, scope: Scope) -> list[Policy]:
    """The checked alert policies, inline or pointed at."""
    if value is None:
        return []
    if not isinstance(value, list):
        scope.problems.add(path, value, "a list of alert policies is wanted")
        return []
    found = [_policy(one, f"{path}[{index}]", scope) for index, one in enumerate(value)]
    return [one for one in found if one is not None]


def _tiers(policies: list[Policy], problems: Problems) -> list[tuple[str, WrittenTier]]:
    """The tiers that alert policies mean, each with the place of its condition."""
    found = []
    for policy in policies:
        if policy.condition is None:
            continue
        if not policy.when_breaching:
            problems.note(f"{policy.path}: says nothing when breaching, so it makes no tier")
            continue
        try:
            found.append((policy.condition.path, tier_of_condition(policy.condition)))
        except ValueError as error:
            problems.add(policy.condition.path, "", str(error))
    return found


def _policy(value: Any, path: str, scope: Scope) -> Policy | None:
    problems = scope.problems
    inline, name = inline_or_reference(value, path, "alertPolicyRef", "AlertPolicy", problems)
    if inline is not None:
        read_metadata(inline.get("metadata"), f"{path}.metadata", problems)
        return read_policy(inline.get("spec"), f"{path}.spec", scope)
    found = scope.resolve("AlertPolicy", name, f"{path}.alertPolicyRef")
    if found is None:
        return None
    quiet = replace(scope, problems=Problems())
    return read_policy(found.value.get("spec"), f"{found.path}.spec", quiet)


def _name(head: Metadata, index: int, lines: list[_Line]) -> tuple[str, str]:
    """Id and title: those of the SLO; each of several objectives adds its title or number."""
    title = head.title or head.name
    if len(lines) == 1:
        return head.name, title
    names = [_slug(one.title) for one in lines]
    own = names[index] if names[index] and names.count(names[index]) == 1 else str(index + 1)
    title = f"{title}: {lines[index].title or index + 1}"
    return f"{head.name}-{own}", (
        title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"
    )


def _objective(
    name: tuple[str, str],
    line: _Line,
    indicator: Indicator,
    window: Window,
    common: Mapping[str, Any],
) -> Objective:
    return with_generation(
        Objective(
            id=name[0],
            display_name=name[1],
            target=line.target,
            indicator=indicator,
            window=window,
            slices=line.slices,
            **common,
        )
    )


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _with_tiers(
    objective: Objective,
    tiers: list[tuple[str, WrittenTier]],
    source: SourceObject,
    problems: Problems,
) -> Objective:
    """The objective with the policies' tiers behind the written ones; all must be able to fire."""
    names = [one.name for one in objective.tiers]
    for path, tier in tiers:
        if tier.name in names:
            reason = f"a tier {tier.name} is there already"
            problems.add(path, "", reason)
        names.append(tier.name)
        for reason in refusals(replace(objective, tiers=(tier,))):
            problems.add(path, "", f"for {objective.id}: {reason}")
    for reason in refusals(objective):
        problems.add(f"{source.path}.metadata.annotations['{TIERS}']", "", reason)
    return replace(objective, tiers=(*objective.tiers, *(tier for _, tier in tiers)))


def _check(objective: Objective, source: SourceObject, problems: Problems) -> None:
    """What only the whole shows."""
    if objective.slices and objective.slices.length_us > objective.window.length_us:
        reason = f"longer than the window of {duration_text(objective.window.length_us)}"
        length = duration_text(objective.slices.length_us)
        problems.add(f"{source.path}.spec.objectives[*].timeSliceWindow", length, reason)
    if len(objective.id) > LONGEST_TITLE:
        reason = "longer than 63 characters: shorten the displayName of the objective"
        problems.add(f"{source.path}.spec.objectives[*].displayName", objective.id, reason)
