"""From the text of a policy file to policies, or to the full list of what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeVar

from slo.openslo.problems import Problem, Problems, suggest
from slo.openslo.yaml_source import SourceFault, documents
from slo.policy.rules import (
    ACTION_TEXTS,
    Action,
    ChangeKind,
    Freeze,
    Policy,
    PostmortemRule,
    Step,
)

API_VERSION = "tillwatch/v1"
KIND = "BudgetPolicy"
MAX_RULES = 50
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_RULES = ("freeze", "postmortem", "step")
_LONGEST_REASON = 500
_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True)
class Known:
    """What a policy may name: services and ids of the objectives in force."""

    services: Collection[str]
    objectives: Collection[str]


@dataclass(frozen=True)
class PolicyReading:
    """What a file holds. `policies` are usable only where `problems` is empty."""

    policies: list[Policy] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass
class _Rules:
    freezes: list[Freeze] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    postmortems: list[PostmortemRule] = field(default_factory=list)


def read_policies(text: str, known: Known, origin: str = "") -> PolicyReading:
    """Read one file (one or more YAML documents). Never raises for content.

    `origin` (a file name) begins each path: `shop.yaml#0 $.spec.rules[1].freeze.exceptFor[0]`.
    """
    problems = Problems()
    try:
        found = documents(text)
    except SourceFault as fault:
        return PolicyReading(problems=[Problem(origin or "$", "", str(fault))])
    if not found:
        problems.add(origin or "$", "", "the file holds no object")
    policies = []
    for index, one in enumerate(found):
        path = f"{origin}#{index} $" if origin else "$"
        policy = _policy(one, path, known, problems)
        if policy is not None:
            policies.append(policy)
    return PolicyReading(policies, problems.found)


def _policy(value: Any, path: str, known: Known, problems: Problems) -> Policy | None:
    before = len(problems.found)
    needed = ("apiVersion", "kind", "metadata", "spec")
    fields = problems.fields(value, path, needed, needed)
    for name, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        if fields.get(name) not in (None, wanted):
            problems.add(f"{path}.{name}", fields[name], f'"{wanted}" is wanted')
    name, shown = _metadata(fields.get("metadata"), f"{path}.metadata", problems)
    spec_path = f"{path}.spec"
    spec: Mapping[str, Any] = {}
    if fields.get("spec") is not None:
        allowed = ("appliesTo", "rules", "noData")
        spec = problems.fields(fields["spec"], spec_path, allowed, ("rules",))
    services, objectives = _applies_to(spec, f"{spec_path}.appliesTo", known, problems)
    rules = _read_rules(spec.get("rules"), f"{spec_path}.rules", name, problems)
    reason = _no_data(spec, f"{spec_path}.noData", problems)
    if len(problems.found) > before:
        return None
    return Policy(
        name=name,
        display_name=shown or name,
        services=services,
        objectives=objectives,
        freezes=tuple(rules.freezes),
        steps=tuple(sorted(rules.steps, key=lambda one: one.at_budget_left)),
        postmortems=tuple(rules.postmortems),
        no_data_reason=reason,
    )


def _metadata(value: Any, path: str, problems: Problems) -> tuple[str, str]:
    if value is None:
        return "", ""
    fields = problems.fields(value, path, ("name", "displayName"), ("name",))
    name = problems.text(fields.get("name"), f"{path}.name")
    if name and not _NAME.match(name):
        reason = "lower case letters, digits and dashes are wanted (at most 63)"
        problems.add(f"{path}.name", name, reason)
    return name, problems.text(fields.get("displayName"), f"{path}.displayName")


def _applies_to(
    spec: Mapping[str, Any], path: str, known: Known, problems: Problems
) -> tuple[frozenset[str], frozenset[str]]:
    if "appliesTo" not in spec:
        return frozenset(), frozenset()
    fields = problems.fields(spec["appliesTo"], path, ("services", "objectives"))
    if not fields:
        problems.add(path, "", "name services or objectives, or leave appliesTo out: it means all")
    services = _names(fields, "services", path, known.services, problems)
    objectives = _names(fields, "objectives", path, known.objectives, problems)
    return services, objectives


def _names(
    fields: Mapping[str, Any], name: str, path: str, known: Collection[str], problems: Problems
) -> frozenset[str]:
    """Names that exist: a misspelt one would silently take a service out of the policy."""
    if name not in fields:
        return frozenset()
    place = f"{path}.{name}"
    listed = _listed(fields[name], place, problems)
    if isinstance(fields[name], list) and not listed:
        problems.add(place, "", "an empty list covers nothing; leave the field out to cover all")
    for index, one in enumerate(listed):
        if not isinstance(one, str) or one not in known:
            reason = f"no objective in force has it{suggest(str(one), known)}"
            problems.add(f"{place}[{index}]", one, reason)
    return frozenset(str(one) for one in listed)


def _read_rules(value: Any, path: str, policy: str, problems: Problems) -> _Rules:
    found = _Rules()
    if value is None:
        return found
    listed = _listed(value, path, problems)
    if isinstance(value, list) and not listed:
        problems.add(path, "", "a policy without a rule decides nothing")
    if len(listed) > MAX_RULES:
        problems.add(path, f"{len(listed)} rules", f"at most {MAX_RULES} are read")
    for index, one in enumerate(listed[:MAX_RULES]):
        place = f"{path}[{index}]"
        fields = problems.fields(one, place, _RULES)
        if isinstance(one, dict) and len(one) != 1:
            problems.add(place, "", f"exactly one of {', '.join(_RULES)} is wanted")
        for kind in _RULES:
            if kind in fields:
                _read_rule(found, kind, fields[kind], f"{place}.{kind}", problems, policy)
    _same_threshold_twice(found.steps, path, problems)
    return found


def _read_rule(
    found: _Rules, kind: str, value: Any, path: str, problems: Problems, policy: str
) -> None:
    number = len(found.freezes) + len(found.steps) + len(found.postmortems)
    rule_id = f"{policy}/{kind}-{number}"
    if kind == "freeze":
        fields = problems.fields(value, path, ("atBudgetLeft", "exceptFor"))
        share = _share(fields, "atBudgetLeft", path, problems, default=Fraction(0))
        found.freezes.append(Freeze(rule_id, share, _excepted(fields, path, problems)))
    elif kind == "step":
        allowed = ("atBudgetLeft", "action", "say")
        fields = problems.fields(value, path, allowed, ("atBudgetLeft", "action"))
        share = _share(fields, "atBudgetLeft", path, problems, default=Fraction(0))
        action = _word(fields.get("action"), f"{path}.action", Action, problems) or Action.NOTIFY
        say = problems.text(fields.get("say"), f"{path}.say", longest=_LONGEST_REASON)
        found.steps.append(Step(rule_id, share, action, say or ACTION_TEXTS[action]))
    else:
        allowed = ("incidentSpends", "refuseUntilDone", "exceptFor")
        fields = problems.fields(value, path, allowed)
        spends = _share(fields, "incidentSpends", path, problems, default=Fraction(1, 5))
        if spends <= 0:
            problems.add(
                f"{path}.incidentSpends", fields["incidentSpends"], "more than 0 is wanted"
            )
        refuse = _flag(fields, "refuseUntilDone", path, problems)
        excepted = _excepted(fields, path, problems)
        found.postmortems.append(PostmortemRule(rule_id, spends, refuse, excepted))


def _same_threshold_twice(steps: Iterable[Step], path: str, problems: Problems) -> None:
    seen: set[tuple[Fraction, Action]] = set()
    for one in steps:
        if (one.at_budget_left, one.action) in seen:
            reason = "the same step stands twice"
            problems.add(path, f"{one.action} at {float(one.at_budget_left)}", reason)
        seen.add((one.at_budget_left, one.action))


def _share(
    fields: Mapping[str, Any], name: str, path: str, problems: Problems, *, default: Fraction
) -> Fraction:
    """An exact share from -1 to 1 (25 % is 0.25)."""
    value = fields.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        problems.add(f"{path}.{name}", value, "a number is wanted, as a share: 25 % is 0.25")
        return default
    share = Fraction(value)
    if not -1 <= share < 1:
        hint = f"; did you mean {float(share / 100):g}?" if 1 <= share <= 100 else ""
        problems.add(f"{path}.{name}", value, f"a share from -1 to below 1 is wanted{hint}")
        return default
    return share


def _excepted(fields: Mapping[str, Any], path: str, problems: Problems) -> frozenset[ChangeKind]:
    place = f"{path}.exceptFor"
    listed = _listed(fields.get("exceptFor", []), place, problems)
    words = [
        _word(one, f"{place}[{index}]", ChangeKind, problems) for index, one in enumerate(listed)
    ]
    return frozenset(one for one in words if one is not None)


def _word(value: Any, path: str, words: type[_Word], problems: Problems) -> _Word | None:
    if value is None:
        return None
    known = [one.value for one in words]
    if value in known:
        return words(value)
    problems.add(path, value, f"unknown word{suggest(str(value), known)}")
    return None


def _flag(fields: Mapping[str, Any], name: str, path: str, problems: Problems) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        problems.add(f"{path}.{name}", value, "true or false is wanted")
        return False
    return value


def _listed(value: Any, path: str, problems: Problems) -> list[Any]:
    if isinstance(value, list):
        return value
    problems.add(path, value, "a list is wanted here")
    return []


def _no_data(spec: Mapping[str, Any], path: str, problems: Problems) -> str:
    """The reason for letting changes pass without data; "" where they are refused."""
    if "noData" not in spec:
        return ""
    fields = problems.fields(spec["noData"], path, ("pass", "reason"), ("pass",))
    passes = _flag(fields, "pass", path, problems)
    reason = problems.text(fields.get("reason"), f"{path}.reason", longest=_LONGEST_REASON).strip()
    if passes and not reason:
        problems.add(f"{path}.reason", "", "passing without data needs a written reason")
    return reason if passes else ""
