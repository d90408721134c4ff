"""AlertPolicy and AlertCondition, of their own or inline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from slo.openslo.durations import duration_us
from slo.openslo.metadata import LONGEST_TEXT, read_metadata, read_name
from slo.openslo.plain_kinds import read_notification_target
from slo.openslo.problems import Problems
from slo.openslo.scope import Scope

OPERATORS = ("lte", "lt", "gte", "gt")
_SWITCHES = ("alertWhenBreaching", "alertWhenResolved", "alertWhenNoData")


@dataclass(frozen=True)
class Condition:
    """A burn condition as written. `after_us` 0: nothing said; `path` is that of the condition."""

    name: str
    severity: str
    op: str
    threshold: Fraction
    lookback_us: int
    after_us: int
    path: str


@dataclass(frozen=True)
class Policy:
    """An alert policy: its one condition (None: it leads out of the set) and when it speaks."""

    condition: Condition | None
    when_breaching: bool
    path: str


def read_policy(value: Any, path: str, scope: Scope) -> Policy | None:
    """`spec` of an AlertPolicy; None where faults were found."""
    problems = scope.problems
    if value is None:
        return None
    before = len(problems.found)
    allowed = ("description", *_SWITCHES, "conditions", "notificationTargets")
    fields = problems.fields(value, path, allowed)
    problems.text(fields.get("description"), f"{path}.description", longest=LONGEST_TEXT)
    says = {name: problems.switch(fields.get(name), f"{path}.{name}") for name in _SWITCHES}
    found = fields.get("conditions")
    condition = None
    if not isinstance(found, list) or len(found) != 1:
        problems.add(f"{path}.conditions", found or "", "a list with exactly one is wanted")
    else:
        condition = _condition(found[0], f"{path}.conditions[0]", scope)
    _targets(fields.get("notificationTargets"), f"{path}.notificationTargets", scope)
    if len(problems.found) > before:
        return None
    return Policy(condition, says["alertWhenBreaching"], path)


def read_condition(value: Any, path: str, name: str, problems: Problems) -> Condition | None:
    """`spec` of an AlertCondition; None where faults were found."""
    if value is None:
        return None
    before = len(problems.found)
    needed = ("severity", "condition")
    fields = problems.fields(value, path, ("description", *needed), needed)
    problems.text(fields.get("description"), f"{path}.description", longest=LONGEST_TEXT)
    severity = problems.text(fields.get("severity"), f"{path}.severity")
    if fields.get("condition") is None:
        return None
    place = f"{path}.condition"
    wanted = ("kind", "op", "threshold", "lookbackWindow")
    rule = problems.fields(fields["condition"], place, (*wanted, "alertAfter"), wanted)
    problems.choice(rule.get("kind"), f"{place}.kind", ("burnrate",))
    op = problems.choice(rule.get("op"), f"{place}.op", OPERATORS)
    threshold = problems.number(rule.get("threshold"), f"{place}.threshold")
    lookback_us = _length(rule.get("lookbackWindow"), f"{place}.lookbackWindow", problems)
    after_us = _length(rule.get("alertAfter"), f"{place}.alertAfter", problems)
    if len(problems.found) > before or threshold is None:
        return None
    return Condition(name, severity, op, threshold, lookback_us, after_us, place)


def inline_or_reference(
    value: Any, path: str, reference: str, kind: str, problems: Problems
) -> tuple[Mapping[str, Any] | None, str]:
    """One of a list's items: (its own object, "") or (None, the name it points at)."""
    fields = problems.fields(value, path, (reference, "kind", "metadata", "spec"))
    if (reference in fields) == ("spec" in fields):
        problems.add(path, "", f"exactly one of {reference} and spec (inline) is wanted")
        return None, ""
    if reference in fields:
        for stray in ("kind", "metadata"):
            if stray in fields:
                problems.add(f"{path}.{stray}", "", f"has no meaning beside {reference}")
        name = fields[reference]
        if name is None:
            problems.add(f"{path}.{reference}", "", "this field is missing")
        return None, read_name(name, f"{path}.{reference}", problems)
    for needed in ("kind", "metadata", "spec"):
        if fields.get(needed) is None:
            problems.add(f"{path}.{needed}", "", "this field is missing")
    problems.choice(fields.get("kind"), f"{path}.kind", (kind,))
    return fields, ""


def _condition(value: Any, path: str, scope: Scope) -> Condition | None:
    problems = scope.problems
    inline, name = inline_or_reference(value, path, "conditionRef", "AlertCondition", problems)
    if inline is not None:
        head = read_metadata(inline.get("metadata"), f"{path}.metadata", problems)
        return read_condition(inline.get("spec"), f"{path}.spec", head.name, problems)
    found = scope.resolve("AlertCondition", name, f"{path}.conditionRef")
    if found is None:
        return None
    # Its faults are told where it stands itself.
    return read_condition(found.value.get("spec"), f"{found.path}.spec", name, Problems())


def _targets(value: Any, path: str, scope: Scope) -> None:
    problems = scope.problems
    if not isinstance(value, list) or not value:
        problems.add(path, value or "", "a list with at least one is wanted")
        return
    for index, one in enumerate(value):
        place = f"{path}[{index}]"
        inline, name = inline_or_reference(
            one, place, "targetRef", "AlertNotificationTarget", problems
        )
        if inline is None:
            scope.resolve("AlertNotificationTarget", name, f"{place}.targetRef")
        else:
            read_metadata(inline.get("metadata"), f"{place}.metadata", problems)
            read_notification_target(inline.get("spec"), f"{place}.spec", problems)


def _length(value: Any, path: str, problems: Problems) -> int:
    if value is None:
        return 0
    try:
        return duration_us(value)
    except ValueError as error:
        problems.add(path, value, str(error))
        return 0
