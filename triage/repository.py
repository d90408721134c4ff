"""The SQL of triage, nothing else. Rows in, pure values out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import String, cast
from sqlmodel import Session, case, col, delete, func, not_, or_, select, update

from triage.identity import MOVED, MOVED_BEFORE, Candidate, Delivery, Key, Member
from triage.incident import Incident, IncidentState, Resolution, Severity
from triage.models import (
    AlertMemberRow,
    BriefRow,
    BriefWorkRow,
    EvidenceRow,
    IncidentRow,
)

_MAX_CANDIDATES = 1_000
_MAX_WAITING = 500
_FINAL = [one.value for one in Resolution if one.final]


def incident(session: Session, incident_id: str) -> IncidentRow | None:
    """By id, or by number as `INC-n`."""
    if incident_id.upper().startswith("INC-") and incident_id[4:].isdecimal():
        number = int(incident_id[4:][:18])
        return session.exec(select(IncidentRow).where(IncidentRow.number == number)).first()
    return session.get(IncidentRow, incident_id)


# The money incident first: what people (or code) call worse, then what loses more just now.
_BY_IMPACT = (
    col(IncidentRow.severity_weight).desc(),
    col(IncidentRow.money_rate).desc(),
    col(IncidentRow.order_rate).desc(),
    col(IncidentRow.number).desc(),
)


def incidents(session: Session, state: str | None, limit: int) -> Sequence[IncidentRow]:
    """What is not over by business impact, then what is over, newest first."""
    over = col(IncidentRow.state) == IncidentState.RESOLVED
    burning = select(IncidentRow).where(not_(over)).order_by(*_BY_IMPACT).limit(limit)
    ended = select(IncidentRow).where(over).order_by(col(IncidentRow.number).desc())
    if state is not None:
        burning = burning.where(IncidentRow.state == state)
        ended = ended.where(IncidentRow.state == state)
    found = list(session.exec(burning))
    return [*found, *session.exec(ended.limit(limit - len(found)))] if len(found) < limit else found


def newest(session: Session, limit: int) -> list[tuple[str, int]]:
    """Id and onset of the newest incidents."""
    query = select(IncidentRow.id, IncidentRow.onset_us).order_by(col(IncidentRow.number).desc())
    return list(session.exec(query.limit(limit)).all())


def unresolved(session: Session, after: int = 0) -> Sequence[IncidentRow]:
    """What is not over beyond that number, oldest first; at most a thousand."""
    return session.exec(
        select(IncidentRow)
        .where(IncidentRow.state != IncidentState.RESOLVED)
        .where(col(IncidentRow.number) > after)
        .order_by(col(IncidentRow.number))
        .limit(_MAX_CANDIDATES)
    ).all()


def silenced(session: Session) -> dict[str, int]:
    """Since when each silenced incident is."""
    rows = session.exec(
        select(IncidentRow.id, IncidentRow.silenced_us).where(
            col(IncidentRow.silenced_until_us).is_not(None)
        )
    )
    return dict(rows.all())


def next_number(session: Session) -> int:
    """One more than the highest number given."""
    return (session.exec(select(func.max(IncidentRow.number))).one() or 0) + 1


def candidates(session: Session, told: Delivery) -> list[Candidate]:
    """Incidents that this alert may join: open, or over only after it began.

    Only those that share the group key, the objective or the service are read; `choose` decides.
    """
    wanted = select(
        col(IncidentRow.id),
        col(IncidentRow.number),
        col(IncidentRow.service),
        col(IncidentRow.group_keys),
        col(IncidentRow.objective_ids),
        col(IncidentRow.onset_us),
        col(IncidentRow.last_onset_us),
        col(IncidentRow.state),
        col(IncidentRow.over_us),
    )  # type: ignore[call-overload]
    shared = [
        *([_holds(col(IncidentRow.group_keys), told.group_key)] if told.group_key else []),
        *([_holds(col(IncidentRow.objective_ids), told.objective_id)] if told.objective_id else []),
        *([col(IncidentRow.service) == told.service] if told.service else []),
    ]
    if not shared:
        return []
    rows = session.exec(
        wanted.where(
            or_(
                col(IncidentRow.state) != IncidentState.RESOLVED,
                col(IncidentRow.over_us) >= told.starts_us,
            )
        )
        .where(col(IncidentRow.resolution).not_in(_FINAL))
        .where(or_(*shared))
        .order_by(col(IncidentRow.number))
        .limit(_MAX_CANDIDATES)
    )
    return [
        Candidate(
            incident_id=row.id,
            number=row.number,
            service=row.service,
            group_keys=frozenset(row.group_keys),
            objective_ids=frozenset(row.objective_ids),
            first_onset_us=row.onset_us,
            last_onset_us=row.last_onset_us,
            over_us=row.over_us if row.state == IncidentState.RESOLVED else None,
        )
        for row in rows
    ]


def _holds(column: Any, value: str) -> Any:
    """True where the JSON list of texts may hold the value; it is looked at again afterwards."""
    return cast(column, String).contains(json.dumps(value), autoescape=True)


def machine(row: IncidentRow) -> Incident:
    """The part of the row that the state machine moves."""
    return Incident(
        IncidentState(row.state),
        row.stale,
        row.acknowledged_us,
        row.resolved_us,
        Resolution(row.resolution),
    )


def member(session: Session, key: Key) -> Member | None:
    """One alert by its identity."""
    row = session.get(AlertMemberRow, key)
    return _member(row) if row else None


def incident_of_any(session: Session, keys: Sequence[Key]) -> IncidentRow | None:
    """The incident of the first of these alerts that has one."""
    for key in keys:
        row = session.get(AlertMemberRow, key)
        if row is not None and row.incident_id:
            return session.get(IncidentRow, row.incident_id)
    return None


def members_of(session: Session, incident_id: str, limit: int = 10_000) -> list[Member]:
    """The alerts of an incident, by start."""
    rows = session.exec(
        select(AlertMemberRow)
        .where(AlertMemberRow.incident_id == incident_id)
        .order_by(
            col(AlertMemberRow.starts_us),
            col(AlertMemberRow.source),
            col(AlertMemberRow.fingerprint),
        )
        .limit(limit)
    )
    return [_member(row) for row in rows]


def count_members(session: Session, incident_id: str) -> int:
    """How many alerts an incident has."""
    query = select(func.count()).where(col(AlertMemberRow.incident_id) == incident_id)
    return session.exec(query).one()


def any_firing(session: Session, incident_id: str) -> bool:
    """True while a member was told to fire and not told to be over."""
    query = (
        select(AlertMemberRow.fingerprint)
        .where(AlertMemberRow.incident_id == incident_id)
        .where(col(AlertMemberRow.fired).is_(True))
        .where(col(AlertMemberRow.resolved).is_(False))
        .limit(1)
    )
    return session.exec(query).first() is not None


def last_confirmed(session: Session, incident_id: str, but: str) -> int | None:
    """When a firing member was last told of; None where none fires or one of source `but` does."""
    firing = (
        select(func.max(AlertMemberRow.last_told_us), func.max(AlertMemberRow.source == but))
        .where(AlertMemberRow.incident_id == incident_id)
        .where(col(AlertMemberRow.fired).is_(True))
        .where(col(AlertMemberRow.resolved).is_(False))
    )
    last_us, of_that_source = session.exec(firing).one()
    return None if of_that_source else last_us


def last_end(session: Session, incident_id: str) -> int | None:
    """When the last member ended; None where no end was told."""
    query = select(func.max(AlertMemberRow.ends_us)).where(
        AlertMemberRow.incident_id == incident_id
    )
    return session.exec(query).one()


def firing_of_alert(session: Session, source: str, fingerprint: str) -> Sequence[Member]:
    """Members of one source and fingerprint that are not resolved."""
    rows = session.exec(
        select(AlertMemberRow)
        .where(AlertMemberRow.source == source)
        .where(AlertMemberRow.fingerprint == fingerprint)
        .where(col(AlertMemberRow.resolved).is_(False))
    )
    return [_member(row) for row in rows]


def firing_of_source(session: Session, source: str, limit: int = 1000) -> Sequence[Member]:
    """Members of one source that are not resolved, the oldest first."""
    rows = session.exec(
        select(AlertMemberRow)
        .where(AlertMemberRow.source == source)
        .where(col(AlertMemberRow.resolved).is_(False))
        .order_by(col(AlertMemberRow.starts_us))
        .limit(limit)
    )
    return [_member(row) for row in rows]


def move_members(session: Session, from_id: str, to_id: str) -> int:
    """Give all alerts of one incident to another, as moved by a person; returns how many."""
    done = session.exec(
        update(AlertMemberRow)
        .where(col(AlertMemberRow.incident_id) == from_id)
        .values(incident_id=to_id, joined_by=MOVED)
    )
    return int(done.rowcount)


def moved_to(session: Session, source: str, fingerprint: str) -> str:
    """Where a person put an earlier alert of this source and fingerprint; "" for nowhere."""
    found = session.exec(
        select(AlertMemberRow.incident_id)
        .where(AlertMemberRow.source == source)
        .where(AlertMemberRow.fingerprint == fingerprint)
        .where(col(AlertMemberRow.joined_by).in_([MOVED, MOVED_BEFORE]))
        .order_by(col(AlertMemberRow.starts_us).desc())
        .limit(1)
    ).first()
    return found or ""


def merged_from(session: Session, number: int, limit: int = 50) -> list[int]:
    """Numbers of the incidents that a person put into this one."""
    query = select(IncidentRow.number).where(IncidentRow.merged_into == number)
    return list(session.exec(query.order_by(col(IncidentRow.number)).limit(limit)))


def save_member(session: Session, one: Member) -> None:
    """Insert or update."""
    key = one.told.key
    row = session.get(AlertMemberRow, key)
    if row is None:
        row = AlertMemberRow(
            source=key[0],
            fingerprint=key[1],
            starts_us=key[2],
            fired=one.fired,
            resolved=one.resolved,
            first_told_us=one.last_told_us,
            last_told_us=one.last_told_us,
            told={},
        )
    row.incident_id, row.joined_by = one.incident_id, one.joined_by
    row.fired, row.resolved, row.ends_us = one.fired, one.resolved, one.ends_us
    row.last_told_us = one.last_told_us
    row.told = asdict(one.told)
    session.add(row)
    session.flush()


def forget_orphans(session: Session, before_us: int) -> None:
    """Drop alerts without an incident that nobody has told of for long."""
    session.exec(
        delete(AlertMemberRow)
        .where(col(AlertMemberRow.incident_id) == "")
        .where(col(AlertMemberRow.last_told_us) < before_us)
    )


def _member(row: AlertMemberRow) -> Member:
    return Member(
        told=Delivery(**row.told),
        fired=row.fired,
        resolved=row.resolved,
        ends_us=row.ends_us,
        last_told_us=row.last_told_us,
        incident_id=row.incident_id,
        joined_by=row.joined_by,
    )


def newest_brief(session: Session, incident_id: str) -> BriefRow | None:
    """The brief that stands."""
    return session.exec(
        select(BriefRow)
        .where(BriefRow.incident_id == incident_id)
        .order_by(col(BriefRow.revision).desc())
        .limit(1)
    ).first()


def evidence_of(session: Session, incident_id: str, revision: int) -> Sequence[EvidenceRow]:
    """The evidence of one revision."""
    return session.exec(
        select(EvidenceRow)
        .where(EvidenceRow.incident_id == incident_id)
        .where(EvidenceRow.revision == revision)
        .order_by(func.length(EvidenceRow.id), col(EvidenceRow.id))
    ).all()


def due_work(session: Session, now_us: int, *, longest_waiting: bool) -> BriefWorkRow | None:
    """The incident whose brief is due and that loses most, or the one that has waited longest."""
    query = (
        select(BriefWorkRow)
        .join(IncidentRow, col(IncidentRow.id) == col(BriefWorkRow.incident_id))
        .where(BriefWorkRow.state == "dirty")
        .where(col(BriefWorkRow.due_us) <= now_us)
    )
    weight, money, orders, _ = _BY_IMPACT
    # Of the same weight, who has no brief at all comes before a renewal.
    by_impact = (weight, col(BriefWorkRow.revision) > 0, money, orders)
    order: Sequence[Any] = () if longest_waiting else by_impact
    return session.exec(query.order_by(*order, col(BriefWorkRow.due_us)).limit(1)).first()


def wanted_answer(session: Session, lost_before_us: int) -> BriefWorkRow | None:
    """An incident about which the model is to be asked, or was when the process died.

    The heaviest first, then the one that loses most money per minute, then who waits longest.
    """
    weight = case({one.value: one.weight for one in Severity}, value=col(IncidentRow.severity))
    rows = session.exec(
        select(BriefWorkRow, IncidentRow)
        .join(IncidentRow, col(IncidentRow.id) == col(BriefWorkRow.incident_id))
        .where(
            or_(
                col(BriefWorkRow.ask) == "wanted",
                (col(BriefWorkRow.ask) == "asking") & (col(BriefWorkRow.asked_us) < lost_before_us),
            )
        )
        .order_by(weight.desc(), col(BriefWorkRow.asked_us))
        .limit(_MAX_WAITING)
    ).all()
    if not rows:
        return None

    def order(row: tuple[BriefWorkRow, IncidentRow]) -> tuple[int, float, int]:
        work, incident = row
        lost = float(incident.impact.get("money_per_minute", 0))
        return -Severity(incident.severity).weight, -lost, work.asked_us

    return min(rows, key=order)[0]


def mark_dirty(session: Session, incident_id: str, due_us: int) -> None:
    """The incident wants a brief, not before `due_us` (an earlier wish stands)."""
    row = session.get(BriefWorkRow, incident_id)
    if row is None:
        row = BriefWorkRow(incident_id=incident_id, state="dirty", due_us=due_us)
    due = min(row.due_us, due_us) if row.state == "dirty" else due_us
    row.state, row.due_us = "dirty", due
    session.add(row)
    session.flush()
