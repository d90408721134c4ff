"""Records of the audit log in the words of an incident's timeline. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from audit.schemas import RecordOut
from triage.after.times import Happened
from triage.schemas import TimelineOut

_WHAT = {
    "incident.opened": "Incident opened",
    "incident.joined": "An alert joined ({source}: {joined_by})",
    "incident.acknowledged": "Acknowledged",
    "incident.resolved": "Resolved: every alert is over and no objective burns",
    "incident.reopened": "Reopened: an alert fires again",
    "incident.closed": "Closed by a person",
    "incident.stale": "Nobody has confirmed the alerts for hours: does it still burn?",
    "incident.left_out": "{count} more alerts were left out by their sender",
    "incident.severity": "Severity {severity}, was {from_severity}",
    "incident.silenced": "Notifications silenced until {until}",
    "incident.silence_ended": "Notifications go out again: {reason}",
    "incident.not_an_incident": "Judged not to be an incident",
    "incident.taken_over": "Taken over",
    "incident.handed_over": "Handed over",
    "incident.split": "{members} alerts split off into {other_incident}",
    "incident.split_off": "Incident opened by splitting {other_incident}",
    "incident.merged": "Went into {other_incident} with {members} alerts",
    "incident.merged_in": "{other_incident} went into it with {members} alerts",
    "incident.brief": "Brief {count} written by {brief_source}",
    "incident.feedback": "Brief {version} was called {verdict}",
    "ai.request": "The model was asked",
    "ai.suggestion": "The model's brief was taken",
    "ai.query": "The model asked for more evidence ({queries} queries)",
    "ai.rejected": "The model's answer was not taken: {reason}",
    "approval.requested": "Approval requested: {runbook} / {step}",
    "approval.decision": "Decision: {decision}",
    "approval.expired": "The approval expired: nothing was done",
    "approval.cancelled": "The approval was ended: {reason}",
    "approval.held": "A step was found and not proposed: {reason}",
    "approval.revoked": "An approval was taken back",
    "approval.escalated": "Nobody has decided yet: the next are asked ({rung})",
    "authz.denied": "Somebody was refused",
    "action.intent": "Action about to run: {step}",
    "action.result": "Action finished: {result}",
    "action.blocked": "Action blocked: {reason}",
    "recovery.checked": "Recovery checked: {state}",
}


class _Known(dict[str, object]):
    """Leaves out what a record does not say."""

    def __missing__(self, key: str) -> str:
        return "-"


def happened(records: Iterable[RecordOut]) -> list[Happened]:
    """The records as far as times are concerned."""
    return [Happened(one.type, one.at, str(one.data.get("approval_id", ""))) for one in records]


def timeline_line(record: RecordOut) -> TimelineOut:
    """One line."""
    words = _WHAT.get(record.type, record.type)
    if record.type == "incident.joined" and record.data.get("members", 1) != 1:
        words = "{members} alerts joined ({source}: {joined_by})"
    return TimelineOut(
        at=record.at,
        what=words.format_map(_Known(record.data)),
        actor_kind=record.actor.kind,
        actor=record.actor.ref,
        type=record.type,
        record=record.id,
        person=str(record.data.get("person_id", "")),
        approval=str(record.data.get("approval_id", "")),
    )
