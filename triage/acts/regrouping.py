"""People put alerts into the incident where they belong: split and merge.

In the caller's unit of work, audited on both sides. A member keeps its identity and is always in
exactly one incident; what is told of it later goes where it is now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlmodel import Session

from access.principal import Principal
from kernel.errors import BadInput, Conflict, NotFound
from triage import repository
from triage.acts.judgement import payload, said
from triage.admission import Admission
from triage.identity import MOVED, Member, parse_key
from triage.incident import Event, IncidentState, Resolution
from triage.incident_row import absorb, absorb_incident, refold
from triage.models import IncidentRow

MOST_SPLIT = 500


class Regrouping:
    """Moves members between incidents. Whether the person may is checked before."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def split(
        self,
        session: Session,
        row: IncidentRow,
        person: Principal,
        keys: Sequence[str],
        reason: str,
    ) -> IncidentRow:
        """A new incident from some of the members. Raises BadInput, NotFound, Conflict.

        One member at least stays, so that both are about something.
        """
        why = said(reason, needed=True)
        if row.state == IncidentState.RESOLVED:
            raise Conflict("the incident is over", hint="split while it burns; merge works later")
        moving = self._chosen(session, row, keys)
        if repository.count_members(session, row.id) <= len(moving):
            raise Conflict(
                "nothing would stay in the incident", hint="leave at least one alert where it is"
            )
        new = self._admission.open(session, moving[0], person.actor(), split_from=row.number)
        for one in moving:
            absorb(new, one)
            repository.save_member(session, replace(one, incident_id=new.id, joined_by=MOVED))
        refold(row, repository.members_of(session, row.id))
        session.add(row)
        data = {"other_incident": f"INC-{new.number}", "members": len(moving)}
        self._admission.record(session, row, "incident.split", person.actor(), data, payload(why))
        for incident in (row, new):
            self._admission.regrouped(session, incident)
        return new

    def merge(
        self,
        session: Session,
        row: IncidentRow,
        into: IncidentRow,
        person: Principal,
        reason: str,
    ) -> None:
        """All members go into another incident; this one is over and points there.

        Raises BadInput, Conflict.
        """
        why = said(reason, needed=True)
        _check_merge(row, into)
        moved = repository.move_members(session, row.id, into.id)
        absorb_incident(into, row)
        row.merged_into, row.resolution_reason = into.number, why
        session.add(into)
        actor = person.actor()
        data = {"other_incident": f"INC-{into.number}", "members": moved}
        self._admission.move(session, row, Event.MERGED, actor, data, payload(why))
        data = {"other_incident": f"INC-{row.number}", "members": moved}
        self._admission.record(session, into, "incident.merged_in", actor, data)
        if repository.any_firing(session, into.id):
            self._admission.move(session, into, Event.FIRING, actor)
        self._admission.regrouped(session, into)

    @staticmethod
    def _chosen(session: Session, row: IncidentRow, keys: Sequence[str]) -> list[Member]:
        if not 1 <= len(keys) <= MOST_SPLIT:
            raise BadInput(f"name 1 to {MOST_SPLIT} alerts", path="members")
        found: list[Member] = []
        for text in dict.fromkeys(keys):
            key = parse_key(text)
            one = repository.member(session, key) if key else None
            if one is None or one.incident_id != row.id:
                raise NotFound(
                    f"the incident has no alert {text[:60]!r}",
                    hint="the field `key` of its alerts names them",
                )
            found.append(one)
        return sorted(found, key=lambda one: one.told.starts_us)


def _check_merge(row: IncidentRow, into: IncidentRow) -> None:
    if row.id == into.id:
        raise BadInput("an incident cannot go into itself", path="into")
    if row.resolution == Resolution.MERGED:
        raise Conflict(f"it already went into INC-{row.merged_into}")
    if into.resolution == Resolution.MERGED:
        raise Conflict(
            f"INC-{into.number} itself went into INC-{into.merged_into}",
            hint=f"merge into INC-{into.merged_into}",
        )
    if into.resolution == Resolution.NOT_AN_INCIDENT:
        raise Conflict(
            f"INC-{into.number} was judged not to be an incident",
            hint="merge the other way round, or judge this one the same",
        )
