"""Labels of an incident, for matching runbooks: what the alerts say plus what the counts blame."""

from __future__ import annotations

from triage.evidence.breakdown import Breakdown
from triage.evidence.evidence import IncidentContext, Verdict
from triage.evidence.units import OUTCOME_FIELDS

_DIMENSIONS = ("provider", "region", "country", "method", "channel", "release")
LEAST_SHARE = 0.2
# Of values nearly as common as the first, the first by name is taken: labels must not flicker.
CONTENDER = 0.6
MAX_VALUE = 120


def labels_of(
    context: IncidentContext, breakdown: Breakdown | None, verdict: Verdict
) -> dict[str, str]:
    """Alert labels, then the burning segment, then what the breakdown found (which wins)."""
    labels = {name: value[:MAX_VALUE] for name, value in context.labels.items()}
    if context.service:
        labels["service"] = context.service
    if context.objective_ids:
        labels["objective"] = context.objective_ids[0]
    labels |= common_segment(context)
    if breakdown is not None:
        labels |= _blamed(breakdown)
        labels |= _modes(breakdown)
    labels["verdict"] = str(verdict)
    return labels


def common_segment(context: IncidentContext) -> dict[str, str]:
    """The values that all burning segments share."""
    if not context.segments:
        return {}
    first, *others = context.segments
    return {
        name: value
        for name, value in first.items()
        if value and all(other.get(name) == value for other in others)
    }


def _blamed(breakdown: Breakdown) -> dict[str, str]:
    if breakdown.blamed is None:
        return {}
    found = {name: value[:MAX_VALUE] for name, value in breakdown.blamed.parts}
    # A slice known by an attribute of somebody's own may be the same units as a provider's.
    for name, value in breakdown.also:
        if name in _DIMENSIONS:
            found.setdefault(name, value[:MAX_VALUE])
    return found


def _modes(breakdown: Breakdown) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in OUTCOME_FIELDS:
        modes = [mode for mode in breakdown.modes if mode.field == name]
        top = max((mode.share for mode in modes), default=0.0)
        near = [mode.value for mode in modes if mode.share >= CONTENDER * top]
        if top >= LEAST_SHARE:
            found[name] = min(near)[:MAX_VALUE]
    return found
