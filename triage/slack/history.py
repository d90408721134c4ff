"""What the incident's thread keeps: one line for each turn that people want to hear of. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from triage.slack.card import CardView, Message
from triage.slack.proposal_blocks import outcome_text
from triage.slack.text import MAX_SECTION, line, notification, section

# Turns of a step that change what people have to do; the rest only passes by on the card.
STEP_TURNS: Final = frozenset(
    {
        "partially_approved",
        "approved",
        "rejected",
        "revoked",
        "cancelled",
        "expired",
        "stale",
        "succeeded",
        "failed",
        "unknown",
        "recovered",
        "not_recovered",
    }
)
_INCIDENT_TURNS: Final[dict[str, Callable[[CardView], str]]] = {
    "acknowledged": lambda view: f"Acknowledged: {line(view.owner)} has it.",
    "taken": lambda view: f"{line(view.owner)} has it now.",
    "severity": lambda view: f"Severity is {line(view.severity)}.",
    "silenced": lambda view: f"Silenced until {view.silenced_until or 'just now'}.",
    "silence_ended": lambda _: "Its notifications go out again.",
    "stale": lambda _: "Nobody has confirmed its alerts for hours: does it still burn?",
    "reopened": lambda _: "Reopened: an alert fires again.",
    "resolved": lambda view: line(view.resolution) or "Resolved.",
    "closed": lambda view: f"Closed by a person. {line(view.resolution)}",
    "not_an_incident": lambda view: f"Closed: {line(view.closed_as)}.",
    "merged": lambda view: f"Closed: {line(view.closed_as)}.",
}
INCIDENT_TURNS: Final = frozenset(_INCIDENT_TURNS)
# What a silence itself has to say, and ends; everything else waits on the card.
_HEARD_IN_SILENCE: Final = frozenset(
    {"silenced", "resolved", "closed", "not_an_incident", "merged"}
)


def turn_of_incident(view: CardView, what: str) -> Message | None:
    """The line of an incident's turn; None where there is nothing to say now."""
    if view.silenced_until and what not in _HEARD_IN_SILENCE:
        return None
    return _said(_INCIDENT_TURNS[what](view))


def turn_of_step(view: CardView, approval_id: str, state: str) -> Message | None:
    """The line of a step's turn; None where the step is not there, or silence is wanted."""
    for proposal in view.proposals:
        if proposal.approval_id == approval_id and not view.silenced_until:
            return _said(outcome_text(replace(proposal, state=state)))
    return None


def _said(text: str) -> Message:
    return Message(text=notification(text, MAX_SECTION // 4), blocks=[section(text)])
