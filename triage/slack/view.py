"""From an incident as the API tells it to what the card shows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kernel.clock import from_us, parse_rfc3339
from kernel.money import format_money
from runbooks.policy import QUORUMS
from runbooks.runbook import Tier
from triage.schemas import ImpactOut, IncidentOut, MissingOut
from triage.slack.card import CardView
from triage.slack.proposal_blocks import WAITING, ProposalView

_MAX_LINE = 280


def card_view(
    incident: IncidentOut,
    approvals: Sequence[Any],
    *,
    public_url: str,
    updated_us: int,
    simulated: bool,
    name_of: Callable[[str], str] = str,
    switched_off: str = "",
) -> CardView:
    """`approvals` are runbooks' own documents, newest first: open ones are shown first.

    `name_of`: a person's name by the id that incidents keep. `switched_off`: why no step may run.
    """
    waiting = [one for one in approvals if one.state in WAITING]
    others = [one for one in approvals if one.state not in WAITING]
    brief = incident.brief
    return CardView(
        incident_id=incident.id,
        number=int(incident.number.removeprefix("INC-")),
        state=incident.state,
        severity=_severity(incident, name_of),
        title=incident.title,
        since=_clock(incident.onset_at),
        updated=from_us(updated_us).strftime("%H:%M:%S UTC"),
        text=brief.text if brief else "",
        brief_by=brief.source if brief else "code",
        url=f"{public_url.rstrip('/')}/incidents/{incident.number}",
        owner=name_of(owner_of(incident)) if owner_of(incident) else "",
        impact=impact_lines(incident.impact),
        missing=tuple(brief.missing_sources) if brief else (),
        evidence=tuple(f"{one.id} {one.summary}"[:_MAX_LINE] for one in incident.evidence),
        proposals=tuple(proposal_view(one) for one in [*waiting, *others]),
        resolution=_resolution(incident),
        simulated=simulated,
        confidence=brief.confidence if brief else "",
        brief_revision=brief.revision if brief else 0,
        stale=incident.stale,
        silenced_until=_silenced(incident, updated_us),
        closed_as=_closed_as(incident),
        left_out=incident.left_out,
        switched_off=switched_off,
    )


def owner_of(incident: IncidentOut) -> str:
    """The id of the person who has it now, or ""."""
    return incident.taken_by or incident.acknowledged_by


def _severity(incident: IncidentOut, name_of: Callable[[str], str]) -> str:
    by = f", said {name_of(incident.severity_by)}" if incident.severity_by else ""
    return f"{incident.severity}{by}"


def _silenced(incident: IncidentOut, now_us: int) -> str:
    until = incident.silenced_until
    return _clock(until) if until and parse_rfc3339(until) > now_us else ""


def _closed_as(incident: IncidentOut) -> str:
    why = f": {incident.resolution_reason}" if incident.resolution_reason else ""
    if incident.merged_into:
        return f"merged into {incident.merged_into}{why}"
    return f"not an incident{why}" if incident.resolution == "not_an_incident" else ""


def proposal_view(approval: Any) -> ProposalView:
    """One approval, as runbooks tells it, for the card and the forms."""
    quorum = QUORUMS.get(Tier(approval.tier))
    return ProposalView(
        approval_id=approval.id,
        digest=approval.digest,
        what=approval.what,
        undo=approval.undo or "none",
        tier=approval.tier,
        state=approval.state,
        expires_at=_clock(approval.expires_at),
        decided_by=approval.decided_by,
        simulated=approval.simulated,
        needs_reason=quorum is not None and quorum.reason_required,
        waits_for=approval.waits_for if approval.state in WAITING and approval.votes else "",
        votes=tuple(_vote(one) for one in approval.votes),
        note=approval.note,
        manual=approval.kind == "manual",
    )


def _vote(vote: Any) -> str:
    said = "Approved" if vote.decision == "approve" else "Rejected"
    why = f": {vote.reason}" if vote.reason else ""
    return f"{said} by {vote.person} at {_clock(vote.at)} ({vote.channel}){why}"[:_MAX_LINE]


def impact_lines(impact: ImpactOut | None) -> tuple[str, ...]:
    """What the shop loses, in a few lines."""
    if impact is None:
        return ()
    lines = [_missing(impact.missing)] if impact.missing and impact.missing.mid else []
    if not impact.total and not lines:
        lines.append("Nothing was counted since it began: how many fail is not known")
    elif impact.bad or not lines:
        lines.append(f"Failed: {impact.bad:,} of {impact.total:,} attempts")
    lines += [
        f"Not taken so far: {format_money(money.lost_minor, money.currency)}"
        for money in impact.money
        if money.lost_minor
    ]
    return tuple(lines)


def _missing(missing: MissingOut) -> str:
    text = f"Missing: about {missing.mid:,} attempts ({missing.low:,} to {missing.high:,})"
    worth = [format_money(one.mid_minor, one.currency) for one in missing.money if one.mid_minor]
    return f"{text}, worth about {' and '.join(worth)}" if worth else text


def _resolution(incident: IncidentOut) -> str:
    if incident.state != "resolved" or incident.resolved_at is None:
        return ""
    seconds = (parse_rfc3339(incident.resolved_at) - parse_rfc3339(incident.onset_at)) // 1_000_000
    return f"Over since {_clock(incident.resolved_at)}, after {seconds // 60} min {seconds % 60} s."


def _clock(at: str) -> str:
    return from_us(parse_rfc3339(at)).strftime("%H:%M:%S UTC")
