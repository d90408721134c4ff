"""Which runbooks fit an incident's labels, how well, and with which parameters. Pure.

Labels come from telemetry and alerts, so they are hostile: a label's value becomes a parameter
only through the step's own closed list or pattern.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from runbooks.runbook import MatchRule, Param, Runbook, Step

Params = dict[str, str | int]
_MAX_LABEL = 200


class Match(NamedTuple):
    """A step that fits, ready to be proposed. `why` is a sentence made by code."""

    runbook: Runbook
    step: Step
    params: Params
    why: str


class Score(NamedTuple):
    """How well one runbook fits; None of it where a required rule failed."""

    weight: int
    matched: list[MatchRule]
    missed: list[MatchRule]


class Unresolved(Exception):
    """A parameter has no single allowed value for these labels."""


def score(runbook: Runbook, labels: Mapping[str, str]) -> Score | None:
    """Sum of the weights of the rules that match; None = does not fit.

    It fits where every required rule matches and the sum reaches the runbook's `min_weight`.
    """
    matched = [rule for rule in runbook.match if _matches(rule, labels)]
    missed = [rule for rule in runbook.match if rule not in matched]
    weight = sum(rule.weight for rule in matched)
    if not matched or any(rule.required for rule in missed) or weight < runbook.min_weight:
        return None
    return Score(weight, matched, missed)


def rank(runbooks: Iterable[Runbook], labels: Mapping[str, str]) -> list[Match]:
    """All fitting steps: best runbook first, in it the step it proposes, then by their order.

    Steps whose parameters cannot be told from the labels are left out. Equal weights are ordered
    by id, so that the same labels give the same answer on every machine.
    """
    fitting = []
    for runbook in runbooks:
        found = score(runbook, labels)
        if found is not None:
            fitting.append((-found.weight, runbook.id, runbook, found))
    matches = []
    for _, _, runbook, found in sorted(fitting, key=lambda item: item[:2]):
        steps = sorted(runbook.steps, key=lambda step: step.id != runbook.propose)
        for step in steps:
            try:
                params = resolve(step, labels)
            except Unresolved:
                continue
            matches.append(Match(runbook, step, params, _why(found, labels)))
    return matches


def resolve(step: Step, labels: Mapping[str, str]) -> Params:
    """The step's parameters for these labels. Raises Unresolved with the reason."""
    return {param.name: _value(param, labels) for param in step.params}


def _matches(rule: MatchRule, labels: Mapping[str, str]) -> bool:
    value = labels.get(rule.label, "")
    return bool(value) and any(
        fnmatch.fnmatchcase(value.lower(), glob.lower()) for glob in rule.values
    )


def _value(param: Param, labels: Mapping[str, str]) -> str | int:
    if param.type != "choice":
        if param.default is None:
            raise Unresolved(f"{param.name} has no default")
        return param.default
    candidates = list(param.choices) or _from_labels(param, labels)
    if param.not_label:
        excluded = labels.get(param.not_label, "")
        if not excluded:
            raise Unresolved(f"{param.name} needs the label {param.not_label}")
        candidates = [value for value in candidates if value != excluded]
    if param.default in candidates and isinstance(param.default, str):
        return param.default
    if len(candidates) != 1:
        listed = ", ".join(candidates) or "none"
        raise Unresolved(f"{param.name} has no single allowed value (allowed: {listed})")
    return candidates[0]


def _from_labels(param: Param, labels: Mapping[str, str]) -> list[str]:
    value = labels.get(param.choices_from, "")
    if not value:
        for label, table in param.lookup.items():
            value = table.get(labels.get(label, ""), "")
            if value:
                break
    if not value or len(value) > _MAX_LABEL or not re.fullmatch(param.pattern, value):
        return []
    return [value]


def _why(found: Score, labels: Mapping[str, str]) -> str:
    parts = [f"{rule.label} = {labels[rule.label][:80]} (+{rule.weight})" for rule in found.matched]
    return f"matches with weight {found.weight}: {', '.join(parts)}"
