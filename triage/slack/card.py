"""The incident as one Slack message. Pure: a view in, Block Kit out, within Slack's limits.

Every word that came from telemetry, labels or a model is escaped, so that it can neither mention
anybody nor become a link. What an approve button shows is what the approval's digest covers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Slack's limits (docs.slack.dev, Block Kit reference).
MAX_BLOCKS = 50
MAX_HEADER = 150
MAX_SECTION = 3_000
MAX_FIELD = 2_000
MAX_CONTEXT = 10
MAX_VALUE = 2_000

_SIGNS = {"open": "🔴", "acknowledged": "🟠", "resolved": "🟢"}
_MAX_PROPOSALS = 3
_DECIDED = {
    "approved": "approved",
    "partially_approved": "approved by one, one more needed",
    "executing": "running now",
    "succeeded": "done, checking recovery",
    "recovered": "done, recovery verified",
    "not_recovered": "done, but no recovery seen",
    "failed": "failed",
    "unknown": "outcome unknown: look before you do anything",
    "rejected": "rejected",
    "expired": "expired, nothing was done",
    "superseded": "superseded",
    "stale": "out of date, nothing was done",
}


@dataclass(frozen=True)
class ProposalView:
    """A proposed step as the card shows it. `what`, `undo`, `tier` are made by code."""

    approval_id: str
    digest: str
    what: str
    undo: str
    tier: str
    state: str
    expires_at: str
    decided_by: str = ""
    simulated: bool = False


@dataclass(frozen=True)
class CardView:
    """What a person woken at 3 am needs. Times are `HH:MM:SS UTC`; texts are plain."""

    incident_id: str
    number: int
    state: str
    severity: str
    title: str
    since: str
    updated: str
    text: str
    brief_by: str
    url: str
    acknowledged_by: str = ""
    impact: Sequence[str] = ()
    missing: Sequence[str] = ()
    evidence: Sequence[str] = ()
    proposals: Sequence[ProposalView] = ()
    resolution: str = ""
    simulated: bool = False


@dataclass(frozen=True)
class Message:
    """`text` is what notifications and screen readers get."""

    text: str
    blocks: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def escape(text: str) -> str:
    """Escape Slack's three control characters (docs.slack.dev, formatting text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def incident_card(view: CardView) -> Message:
    """The one message of the incident, in its present state."""
    head = f"{_SIGNS.get(view.state, '⚪')} INC-{view.number} · {view.title}"
    blocks: list[Mapping[str, Any]] = [
        {"type": "header", "text": _plain(head, MAX_HEADER)},
        _section(view.text or "No brief yet: evidence is being gathered."),
        _fields(view),
    ]
    if view.resolution:
        blocks.append(_section(view.resolution))
    for proposal in view.proposals[:_MAX_PROPOSALS]:
        blocks.extend(_proposal(proposal, open_=view.state != "resolved"))
    blocks.append(_actions(view))
    blocks.append(_context(view))
    # What notifications show is formatted text too: a title must not be able to call the channel.
    text = _cut(escape(f"{head}. {view.text}"), MAX_SECTION)
    return Message(text=text, blocks=blocks[:MAX_BLOCKS])


def evidence_thread(view: CardView) -> Message:
    """The evidence behind the brief, for the thread."""
    lines = [f"• {line}" for line in view.evidence] or ["• No evidence could be gathered."]
    lines += [f"• Not checked: {name}" for name in view.missing]
    head = f"Evidence for INC-{view.number}"
    blocks: list[Mapping[str, Any]] = [_section(head)]
    chunk = ""
    for line in lines:
        if chunk and len(chunk) + len(line) > MAX_SECTION // 2:
            blocks.append(_section(chunk))
            chunk = ""
        chunk += f"{line}\n"
    blocks.append(_section(chunk))
    return Message(text=_cut(head, MAX_SECTION), blocks=blocks[:MAX_BLOCKS])


def button_value(approval_id: str, digest: str) -> str:
    """What a decision button carries: which approval, and what was shown."""
    return f"{approval_id}:{digest}"


def parse_button_value(value: str) -> tuple[str, str]:
    """Approval id and shown digest of a button; raises ValueError for anything else."""
    approval_id, colon, digest = value.partition(":")
    if not colon or not approval_id or not digest:
        raise ValueError("not a decision button of ours")
    return approval_id, digest


def _proposal(proposal: ProposalView, *, open_: bool) -> list[Mapping[str, Any]]:
    label = "simulated " if proposal.simulated else ""
    if proposal.state not in {"pending", "partially_approved"} or not open_:
        by = f" by {proposal.decided_by}" if proposal.decided_by else ""
        outcome = _DECIDED.get(proposal.state, proposal.state)
        return [_section(f"Step: {proposal.what}\n{label}{outcome}{by}")]
    text = f"Proposed ({proposal.tier}): {proposal.what}\nUndo: {proposal.undo}"
    text += f"\nExpires {proposal.expires_at}. No answer means no."
    if len(escape(text)) > MAX_SECTION:
        # Nobody approves what they cannot see whole.
        return [_section(f"Proposed ({proposal.tier}): too long to show here; decide on the page.")]
    value = button_value(proposal.approval_id, proposal.digest)[:MAX_VALUE]
    confirm = {
        "title": _plain("Run this step?", 100),
        "text": _plain(f"{proposal.what} Undo: {proposal.undo}", 300),
        "confirm": _plain("Approve", 30),
        "deny": _plain("Not now", 30),
    }
    approve = _button("approve", "Approve", value) | {"style": "primary", "confirm": confirm}
    reject = _button("reject", "Reject", value) | {"style": "danger"}
    return [
        _section(text),
        {
            "type": "actions",
            "block_id": f"decide-{proposal.approval_id}"[:255],
            "elements": [approve, reject],
        },
    ]


def _actions(view: CardView) -> Mapping[str, Any]:
    elements: list[Mapping[str, Any]] = []
    if view.state == "open":
        elements.append(_button("acknowledge", "Acknowledge", view.incident_id))
    elements.append(_button("open", "Open incident", view.incident_id) | {"url": view.url})
    return {"type": "actions", "block_id": f"incident-{view.incident_id}"[:255]} | {
        "elements": elements
    }


def _fields(view: CardView) -> Mapping[str, Any]:
    owner = f"acknowledged by {view.acknowledged_by}" if view.acknowledged_by else "nobody yet"
    lines = [f"Severity: {view.severity}", f"Since: {view.since}", *view.impact, f"Owner: {owner}"]
    return {"type": "section", "fields": [_mrkdwn(line, MAX_FIELD) for line in lines[:10]]}


def _context(view: CardView) -> Mapping[str, Any]:
    by = "brief by code" if view.brief_by == "code" else "brief by a model, each claim checked"
    parts = [f"{view.state} · {by} · updated {view.updated}"]
    if view.missing:
        parts.append("not checked: " + ", ".join(view.missing))
    if view.simulated:
        parts.append("SIMULATION: no real shop, no real money")
    return {"type": "context", "elements": [_mrkdwn(part, 500) for part in parts[:MAX_CONTEXT]]}


def _button(action_id: str, label: str, value: str) -> dict[str, Any]:
    return {"type": "button", "action_id": action_id, "text": _plain(label, 75), "value": value}


def _section(text: str) -> Mapping[str, Any]:
    return {"type": "section", "text": _mrkdwn(text, MAX_SECTION)}


def _mrkdwn(text: str, limit: int) -> Mapping[str, Any]:
    """`verbatim` keeps Slack from turning names and addresses in the text into links."""
    return {"type": "mrkdwn", "text": _cut(escape(text) or "–", limit), "verbatim": True}


def _plain(text: str, limit: int) -> Mapping[str, Any]:
    return {"type": "plain_text", "text": _cut(text, limit), "emoji": True}


def _cut(text: str, limit: int) -> str:
    """At most `limit` characters; never ends inside an escape."""
    if len(text) <= limit:
        return text
    short = text[: limit - 1]
    start = short.rfind("&", max(0, len(short) - 5))
    if start >= 0 and ";" not in short[start:]:
        short = short[:start]
    return short + "…"
