"""Briefs and evidence as rows, records and facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlmodel import Session

from kernel.facts.triage import BriefReady
from triage.admission import SYSTEM, Admission
from triage.brief.claims import Brief
from triage.evidence.evidence import Evidence, EvidenceBundle
from triage.models import BriefRow, EvidenceRow, IncidentRow


def brief_ready(row: IncidentRow, revision: int, bundle: EvidenceBundle) -> BriefReady:
    """The fact that a brief stands."""
    return BriefReady(
        incident_id=row.id,
        revision=revision,
        service=row.service,
        objective_ids=row.objective_ids,
        labels=dict(bundle.labels),
        onset_us=row.onset_us,
        evidence={piece.id: piece.sha256 for piece in bundle.evidence},
    )


def brief_row(
    incident_id: str,
    revisions: tuple[int, int],
    brief: Brief,
    labels: Mapping[str, str],
    at_us: int,
) -> BriefRow:
    """`revisions`: of the brief, and of the evidence that it stands on."""
    return BriefRow(
        incident_id=incident_id,
        revision=revisions[0],
        evidence_revision=revisions[1],
        source=brief.source,
        text=brief.text,
        claims=[
            {"text": claim.text, "evidence_ids": list(claim.evidence_ids), "kind": claim.kind}
            for claim in brief.claims
        ],
        missing_sources=list(brief.missing_sources),
        labels=dict(labels),
        verdict=str(brief.verdict),
        confidence=brief.confidence,
        at_us=at_us,
    )


def record_brief(
    admission: Admission, session: Session, row: IncidentRow, revision: int, brief: Brief
) -> None:
    """Audit the brief that now stands; its text lies beside the record."""
    data = {
        "count": revision,
        "brief_source": brief.source,
        "confidence": brief.confidence,
        "verdict": str(brief.verdict),
        "evidence_ids": sorted({one for claim in brief.claims for one in claim.evidence_ids}),
    }
    admission.record(session, row, "incident.brief", SYSTEM, data, {"text": brief.text.encode()})


def evidence_row(incident_id: str, revision: int, piece: Evidence) -> EvidenceRow:
    """A piece as a row."""
    content = asdict(piece)
    content["numbers"] = dict(piece.numbers)
    return EvidenceRow(incident_id=incident_id, revision=revision, **content)


def evidence(row: EvidenceRow) -> Evidence:
    """A row as the piece it was."""
    return Evidence(
        id=row.id,
        kind=row.kind,
        summary=row.summary,
        numbers=row.numbers,
        query=row.query,
        from_us=row.from_us,
        to_us=row.to_us,
        sha256=row.sha256,
    )
