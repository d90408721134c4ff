"""SQL of the budget policy."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import CursorResult, update
from sqlmodel import Session, col, select

from slo.policy.models import IncidentSpanRow, OverrideRow, PostmortemRow, RecordedStateRow

MAX_SPANS = 500
MAX_OVERRIDES = 200


def spans_since(session: Session, since_us: int) -> Sequence[IncidentSpanRow]:
    """Incidents that began since then, newest first, at most 500."""
    return session.exec(
        select(IncidentSpanRow)
        .where(col(IncidentSpanRow.onset_us) >= since_us)
        .order_by(col(IncidentSpanRow.onset_us).desc())
        .limit(MAX_SPANS)
    ).all()


def span(session: Session, incident: str) -> IncidentSpanRow | None:
    """An incident by its id or its number (`INC-7`)."""
    number = incident[4:] if incident.upper().startswith("INC-") else ""
    query = select(IncidentSpanRow)
    if number.isdecimal() and len(number) < 16:
        return session.exec(query.where(IncidentSpanRow.number == int(number))).first()
    return session.get(IncidentSpanRow, incident)


def postmortems(session: Session, incident_ids: Sequence[str]) -> dict[str, PostmortemRow]:
    """The postmortems of these incidents, by incident."""
    rows = session.exec(
        select(PostmortemRow).where(col(PostmortemRow.incident_id).in_(incident_ids))
    ).all()
    return {row.incident_id: row for row in rows}


def overrides(session: Session) -> Sequence[OverrideRow]:
    """Newest first, those that are over too, at most 200."""
    newest = col(OverrideRow.created_us).desc(), col(OverrideRow.id).desc()
    return session.exec(select(OverrideRow).order_by(*newest).limit(MAX_OVERRIDES)).all()


def overrides_in_force(session: Session, now_us: int) -> dict[str, OverrideRow]:
    """The override of each service that lasts longest."""
    rows = session.exec(
        select(OverrideRow)
        .where(col(OverrideRow.expires_us) > now_us)
        .where(col(OverrideRow.revoked_us).is_(None))
        .order_by(col(OverrideRow.expires_us))
    ).all()
    return {row.service: row for row in rows}


def revoke(session: Session, override_id: str, person_id: str, now_us: int) -> bool:
    """End an override that is in force; False where somebody was faster or it is over."""
    result = session.connection().execute(
        update(OverrideRow)
        .where(col(OverrideRow.id) == override_id)
        .where(col(OverrideRow.revoked_us).is_(None))
        .where(col(OverrideRow.expires_us) > now_us)
        .values(revoked_us=now_us, revoked_by=person_id)
        .execution_options(synchronize_session=False)
    )
    return isinstance(result, CursorResult) and result.rowcount == 1


def override(session: Session, override_id: str) -> OverrideRow | None:
    """The row as the database has it now."""
    return session.exec(
        select(OverrideRow)
        .where(OverrideRow.id == override_id)
        .execution_options(populate_existing=True)
    ).first()


def recorded_states(session: Session) -> dict[str, RecordedStateRow]:
    """What the audit heard of last, by service."""
    return {row.service: row for row in session.exec(select(RecordedStateRow)).all()}
