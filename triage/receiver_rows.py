"""The SQL of what the receiver of alerts could not take: set aside, or refused."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, delete, select

from triage.models import AlertQuarantineRow, RefusedPostCountRow, RefusedPostRow

_KEEP_REFUSED = 100
_KEEP_QUARANTINED = 1_000


def quarantine(session: Session, row: AlertQuarantineRow) -> None:
    """Keep what could not be taken; the oldest beyond a thousand go."""
    session.merge(row)
    session.flush()
    edge = session.exec(
        select(AlertQuarantineRow.at_us)
        .order_by(col(AlertQuarantineRow.at_us).desc())
        .offset(_KEEP_QUARANTINED)
        .limit(1)
    ).first()
    if edge is not None:
        session.exec(delete(AlertQuarantineRow).where(col(AlertQuarantineRow.at_us) <= edge))


def quarantined(session: Session, limit: int = 100) -> Sequence[AlertQuarantineRow]:
    """Newest first."""
    return session.exec(
        select(AlertQuarantineRow).order_by(col(AlertQuarantineRow.at_us).desc()).limit(limit)
    ).all()


def refused(session: Session, row: RefusedPostRow, times: int) -> RefusedPostCountRow:
    """Count refused posts and keep the newest hundred rows; returns the counter's row."""
    session.add(row)
    session.flush()
    edge = session.exec(
        select(RefusedPostRow.id)
        .order_by(col(RefusedPostRow.id).desc())
        .offset(_KEEP_REFUSED)
        .limit(1)
    ).first()
    if edge is not None:
        session.exec(delete(RefusedPostRow).where(col(RefusedPostRow.id) <= edge))
    counter = session.get(RefusedPostCountRow, row.status) or RefusedPostCountRow(status=row.status)
    counter.count += times
    session.add(counter)
    return counter


def refused_posts(
    session: Session, limit: int = 20
) -> tuple[Sequence[RefusedPostRow], Sequence[RefusedPostCountRow]]:
    """The newest refused posts, and the counts by status."""
    rows = session.exec(
        select(RefusedPostRow).order_by(col(RefusedPostRow.id).desc()).limit(limit)
    ).all()
    return rows, session.exec(select(RefusedPostCountRow)).all()
