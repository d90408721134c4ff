"""Rows into the shapes that people and programs see. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kernel.clock import rfc3339
from triage.identity import Member, key_text
from triage.models import BriefRow, EvidenceRow, IncidentRow
from triage.schemas import (
    AlertOut,
    BriefOut,
    ClaimOut,
    EvidenceOut,
    ImpactOut,
    IncidentLine,
    IncidentOut,
    LostRateOut,
    MissingOut,
    MoneyOut,
    ProposalOut,
)


def time_or_none(at_us: int | None) -> str | None:
    """RFC 3339, or None."""
    return None if at_us is None else rfc3339(at_us)


def line(row: IncidentRow) -> IncidentLine:
    """An incident for a list."""
    return IncidentLine(
        id=row.id,
        number=f"INC-{row.number}",
        state=row.state,
        stale=row.stale,
        severity=row.severity,
        title=row.title,
        service=row.service,
        slos=row.objective_ids,
        onset_at=rfc3339(row.onset_us),
        opened_at=rfc3339(row.opened_us),
        resolved_at=time_or_none(row.resolved_us),
        impact=impact(row.impact),
        **_standing(row),
    )


def _standing(row: IncidentRow) -> dict[str, Any]:
    silent = row.silenced_until_us is not None
    return {
        "severity_why": row.severity_why,
        "severity_by": row.severity_by,
        "severity_reason": row.severity_reason,
        "silenced_until": time_or_none(row.silenced_until_us),
        "silenced_by": row.silenced_by if silent else "",
        "silence_reason": row.silence_reason if silent else "",
        "taken_by": row.taken_by,
        "handover_note": row.handover_note,
        "resolution": row.resolution,
        "resolution_reason": row.resolution_reason,
        "merged_into": _number(row.merged_into),
        "split_from": _number(row.split_from),
        "left_out": sum(row.left_out.values()),
    }


def _number(number: int) -> str:
    return f"INC-{number}" if number else ""


def whole(
    row: IncidentRow,
    members: Iterable[Member],
    evidence: Iterable[EvidenceRow],
    brief: BriefRow | None,
    approvals: Sequence[Any],
) -> IncidentOut:
    """An incident with everything that belongs to it."""
    return IncidentOut(
        **line(row).model_dump(by_alias=True, exclude={"impact"}),
        impact=impact(row.impact),
        acknowledged_at=time_or_none(row.acknowledged_us),
        acknowledged_by=row.acknowledged_by,
        labels=row.labels,
        alerts=[_alert(one) for one in members],
        evidence=[_evidence(one) for one in evidence],
        brief=_brief(brief) if brief else None,
        proposals=[_proposal(one) for one in approvals],
    )


def impact(stored: dict[str, Any]) -> ImpactOut | None:
    """The stored impact; None before it was first computed."""
    if not stored:
        return None
    currencies = sorted({*stored["bad_minor"], *stored["lost_minor"]})
    return ImpactOut(
        objective=stored["objective"],
        bad=stored["bad"],
        total=stored["total"],
        orders_per_minute=stored["orders_per_minute"],
        money_per_minute=stored["money_per_minute"],
        money=[
            MoneyOut(
                currency=currency,
                bad_minor=stored["bad_minor"].get(currency, 0),
                lost_minor=stored["lost_minor"].get(currency, 0),
            )
            for currency in currencies
        ],
        missing=MissingOut(**stored["missing"]) if stored.get("missing") else None,
        lost_per_minute=[LostRateOut(**one) for one in stored.get("lost_per_minute", [])],
        from_=rfc3339(stored["from_us"]),
        to=rfc3339(stored["to_us"]),
    )


def _alert(member: Member) -> AlertOut:
    told = member.told
    return AlertOut(
        key=key_text(told.key),
        source=told.source,
        fingerprint=told.fingerprint,
        status="resolved" if member.resolved else "firing",
        starts_at=rfc3339(told.starts_us),
        ends_at=time_or_none(member.ends_us),
        joined_by=member.joined_by,
        title=told.title,
        labels=dict(told.labels),
        link=told.link,
    )


def _evidence(row: EvidenceRow) -> EvidenceOut:
    return EvidenceOut(
        id=row.id,
        kind=row.kind,
        summary=row.summary,
        numbers=row.numbers,
        query=row.query,
        from_=rfc3339(row.from_us),
        to=rfc3339(row.to_us),
        sha256=row.sha256,
    )


def _brief(row: BriefRow) -> BriefOut:
    return BriefOut(
        text=row.text,
        source="model" if row.source == "model" else "code",
        claims=[ClaimOut(**claim) for claim in row.claims],
        missing_sources=row.missing_sources,
        verdict=row.verdict,
        confidence=row.confidence,
        revision=row.revision,
        at=rfc3339(row.at_us),
        model_note=row.model_note,
    )


def _proposal(approval: Any) -> ProposalOut:
    return ProposalOut(
        id=approval.id,
        runbook=approval.runbook,
        step=approval.step,
        tier=str(approval.tier),
        params=dict(approval.params),
        state=str(approval.state),
        approval_id=approval.id,
        what=approval.what,
    )
