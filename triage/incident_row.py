"""What an incident's row takes from its members, its state and its loss. Pure.

New lists each time: the row notices replaced values only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

from kernel.clock import MINUTE_US
from triage.identity import Delivery, Member
from triage.incident import (
    Impact,
    Incident,
    IncidentState,
    Severity,
    SeverityScale,
    Weight,
    impact_step,
    severity_and_why,
    weighed,
)
from triage.models import IncidentRow

_Value = TypeVar("_Value")
_MAX_LABELS = 64
_MAX_TITLE = 200
# A storm of alerts must not let one incident's row, or what is recorded of it, grow without end.
_MAX_OBJECTIVES = 50
_MAX_GROUPS = 200


def take_state(row: IncidentRow, after: Incident, now_us: int) -> None:
    """The machine's part into the row. What is over is no longer silenced; what opens again is
    new to everybody.
    """
    reopened = row.state == IncidentState.RESOLVED and after.state is not IncidentState.RESOLVED
    row.state, row.stale, row.resolution = after.state, after.stale, after.resolution
    row.acknowledged_us, row.resolved_us = after.acknowledged_us, after.resolved_us
    row.updated_us = now_us
    if after.state is IncidentState.RESOLVED:
        row.silenced_until_us = None
    else:
        row.over_us = None
    if reopened:
        row.acknowledged_by = row.taken_by = row.handover_note = row.resolution_reason = ""


def absorb(row: IncidentRow, member: Member) -> None:
    """What a new member adds."""
    told = member.told
    row.onset_us = min(row.onset_us, member.onset_us)
    row.last_onset_us = max(row.last_onset_us, member.onset_us)
    row.service = row.service or told.service
    row.objective_ids = _with(row.objective_ids, told.objective_id, _MAX_OBJECTIVES)
    row.group_keys = _with(row.group_keys, told.group_key, _MAX_GROUPS)
    segment = dict(told.segment)
    row.segments = _with(row.segments, segment, _MAX_GROUPS)
    # Segments are kept apart: one alert's segment must not label the whole incident.
    labels = {name: text for name, text in told.labels.items() if name not in segment}
    merged = {**labels, **row.labels}
    row.labels = dict(sorted(merged.items())[:_MAX_LABELS])


def _with(known: list[_Value], value: _Value, limit: int) -> list[_Value]:
    """A new list with the value, where it says something new and there is room."""
    if not value or value in known or len(known) >= limit:
        return known
    return [*known, value]


def refold(row: IncidentRow, members: Sequence[Member]) -> None:
    """What the incident is about, from these members alone (at least one); its title stays."""
    row.onset_us = row.last_onset_us = members[0].onset_us
    row.service, row.labels = "", {}
    row.objective_ids, row.group_keys, row.segments = [], [], []
    for one in members:
        absorb(row, one)


def absorb_incident(row: IncidentRow, other: IncidentRow) -> None:
    """What an incident that goes into `row` brings with it."""
    row.onset_us = min(row.onset_us, other.onset_us)
    row.last_onset_us = max(row.last_onset_us, other.last_onset_us)
    row.service = row.service or other.service
    for name in other.objective_ids:
        row.objective_ids = _with(row.objective_ids, name, _MAX_OBJECTIVES)
    for key in other.group_keys:
        row.group_keys = _with(row.group_keys, key, _MAX_GROUPS)
    for segment in other.segments:
        row.segments = _with(row.segments, segment, _MAX_GROUPS)
    row.labels = dict(sorted({**other.labels, **row.labels}.items())[:_MAX_LABELS])
    row.left_out = dict(list({**other.left_out, **row.left_out}.items())[:_MAX_GROUPS])


def take_left_out(row: IncidentRow, group_key: str, count: int) -> tuple[int, int]:
    """What the newest post of a group left out; returns the sums before and after."""
    before = sum(row.left_out.values())
    name = hashlib.sha256(group_key.encode()).hexdigest()[:16]
    others = {key: left for key, left in row.left_out.items() if key != name}
    if count and len(others) < _MAX_GROUPS:
        others[name] = count
    if others != row.left_out:
        row.left_out = others
    return before, sum(others.values())


def take_impact(row: IncidentRow, impact: Impact | None, scale: SeverityScale) -> Severity:
    """Take a new look at the loss into the row; returns the severity that stood before."""
    before = Severity(row.severity)
    found, row.severity_why = severity_and_why(impact, [row.labels.get("severity", "")], scale)
    row.impact_step = impact_step(impact, scale)
    standing = weighed(Weight(before, row.severity_by, row.severity_step), found, row.impact_step)
    row.severity, row.severity_weight = standing.severity, standing.severity.weight
    if not standing.by:
        row.severity_by = row.severity_reason = ""
    row.severity_step = standing.step
    if impact is not None:
        row.order_rate = round(impact.orders_at_risk, 2)
        row.money_rate = round(impact.money_at_risk.major, 2)
    return before


def first_impact(told: Delivery, now_us: int) -> Impact | None:
    """From the alert's own counts, until the account of the till is asked (with the brief)."""
    if not told.total:
        return None
    minutes = max(1.0, (now_us - told.onset_us) / MINUTE_US)
    return Impact(bad=told.bad, total=told.total, recent_bad=told.bad, minutes=minutes)


def one_line(text: str) -> str:
    """Text from outside, without control characters, bounded."""
    return "".join(char if char.isprintable() else " " for char in text).strip()[:_MAX_TITLE]
