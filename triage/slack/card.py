"""The incident as one Slack message. Pure: a view in, Block Kit out, within Slack's limits.

Read in this order by somebody woken at 3 am: what, impact, likely cause and how sure, what could
not be checked, the proposed step, who decided. Every text is plain text (`triage.slack.text`), so
that no word of telemetry, labels or a model can mention, link or format. What an approve button
shows is what the approval's digest covers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from triage.slack.proposal_blocks import ProposalView, proposal_blocks
from triage.slack.text import (
    MAX_FIELD,
    MAX_HEADER,
    MAX_SECTION,
    button,
    context,
    cut,
    line,
    notification,
    plain,
    section,
)

MAX_BLOCKS = 50
_MAX_NOTIFICATION = 600
_MAX_PROPOSALS = 3
_MAX_EVIDENCE_LINE = 600
_SIGNS = {"open": "🔴", "acknowledged": "🟠", "resolved": "🟢"}
_WORDS = {"open": "nobody has it yet", "acknowledged": "somebody is on it", "resolved": "over"}


@dataclass(frozen=True)
class CardView:
    """What the card shows. Times are `HH:MM:SS UTC`; texts are plain and untrusted.

    `owner`: who has the incident now. `closed_as`: "" | "not an incident" | "merged into INC-n".
    `silenced_until`: "" where notifications are on. `switched_off`: why no step may run, or "".
    `brief_by`: code | model; `brief_revision` 0: there is no brief yet. `left_out`: alerts that
    their sender did not show.
    """

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
    owner: str = ""
    impact: Sequence[str] = ()
    missing: Sequence[str] = ()
    evidence: Sequence[str] = ()
    proposals: Sequence[ProposalView] = ()
    resolution: str = ""
    simulated: bool = False
    confidence: str = ""
    brief_revision: int = 0
    stale: bool = False
    silenced_until: str = ""
    closed_as: str = ""
    left_out: int = 0
    switched_off: str = ""


@dataclass(frozen=True)
class Message:
    """`text` is what notifications and screen readers get."""

    text: str
    blocks: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def incident_card(view: CardView) -> Message:
    """The one message of the incident, in its present state."""
    head = f"{_sign(view)} INC-{view.number} · {line(view.title)}"
    blocks: list[Mapping[str, Any]] = [
        {"type": "header", "text": plain(head, MAX_HEADER)},
        *_warnings(view),
        _fields(view),
        section(_cause(view)),
    ]
    if view.missing:
        blocks.append(section("Could not check: " + ", ".join(map(line, view.missing))))
    if view.resolution:
        blocks.append(section(view.resolution))
    over = view.state == "resolved"
    for proposal in view.proposals[:_MAX_PROPOSALS]:
        blocks.extend(proposal_blocks(proposal, open_=not over, switched_off=view.switched_off))
    if len(view.proposals) > _MAX_PROPOSALS:
        more = len(view.proposals) - _MAX_PROPOSALS
        blocks.append(section(f"{more} more on the incident's page."))
    blocks.append(_actions(view))
    blocks.extend(_feedback(view))
    blocks.append(_context(view))
    text = notification(f"{head}. {view.text}", _MAX_NOTIFICATION)
    return Message(text=text, blocks=blocks[:MAX_BLOCKS])


def evidence_thread(view: CardView) -> Message:
    """The evidence behind the brief, for the thread."""
    head = f"Evidence for INC-{view.number}, brief {view.brief_revision}"
    lines = [line(one) for one in view.evidence] or ["No evidence could be gathered."]
    lines += [f"Not checked: {line(name)}" for name in view.missing]
    blocks: list[Mapping[str, Any]] = [section(head)]
    chunk = ""
    for one in lines:
        shown = f"• {cut(one, _MAX_EVIDENCE_LINE)}\n"
        # A hidden joiner may follow each colon: half of the limit leaves room for all of them.
        if chunk and len(chunk) + len(shown) > MAX_SECTION // 2:
            blocks.append(section(chunk))
            chunk = ""
        chunk += shown
    blocks.append(section(chunk))
    if len(blocks) > MAX_BLOCKS:
        left = section("More evidence stands on the incident's page.")
        blocks = [*blocks[: MAX_BLOCKS - 1], left]
    return Message(text=notification(head, _MAX_NOTIFICATION), blocks=blocks)


def _sign(view: CardView) -> str:
    if view.state != "resolved" and view.stale:
        return "🟡"
    return "⚪" if view.closed_as else _SIGNS.get(view.state, "⚪")


def _warnings(view: CardView) -> list[Mapping[str, Any]]:
    """What makes the rest of the card mean something else; before all of it."""
    said: list[str] = []
    if view.simulated:
        said.append("SIMULATION: no real shop, no real money.")
    if view.closed_as:
        said.append(f"Closed: {line(view.closed_as)}.")
    if view.stale and view.state != "resolved":
        said.append(
            "Nobody has confirmed these alerts for hours. Does it still burn? It is not closed by"
            " itself: close it on its page, or let it stand."
        )
    if view.silenced_until and view.state != "resolved":
        said.append(f"Silenced until {view.silenced_until}: it is counted on, and calls nobody.")
    if view.left_out:
        said.append(f"Its sender left out {view.left_out} alerts: nobody can tell how they are.")
    if view.switched_off:
        said.append(f"All steps are switched off: {line(view.switched_off)}")
    return [section("\n".join(said))] if said else []


def _fields(view: CardView) -> Mapping[str, Any]:
    owner = line(view.owner) or "nobody yet"
    lines = [
        f"Severity: {line(view.severity)}",
        f"Since: {view.since}",
        *map(line, view.impact),
        f"Owner: {owner}",
    ]
    return {"type": "section", "fields": [plain(one, MAX_FIELD) for one in lines[:10]]}


def _cause(view: CardView) -> str:
    if not view.text:
        return "No brief yet: evidence is being gathered."
    sure = f" (confidence: {line(view.confidence)})" if view.confidence else ""
    return f"What is known{sure}: {line(view.text)}"


def _actions(view: CardView) -> Mapping[str, Any]:
    incident_id = view.incident_id
    elements: list[Mapping[str, Any]] = []
    if view.state == "open":
        elements.append(button("acknowledge", "Acknowledge", incident_id) | {"style": "primary"})
    if view.state == "acknowledged":
        elements.append(button("take_over", "Take over", incident_id))
    if view.state != "resolved":
        quiet = ("end_silence", "End silence") if view.silenced_until else ("silence", "Silence…")
        elements.append(button(*quiet, incident_id))
        elements.append(button("severity", "Severity…", incident_id))
        elements.append(button("not_incident", "Not an incident…", incident_id))
    elements.append(button("open", "Open incident", incident_id) | {"url": view.url})
    return {"type": "actions", "block_id": f"incident-{incident_id}"[:255], "elements": elements}


def _feedback(view: CardView) -> list[Mapping[str, Any]]:
    """Was the brief right? Each answer is a record, whoever wrote the brief."""
    if not view.brief_revision:
        return []
    value = f"{view.incident_id}:{view.brief_revision}"
    elements = [
        button("feedback_helpful", "Brief is right", value),
        button("feedback_partly", "Partly", value),
        button("feedback_wrong", "Wrong", value),
    ]
    return [
        {
            "type": "actions",
            "block_id": f"feedback-{view.incident_id}"[:255],
            "elements": elements,
        }
    ]


def _context(view: CardView) -> Mapping[str, Any]:
    by = "brief by code" if view.brief_by == "code" else "brief by a model, each claim checked"
    state = _WORDS.get(view.state, view.state)
    parts = [f"{view.state}: {state} · {by} · updated {view.updated}"]
    return context(parts)
