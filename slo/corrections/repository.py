"""SQL of corrections. Every change of state is one compare-and-set; its rowcount decides."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import CursorResult, update
from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from slo.corrections.dropping import labels_of
from slo.corrections.in_force import HORIZON_US, NOBODY, Correction, InForce
from slo.corrections.models import CorrectionObjectiveRow, CorrectionRow
from slo.corrections.recurrence import Schedule
from slo.corrections.states import IN_FORCE, IN_TIME_ONLY, Event, State, step

MAX_LISTED = 500
_BATCH = 100


def in_force(session: Session, now_us: int) -> InForce:
    """Everything approved that can reach a window of today; one small query where nothing is."""
    states = col(CorrectionRow.state).in_([one.value for one in IN_FORCE])
    reaches = or_(
        col(CorrectionRow.last_us).is_(None), col(CorrectionRow.last_us) > now_us - HORIZON_US
    )
    oldest = col(CorrectionRow.created_us), col(CorrectionRow.id)
    rows = session.exec(select(CorrectionRow).where(states, reaches).order_by(*oldest)).all()
    if not rows:
        return NOBODY
    known = {row.id: correction_of(row) for row in rows}
    about: dict[str, set[str]] = defaultdict(set)
    pairs = (
        select(CorrectionObjectiveRow.objective_id, CorrectionObjectiveRow.correction_id)
        .join(CorrectionRow, col(CorrectionRow.id) == col(CorrectionObjectiveRow.correction_id))
        .where(states, reaches)
    )
    for objective_id, correction_id in session.exec(pairs).all():
        about[objective_id].add(correction_id)
    return InForce(
        {
            objective_id: [one for key, one in known.items() if key in ids]
            for objective_id, ids in about.items()
        }
    )


def correction_of(row: CorrectionRow) -> Correction:
    """The row as the maths needs it."""
    return Correction(
        id=row.id,
        schedule=schedule_of(row),
        labels=labels_of(row.segment),
        ended_us=row.closed_us if row.state == State.ENDED else None,
        category=row.category,
        reason=row.reason,
    )


def schedule_of(row: CorrectionRow) -> Schedule:
    """When it holds."""
    starts, ends = (dt.datetime.fromisoformat(text) for text in (row.starts, row.ends))
    return Schedule(starts, ends, row.zone, row.rule)


def transition(
    session: Session, row: CorrectionRow, event: Event, now_us: int, **changes: Any
) -> CorrectionRow | None:
    """Take `row` (as it was read) to the next state; the row as it is now, or None if somebody was
    faster or its time is over. Raises Conflict where the state machine has no such way.
    """
    following = step(State(row.state), event)
    changes.update(state=following.value, version=row.version + 1)
    statement = (
        update(CorrectionRow)
        .where(col(CorrectionRow.id) == row.id)
        .where(col(CorrectionRow.state) == row.state)
        .where(col(CorrectionRow.version) == row.version)
        .values(**changes)
        .execution_options(synchronize_session=False)
    )
    if event in IN_TIME_ONLY:
        statement = statement.where(col(CorrectionRow.expires_us) > now_us)
    result = session.connection().execute(statement)
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        return None
    return get(session, row.id)


def add(session: Session, row: CorrectionRow, objective_ids: Sequence[str]) -> None:
    """A new proposal."""
    session.add(row)
    session.flush()
    for objective_id in objective_ids:
        session.add(CorrectionObjectiveRow(correction_id=row.id, objective_id=objective_id))
    session.flush()


def get(session: Session, correction_id: str) -> CorrectionRow | None:
    """The row as the database has it now."""
    return session.exec(
        select(CorrectionRow)
        .where(CorrectionRow.id == correction_id)
        .execution_options(populate_existing=True)
    ).first()


def objectives_of(session: Session, correction_id: str) -> list[str]:
    """Ids of the objectives that it is about, sorted."""
    links = select(CorrectionObjectiveRow.objective_id).where(
        CorrectionObjectiveRow.correction_id == correction_id
    )
    return sorted(session.exec(links).all())


def listed(
    session: Session, objective_id: str | None = None, states: Sequence[State] = tuple(State)
) -> Sequence[CorrectionRow]:
    """Newest first, at most 500."""
    query = select(CorrectionRow).where(col(CorrectionRow.state).in_([one.value for one in states]))
    if objective_id is not None:
        query = query.join(
            CorrectionObjectiveRow,
            col(CorrectionObjectiveRow.correction_id) == col(CorrectionRow.id),
        ).where(CorrectionObjectiveRow.objective_id == objective_id)
    newest = col(CorrectionRow.created_us).desc(), col(CorrectionRow.id).desc()
    return session.exec(query.order_by(*newest).limit(MAX_LISTED)).all()


def overdue(session: Session, now_us: int) -> Sequence[CorrectionRow]:
    """Proposals that nobody decided in time, oldest first, a bounded number."""
    return session.exec(
        select(CorrectionRow)
        .where(CorrectionRow.state == State.PROPOSED.value)
        .where(col(CorrectionRow.expires_us) <= now_us)
        .order_by(col(CorrectionRow.created_us))
        .limit(_BATCH)
    ).all()


def count_since(session: Session, objective_id: str, since_us: int) -> int:
    """Corrections of one objective that were proposed since then and could (still) count."""
    query = _alive(objective_id).where(col(CorrectionRow.created_us) > since_us)
    return len(session.exec(query).all())


def count_recurring(session: Session, objective_id: str, now_us: int) -> int:
    """Recurring ones of one objective that have not come to their end."""
    query = (
        _alive(objective_id)
        .where(col(CorrectionRow.rule) != "")
        .where(col(CorrectionRow.state) != State.ENDED.value)
        .where(or_(col(CorrectionRow.last_us).is_(None), col(CorrectionRow.last_us) > now_us))
    )
    return len(session.exec(query).all())


def _alive(objective_id: str) -> SelectOfScalar[str]:
    states = [one.value for one in (State.PROPOSED, *IN_FORCE)]
    return (
        select(CorrectionRow.id)
        .join(
            CorrectionObjectiveRow,
            col(CorrectionObjectiveRow.correction_id) == col(CorrectionRow.id),
        )
        .where(CorrectionObjectiveRow.objective_id == objective_id)
        .where(col(CorrectionRow.state).in_(states))
    )
