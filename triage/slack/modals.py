"""The forms that buttons open: a view in, a modal out, within Slack's limits. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from triage.slack.proposal_blocks import ProposalView, decision_text, outcome_text
from triage.slack.text import MAX_SECTION, fits, line, plain, section

# The least that a service takes as a reason.
MAX_REASON: Final = 500
# Buttons that open a form, and what the form asks for beside the reason.
OF_STEPS: Final = frozenset({"reject", "approve_form", "revoke", "step_done", "step_failed"})
FORMS: Final = OF_STEPS | frozenset({"silence", "severity", "not_incident"})
REASON, CHOICE = "reason", "choice"
SILENCES: Final = (
    ("30", "30 minutes"),
    ("60", "1 hour"),
    ("120", "2 hours"),
    ("240", "4 hours"),
    ("480", "8 hours"),
    ("1440", "24 hours"),
)
SEVERITIES: Final = (
    ("critical", "Critical: the shop loses orders now"),
    ("major", "Major: some customers cannot buy"),
    ("minor", "Minor: customers hardly notice"),
)


_CHOICES: Final = {"silence": SILENCES, "severity": SEVERITIES}


def choices_of(action_id: str) -> frozenset[str]:
    """The values that a form lets one choose from; none where it has no list."""
    return frozenset(value for value, _ in _CHOICES.get(action_id, ()))


@dataclass(frozen=True)
class FormOf:
    """What a form is about. `metadata` comes back with the form and is ours alone to read;
    `chosen`: what stands now, of a list.
    """

    action_id: str
    metadata: str
    incident: str = ""
    chosen: str = ""
    proposal: ProposalView | None = None


def modal(form: FormOf) -> dict[str, Any] | None:
    """The modal of a button; None where it cannot be shown whole (decide on the page)."""
    match form.action_id:
        case action_id if action_id in OF_STEPS:
            return _of_step(form, form.proposal) if form.proposal else None
        case "silence":
            why = "It is counted on and shown; it calls nobody until then."
            asked = _choice("For how long", SILENCES, form.chosen)
            return _view(form, "Silence", [section(f"{line(form.incident)}. {why}"), asked])
        case "severity":
            asked = _choice("How bad is it", SEVERITIES, form.chosen)
            return _view(form, "Change severity", [section(line(form.incident)), asked])
        case "not_incident":
            why = "Closes it as not an incident. Its alerts and figures are kept."
            return _view(form, "Not an incident", [section(f"{line(form.incident)}. {why}")])
        case _:
            return None


def _of_step(form: FormOf, proposal: ProposalView) -> dict[str, Any] | None:
    deciding = form.action_id in {"reject", "approve_form"}
    text = decision_text(proposal) if deciding else outcome_text(proposal)
    if not fits(text, MAX_SECTION):
        return None
    title, submit = {
        "approve_form": (f"Approve {line(proposal.tier)} step", "Approve"),
        "reject": ("Reject step", "Reject"),
        "revoke": ("Take approval back", "Take back"),
        "step_done": ("The step is done", "It is done"),
        "step_failed": ("The step failed", "It failed"),
    }[form.action_id]
    return _view(form, title, [section(text)], submit)


def _view(
    form: FormOf, title: str, blocks: Sequence[Mapping[str, Any]], submit: str = "Do it"
) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": form.action_id,
        "private_metadata": form.metadata,
        "title": plain(title, 24),
        "submit": plain(submit, 24),
        "close": plain("Back", 24),
        "blocks": [*blocks, _reason()],
    }


def _reason() -> Mapping[str, Any]:
    return {
        "type": "input",
        "block_id": REASON,
        "label": plain("Why? It goes into the record.", 2_000),
        "element": {
            "type": "plain_text_input",
            "action_id": REASON,
            "multiline": True,
            "min_length": 3,
            "max_length": MAX_REASON,
        },
    }


def _choice(label: str, options: Sequence[tuple[str, str]], chosen: str) -> Mapping[str, Any]:
    listed = [{"text": plain(text, 75), "value": value} for value, text in options]
    standing = [one for one in listed if one["value"] == chosen] or listed
    return {
        "type": "input",
        "block_id": CHOICE,
        "label": plain(label, 2_000),
        "element": {
            "type": "static_select",
            "action_id": CHOICE,
            "options": listed,
            "initial_option": standing[0],
        },
    }
