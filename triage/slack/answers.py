"""What a slash command answers, from stored state. Pure: documents in, a message out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kernel.clock import from_us, parse_rfc3339
from triage.schemas import IncidentLine, IncidentOut
from triage.slack.card import Message
from triage.slack.command import NAME, WORDS
from triage.slack.text import MAX_SECTION, button, cut, line, notification, section

_MAX_LINES = 20
_MAX_LINE = 400
_MAX_BLOCKS = 20


def answer(lines: Sequence[str], url: str = "") -> Message:
    """Lines as sections; `url`: a button to the page."""
    blocks: list[Mapping[str, Any]] = []
    chunk = ""
    for one in lines:
        shown = f"{cut(one, MAX_SECTION // 2)}\n"
        if chunk and len(chunk) + len(shown) > MAX_SECTION // 2:
            blocks.append(section(chunk))
            chunk = ""
        chunk += shown
    blocks = [*blocks, section(chunk)][:_MAX_BLOCKS]
    if url:
        elements = [button("open", "Open the page", "page") | {"url": url}]
        blocks.append({"type": "actions", "elements": elements})
    return Message(text=notification(" ".join(lines), 600), blocks=blocks)


def document(message: Message) -> dict[str, Any]:
    """As Slack takes it: only the person who asked sees it."""
    return {
        "response_type": "ephemeral",
        "text": message.text,
        "blocks": [dict(block) for block in message.blocks],
    }


def help_text(team: str, user: str) -> list[str]:
    """All words; and who the asker is to Slack, for whoever links them to a person."""
    return [
        *(f"{NAME} {usage}: {says}" for usage, says in WORDS.values()),
        f"You are user {user} of workspace {team}.",
    ]


def status_lines(incidents: Sequence[IncidentLine]) -> list[str]:
    """What is not over yet, as ordered by the service."""
    running = [one for one in incidents if one.state != "resolved"]
    if not running:
        return ["No incident is open."]
    lines = [_short(one) for one in running[:_MAX_LINES]]
    if len(running) > _MAX_LINES:
        lines.append(f"And {len(running) - _MAX_LINES} more: see the page.")
    return lines


def incident_lines(incident: IncidentOut, impact: Sequence[str], owner: str) -> list[str]:
    """How one incident stands. `owner`: a name, or ""."""
    owner = line(owner) or "nobody yet"
    waiting = [one for one in incident.proposals if one.state in {"pending", "partially_approved"}]
    lines = [
        f"{incident.number}: {line(incident.title)}",
        f"{incident.state}, {incident.severity}, since {_clock(incident.onset_at)}, owner: {owner}",
        *map(line, impact),
    ]
    if incident.stale:
        lines.append("Nobody has confirmed its alerts for hours.")
    lines += [f"Waits for a decision: {line(one.what)}" for one in waiting]
    return lines


def why_lines(incident: IncidentOut) -> list[str]:
    """The brief."""
    brief = incident.brief
    if brief is None:
        return [f"{incident.number}: no brief yet, evidence is being gathered."]
    by = "code" if brief.source == "code" else "a model, each claim checked by code"
    lines = [
        f"{incident.number}: {line(brief.text)}",
        f"Confidence: {brief.confidence}. Written by {by}.",
    ]
    if brief.missing_sources:
        lines.append("Could not check: " + ", ".join(map(line, brief.missing_sources)))
    return lines


def evidence_lines(incident: IncidentOut) -> list[str]:
    """The evidence, one piece a line."""
    found = [cut(line(f"{one.id}: {one.summary}"), _MAX_LINE) for one in incident.evidence]
    return found[:_MAX_LINES] or [f"{incident.number}: no evidence yet."]


def budget_lines(objectives: Sequence[Any]) -> list[str]:
    """What is left of each budget, the emptiest first. `objectives`: slo's own documents."""
    if not objectives:
        return ["There is no objective."]

    def left(one: Any) -> float:
        return 2.0 if one.budget_left is None else float(one.budget_left)

    lines = [_budget(one) for one in sorted(objectives, key=left)[:_MAX_LINES]]
    if len(objectives) > _MAX_LINES:
        lines.append(f"And {len(objectives) - _MAX_LINES} more: see the page.")
    return lines


def approval_lines(approvals: Sequence[Any]) -> list[str]:
    """What waits for a decision. `approvals`: runbooks' own documents."""
    if not approvals:
        return ["Nothing waits for a decision."]
    return [
        cut(f"{one.tier}: {line(one.what)} Expires {_clock(one.expires_at)}.", _MAX_LINE)
        for one in approvals[:_MAX_LINES]
    ] + ["Decide on the incident's card or page: a command decides nothing."]


def _short(one: IncidentLine) -> str:
    stale = ", unconfirmed for hours" if one.stale else ""
    said = f"{one.number}: {line(one.title)} ({one.severity}, {one.state}{stale},"
    return cut(f"{said} since {_clock(one.onset_at)})", _MAX_LINE)


def _budget(one: Any) -> str:
    left = "not known" if one.budget_left is None else f"{one.budget_left:.1%} left"
    burn = one.burn_rates.get("1h")
    pace = "" if burn is None else f", burning {burn:.1f} times the allowed pace in 1 h"
    state = one.state.replace("_", " ")
    return cut(f"{line(one.name)} ({one.id}): {left}, {state}{pace}", _MAX_LINE)


def _clock(at: str) -> str:
    return from_us(parse_rfc3339(at)).strftime("%H:%M UTC")
