"""SQL of runbooks. Every change of state is one compare-and-set; its rowcount decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CursorResult, func, update
from sqlmodel import Session, col, select

from runbooks.approval import EXPIRING_EVENTS, Event, State, step
from runbooks.models import ApprovalRow, SwitchRow, VoteRow

_MAX_LISTED = 500


def transition(
    session: Session, row: ApprovalRow, event: Event, now_us: int, **changes: Any
) -> ApprovalRow | None:
    """Take `row` (as it was read) to the next state; the row as it is now, or None if somebody was
    faster or its time is over. Raises Conflict where the state machine has no such way.
    """
    following = step(State(row.state), event)
    changes.update(state=following.value, version=row.version + 1)
    return _compare_and_set(session, row, now_us if event in EXPIRING_EVENTS else None, changes)


def amend(session: Session, row: ApprovalRow, **changes: Any) -> ApprovalRow | None:
    """Change columns without a change of state, under the same comparison."""
    changes["version"] = row.version + 1
    return _compare_and_set(session, row, None, changes)


def _compare_and_set(
    session: Session, row: ApprovalRow, before_us: int | None, changes: dict[str, Any]
) -> ApprovalRow | None:
    statement = (
        update(ApprovalRow)
        .where(col(ApprovalRow.id) == row.id)
        .where(col(ApprovalRow.state) == row.state)
        .where(col(ApprovalRow.version) == row.version)
        .values(**changes)
        .execution_options(synchronize_session=False)
    )
    if before_us is not None:
        statement = statement.where(col(ApprovalRow.expires_us) > before_us)
    result = session.connection().execute(statement)
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        return None
    return get(session, row.id)


def add(session: Session, row: ApprovalRow) -> None:
    """A new approval."""
    session.add(row)
    session.flush()


def get(session: Session, approval_id: str) -> ApprovalRow | None:
    """The row as the database has it now."""
    return session.exec(
        select(ApprovalRow)
        .where(ApprovalRow.id == approval_id)
        .execution_options(populate_existing=True)
    ).first()


def listed(
    session: Session, incident_id: str | None = None, state: str | None = None
) -> Sequence[ApprovalRow]:
    """Newest first, at most 500."""
    query = select(ApprovalRow)
    if incident_id is not None:
        query = query.where(ApprovalRow.incident_id == incident_id)
    if state is not None:
        query = query.where(ApprovalRow.state == state)
    newest = col(ApprovalRow.created_us).desc(), col(ApprovalRow.id).desc()
    return session.exec(query.order_by(*newest).limit(_MAX_LISTED)).all()


def in_states(
    session: Session, states: Sequence[State], incident_id: str | None = None
) -> Sequence[ApprovalRow]:
    """Oldest first, at most 500."""
    query = select(ApprovalRow).where(col(ApprovalRow.state).in_([one.value for one in states]))
    if incident_id is not None:
        query = query.where(ApprovalRow.incident_id == incident_id)
    oldest = col(ApprovalRow.created_us), col(ApprovalRow.id)
    return session.exec(query.order_by(*oldest).limit(_MAX_LISTED)).all()


def counts(session: Session, states: Sequence[State]) -> dict[str, int]:
    """How many approvals are in each of these states; states without any are left out."""
    query = select(ApprovalRow.state, func.count()).group_by(col(ApprovalRow.state))
    wanted = col(ApprovalRow.state).in_([one.value for one in states])
    return dict(session.exec(query.where(wanted)).all())


def undo_proposals(session: Session, approval_id: str) -> Sequence[ApprovalRow]:
    """Proposals to take this one back."""
    return session.exec(select(ApprovalRow).where(ApprovalRow.undo_of == approval_id)).all()


def votes(session: Session, approval_id: str) -> Sequence[VoteRow]:
    """All decisions on one approval, in the order they were made."""
    return session.exec(
        select(VoteRow)
        .where(VoteRow.approval_id == approval_id)
        .order_by(col(VoteRow.at_us), col(VoteRow.id))
    ).all()


def tried(
    session: Session, like: ApprovalRow, states: Sequence[State], since_us: int
) -> Sequence[ApprovalRow]:
    """The same step on the same target, in any incident, that ended in one of these states."""
    return session.exec(
        select(ApprovalRow)
        .where(ApprovalRow.runbook == like.runbook)
        .where(ApprovalRow.step == like.step)
        .where(ApprovalRow.target == like.target)
        .where(ApprovalRow.undo_of == "")
        .where(col(ApprovalRow.executed_us) >= since_us)
        .where(col(ApprovalRow.state).in_([one.value for one in states]))
        .limit(_MAX_LISTED)
    ).all()


def switch(session: Session, *, lock: bool) -> SwitchRow | None:
    """Whether anything may be carried out; with `lock` nobody changes it before the commit."""
    query = select(SwitchRow).execution_options(populate_existing=True)
    return session.exec(query.with_for_update() if lock else query).first()


def vote_of(session: Session, approval_id: str, person_id: str) -> VoteRow | None:
    """What one person said to one approval."""
    return session.exec(
        select(VoteRow)
        .where(VoteRow.approval_id == approval_id)
        .where(VoteRow.person_id == person_id)
    ).first()


def add_vote(session: Session, vote: VoteRow) -> None:
    """One more decision; the table allows one per person and approval."""
    session.add(vote)
    session.flush()
