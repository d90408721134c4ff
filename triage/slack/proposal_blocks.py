"""A proposed step as the card and the forms show it, in every state. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from triage.slack.text import MAX_SECTION, button, fits, line, plain, section

WAITING = frozenset({"pending", "partially_approved"})
# An approval can be taken back until its step begins.
REVOCABLE = frozenset({"partially_approved", "approved"})
_MAX_CONFIRM = 300
_OUTCOMES = {
    "partially_approved": "approved by one, more are needed",
    "proposed": "is being prepared",
    "held": "held back: other steps wait for a decision",
    "approved": "approved, about to run",
    "executing": "running now",
    "succeeded": "done, recovery is being checked",
    "recovered": "done, recovery verified",
    "not_recovered": "done, but no recovery seen: look again",
    "rollback_proposed": "done without recovery: undoing it is proposed",
    "failed": "failed",
    "unknown": "outcome unknown: look before you do anything",
    "rejected": "rejected, nothing was done",
    "expired": "expired without an answer, nothing was done",
    "superseded": "replaced by a newer proposal, nothing was done",
    "stale": "out of date, nothing was done",
    "revoked": "approval taken back, nothing was done",
    "cancelled": "cancelled, nothing was done",
}


@dataclass(frozen=True)
class ProposalView:
    """A proposed step. `what`, `undo` and `tier` are made by code from the values that run.

    `needs_reason`: approving it takes a written reason. `waits_for`: what its quorum still lacks.
    `votes`: who said what, one line each. `note`: why it ended as it did. `manual`: a person
    carries it out and says what became of it.
    """

    approval_id: str
    digest: str
    what: str
    undo: str
    tier: str
    state: str
    expires_at: str
    decided_by: str = ""
    simulated: bool = False
    needs_reason: bool = False
    waits_for: str = ""
    votes: Sequence[str] = ()
    note: str = ""
    manual: bool = False

    @property
    def is_confirmable(self) -> bool:
        """True while a person carries it out."""
        return self.manual and self.state == "executing"


def button_value(approval_id: str, digest: str) -> str:
    """What a decision button carries: which approval, and what was shown."""
    return f"{approval_id}:{digest}"


def parse_button_value(value: str) -> tuple[str, str]:
    """Approval id and shown digest of a button; raises ValueError for anything else."""
    approval_id, colon, digest = value.partition(":")
    if not colon or not approval_id or not digest:
        raise ValueError("not a decision button of ours")
    return approval_id, digest


def decision_text(proposal: ProposalView) -> str:
    """What a person decides on: the same words on the card and in the form."""
    label = "SIMULATED " if proposal.simulated else ""
    said = [
        f"{label}Proposed step, risk {line(proposal.tier)}: {line(proposal.what)}",
        f"Undo: {line(proposal.undo)}",
    ]
    said += [line(vote) for vote in proposal.votes]
    if proposal.waits_for:
        said.append(f"Waits for: {line(proposal.waits_for)}")
    said.append(f"Expires {proposal.expires_at}. No answer means no.")
    return "\n".join(said)


def proposal_blocks(
    proposal: ProposalView, *, open_: bool, switched_off: str = ""
) -> list[Mapping[str, Any]]:
    """The step with its buttons where it can be decided; else what became of it."""
    if proposal.state not in WAITING or not open_:
        over = replace(proposal, state="no longer to be decided")
        shown = over if proposal.state in WAITING else proposal
        blocks: list[Mapping[str, Any]] = [section(outcome_text(shown))]
        buttons = _later_buttons(shown)
        return [*blocks, _actions(proposal, buttons)] if buttons else blocks
    text = decision_text(proposal)
    if switched_off:
        return [section(f"{text}\nNot to be decided now: all steps are switched off.")]
    if not fits(text, MAX_SECTION):
        # Nobody approves what they cannot see whole.
        return [
            section(f"Proposed step, risk {line(proposal.tier)}: too long to show here.")
            | {"block_id": f"decide-{proposal.approval_id}"[:255]},
            section("Decide on the incident's page."),
        ]
    buttons = [*_decision_buttons(proposal), *_later_buttons(proposal)]
    return [section(text), _actions(proposal, buttons)]


def _actions(proposal: ProposalView, elements: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    block_id = f"decide-{proposal.approval_id}"[:255]
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def _later_buttons(proposal: ProposalView) -> list[Mapping[str, Any]]:
    """What can be said of a step after somebody approved it."""
    value = button_value(proposal.approval_id, proposal.digest)
    if proposal.state in REVOCABLE:
        return [button("revoke", "Take approval back…", value)]
    if proposal.is_confirmable:
        return [
            button("step_done", "It is done…", value),
            button("step_failed", "It failed…", value),
        ]
    return []


def _decision_buttons(proposal: ProposalView) -> list[Mapping[str, Any]]:
    value = button_value(proposal.approval_id, proposal.digest)
    reject = button("reject", "Reject…", value) | {"style": "danger"}
    if proposal.needs_reason or not fits(_confirm_text(proposal), _MAX_CONFIRM):
        # The form shows the whole step once more; a question box has room for 300 characters.
        approve = button("approve_form", "Approve…", value) | {"style": "primary"}
        return [approve, reject]
    confirm = {
        "title": plain("Run this step?", 100),
        "text": plain(_confirm_text(proposal), _MAX_CONFIRM),
        "confirm": plain("Approve", 30),
        "deny": plain("Not now", 30),
    }
    approve = button("approve", "Approve", value) | {"style": "primary", "confirm": confirm}
    return [approve, reject]


def _confirm_text(proposal: ProposalView) -> str:
    return f"{line(proposal.what)} Undo: {line(proposal.undo)}"


def outcome_text(proposal: ProposalView) -> str:
    """What became of a step so far, and who said what."""
    label = "SIMULATED " if proposal.simulated else ""
    outcome = _OUTCOMES.get(proposal.state, proposal.state.replace("_", " "))
    if proposal.is_confirmable:
        outcome = "to be carried out by a person now, who then says here what became of it"
    by = f", by {line(proposal.decided_by)}" if proposal.decided_by and not proposal.votes else ""
    said = [f"{label}Step: {line(proposal.what)}", f"{outcome}{by}"]
    said += [line(vote) for vote in proposal.votes]
    if proposal.note:
        said.append(line(proposal.note))
    return "\n".join(said)
