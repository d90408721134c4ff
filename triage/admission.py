"""Alerts become members, members become incidents: in the caller's unit of work, audited.

One door for Alertmanager's alerts and for our own burn alerts, so that one cause told by both is
one incident.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlmodel import Session

from audit.entries import Actor, Entry, Payload
from audit.log import AuditLog
from kernel.clock import Clock
from kernel.errors import NotFound
from kernel.facts import publish
from kernel.facts.triage import IncidentChanged, IncidentOpened, IncidentResolved
from kernel.ids import uuid7
from triage import repository
from triage.identity import (
    MOVED_BEFORE,
    OPENED_IT,
    OWN_SOURCE,
    Choice,
    Delivery,
    Key,
    Member,
    choose,
    merge,
)
from triage.incident import Event, Impact, IncidentState, Severity, is_quiet, step
from triage.incident_row import (
    absorb,
    first_impact,
    one_line,
    take_impact,
    take_left_out,
    take_state,
)
from triage.models import IncidentRow
from triage.ports import Budgets
from triage.second_channel import SecondChannel
from triage.settings import TriageSettings

SYSTEM = Actor(kind="system", ref="triage")


class Admission:
    """Applies tellings and transitions to the rows. Opens no transaction of its own."""

    def __init__(
        self,
        clock: Clock,
        audit_log: AuditLog,
        settings: TriageSettings,
        second: SecondChannel,
        budgets: Budgets | None = None,
    ) -> None:
        self._clock = clock
        self._audit = audit_log
        self._settings = settings
        self._second = second
        self._budgets = budgets

    def tell(self, session: Session, *tellings: Delivery) -> str:
        """Take tellings of alerts. Returns the last one's incident, "" where it has none.

        An alert that was only ever told as resolved belongs to no incident: nothing burned that
        we know of. If its firing comes late, the incident is opened and resolved at once. Alerts
        of one call that join the same incident are one record of the audit: a storm must not
        bury it.
        """
        joined: dict[tuple[str, str, str], int] = {}
        incident_id = ""
        for told in tellings:
            incident_id = self._take(session, told, joined)
        for (owner, source, joined_by), members in joined.items():
            row = repository.incident(session, owner)
            if row is not None:
                data = {"source": source, "joined_by": joined_by, "members": members}
                self.record(session, row, "incident.joined", SYSTEM, data)
                self.changed(session, row, "joined")
        return incident_id

    def _take(
        self, session: Session, told: Delivery, joined: dict[tuple[str, str, str], int]
    ) -> str:
        now_us = self._clock.now_us()
        known = repository.member(session, told.key)
        member = merge(known, told, now_us)
        if known is not None and known.same_state(member):
            repository.save_member(session, member)
            if member.firing and member.incident_id:
                self._confirmed(session, member.incident_id)
            return member.incident_id
        row: IncidentRow | None = None
        if not member.incident_id and member.fired:
            member, row = self._place(session, member)
            if row is not None and member.joined_by != OPENED_IT:
                place = (row.id, told.source, member.joined_by)
                joined[place] = joined.get(place, 0) + 1
        elif member.incident_id:
            row = repository.incident(session, member.incident_id)
        repository.save_member(session, member)
        if row is None:
            return ""
        if member.firing:
            self.move(session, row, Event.FIRING, SYSTEM)
        elif row.state == IncidentState.RESOLVED and member.ends_us is not None:
            row.over_us = max(row.over_us or 0, member.ends_us)
            session.add(row)
        if not member.firing:
            self.settle(session, row)
        return row.id

    def settle(self, session: Session, row: IncidentRow) -> bool:
        """Resolve the incident if nothing of it burns any more."""
        if row.state == IncidentState.RESOLVED:
            return False
        if repository.any_firing(session, row.id):
            return False
        if any(self._burning(one) for one in row.objective_ids):
            return False
        if row.left_out:
            # Its sender left alerts out: nobody knows how they are, so a person has to say.
            self.move(session, row, Event.QUIET, SYSTEM)
            return False
        row.over_us = repository.last_end(session, row.id) or self._clock.now_us()
        return self.move(session, row, Event.ALL_CLEAR, SYSTEM)

    def left_out(self, session: Session, keys: Sequence[Key], group_key: str, count: int) -> None:
        """The newest post of a group, with the members of these keys, left out `count` alerts."""
        row = repository.incident_of_any(session, keys)
        if row is None:
            return
        before, after = take_left_out(row, group_key, count)
        if before == after:
            return
        session.add(row)
        if not before:
            self.record(session, row, "incident.left_out", SYSTEM, {"count": after})
        self.changed(session, row, "left_out")
        if not after:
            self.settle(session, row)

    def check_quiet(self, session: Session, row: IncidentRow) -> bool:
        """Flag the incident as stale where nobody has confirmed its alerts for too long."""
        last_us = repository.last_confirmed(session, row.id, OWN_SOURCE)
        if last_us is None:
            return False
        if not is_quiet(last_us, self._settings.alert_repeat_interval_s, self._clock.now_us()):
            return False
        return self.move(session, row, Event.QUIET, SYSTEM)

    def weigh(self, session: Session, row: IncidentRow, impact: Impact) -> None:
        """Take a new look at the loss: the severity may rise, and a silence that no longer fits
        what is lost ends.
        """
        before = take_impact(row, impact, self._settings.scale)
        session.add(row)
        if row.severity != before:
            data = {"severity": str(row.severity), "from_severity": str(before)}
            self.record(session, row, "incident.severity", SYSTEM, data)
            self.changed(session, row, "severity")
        if row.silenced_until_us is not None and row.impact_step > row.silence_step:
            self.end_silence(session, row, SYSTEM, "the loss has grown")

    def end_silence(self, session: Session, row: IncidentRow, actor: Actor, why: str) -> None:
        """Notifications go out again. `why`: words of ours."""
        row.silenced_until_us = None
        session.add(row)
        self.record(session, row, "incident.silence_ended", actor, {"reason": why})
        self.changed(session, row, "silence_ended")

    def move(
        self,
        session: Session,
        row: IncidentRow,
        event: Event,
        actor: Actor,
        data: Mapping[str, Any] | None = None,
        payloads: Mapping[str, bytes] | None = None,
    ) -> bool:
        """Move the state machine; write, publish and audit if it moved. Raises Conflict.

        `data` and `payloads` go into the record of the change.
        """
        now_us = self._clock.now_us()
        before = repository.machine(row)
        after = step(before, event, now_us)
        if after == before:
            return False
        take_state(row, after, now_us)
        if event is Event.ACKNOWLEDGED:
            row.acknowledged_by = actor.ref
            row.taken_by = row.taken_by or actor.ref
        if event in _ENDED_BY_PEOPLE:
            row.over_us = row.over_us or now_us
        session.add(row)
        ended_otherwise = before.resolution is not after.resolution
        moved = before.state is not after.state or ended_otherwise or event is Event.QUIET
        what = _WORDS[event] if moved else ""
        if not what:
            self.changed(session, row, "confirmed")
            return True
        self.record(session, row, f"incident.{what}", actor, data, payloads)
        if after.state is IncidentState.RESOLVED:
            self._publish_resolved(session, row)
        if before.state is not after.state and after.state is IncidentState.RESOLVED:
            self._second.announce(session, row, "resolved", now_us)
        elif what == "reopened":
            self._second.announce(session, row, "opened", now_us)
        repository.mark_dirty(session, row.id, now_us)
        self.changed(session, row, what)
        return True

    def regrouped(self, session: Session, row: IncidentRow) -> None:
        """Its members changed by hand: it may be over now, and wants a new brief."""
        now_us = self._clock.now_us()
        row.updated_us = now_us
        session.add(row)
        session.flush()
        self.settle(session, row)
        repository.mark_dirty(session, row.id, now_us)
        self.changed(session, row, "regrouped")

    def changed(self, session: Session, row: IncidentRow, what: str) -> None:
        """Card and page render anew."""
        publish(session, IncidentChanged(incident_id=row.id, what=what), self._clock.now_us())

    def record(
        self,
        session: Session,
        row: IncidentRow,
        kind: str,
        actor: Actor,
        data: Mapping[str, Any] | None = None,
        payloads: Mapping[str, bytes] | None = None,
    ) -> str:
        """Audit record about an incident, in the transaction of the change."""
        return self._audit.record(
            session,
            Entry(
                type=kind,
                actor=actor,
                subject_kind="incident",
                subject_ref=row.id,
                incident=row.id,
                data={"number": row.number, "state": str(row.state), **(data or {})},
                payloads={name: Payload(text) for name, text in (payloads or {}).items()},
            ),
        )

    def _confirmed(self, session: Session, incident_id: str) -> None:
        row = repository.incident(session, incident_id)
        if row is None:
            return
        if row.state == IncidentState.RESOLVED:
            self.move(session, row, Event.FIRING, SYSTEM)
        else:
            self.move(session, row, Event.REFRESHED, SYSTEM)

    def _place(self, session: Session, member: Member) -> tuple[Member, IncidentRow | None]:
        choice = self._where_people_put_it(session, member) or choose(
            member, repository.candidates(session, member.told)
        )
        if choice is not None:
            row = repository.incident(session, choice.incident_id)
            if row is not None:
                member = replace(member, incident_id=row.id, joined_by=choice.joined_by)
                self._join(session, row, member)
                return member, row
        if not member.told.pages:
            return member, None
        row = self.open(session, member)
        return replace(member, incident_id=row.id, joined_by=OPENED_IT), row

    @staticmethod
    def _where_people_put_it(session: Session, member: Member) -> Choice | None:
        """An alert that fires anew goes where a person put it before, while that is not over."""
        incident_id = repository.moved_to(session, member.told.source, member.told.fingerprint)
        row = repository.incident(session, incident_id) if incident_id else None
        if row is None or row.state == IncidentState.RESOLVED:
            return None
        return Choice(row.id, MOVED_BEFORE)

    def _join(self, session: Session, row: IncidentRow, member: Member) -> None:
        absorb(row, member)
        now_us = self._clock.now_us()
        row.updated_us = now_us
        session.add(row)
        repository.mark_dirty(session, row.id, now_us)

    def open(
        self,
        session: Session,
        member: Member,
        actor: Actor = SYSTEM,
        split_from: int = 0,
    ) -> IncidentRow:
        """A new incident around its first member. `split_from`: the number of the one it was in."""
        now_us = self._clock.now_us()
        told = member.told
        row = IncidentRow(
            id=uuid7(self._clock),
            number=repository.next_number(session),
            state=IncidentState.OPEN,
            severity=Severity.MINOR,
            split_from=split_from,
            left_out={},
            title=one_line(told.title) or "An alert fires",
            service=told.service,
            objective_ids=[],
            segments=[],
            labels={},
            group_keys=[],
            impact={},
            onset_us=member.onset_us,
            last_onset_us=member.onset_us,
            opened_us=now_us,
            updated_us=now_us,
        )
        absorb(row, member)
        take_impact(row, first_impact(told, now_us), self._settings.scale)
        session.add(row)
        session.flush()
        data: dict[str, Any] = {"severity": str(row.severity), "objectives": row.objective_ids}
        if split_from:
            data["other_incident"] = f"INC-{split_from}"
        kind = "incident.split_off" if split_from else "incident.opened"
        self.record(session, row, kind, actor, data, {"title": row.title.encode()})
        publish(
            session,
            IncidentOpened(
                incident_id=row.id,
                number=row.number,
                service=row.service,
                objective_ids=row.objective_ids,
                onset_us=row.onset_us,
                opened_us=now_us,
                severity=row.severity,
            ),
            now_us,
        )
        self._second.announce(session, row, "opened", now_us)
        repository.mark_dirty(session, row.id, now_us)
        return row

    def _publish_resolved(self, session: Session, row: IncidentRow) -> None:
        now_us = self._clock.now_us()
        publish(
            session,
            IncidentResolved(
                incident_id=row.id,
                service=row.service,
                objective_ids=row.objective_ids,
                onset_us=row.onset_us,
                resolved_us=row.resolved_us or now_us,
                resolution=row.resolution,
            ),
            now_us,
        )

    def _burning(self, objective_id: str) -> bool:
        """False also for an objective that is not ours (a label of somebody else's rule)."""
        if self._budgets is None:
            return False
        try:
            return self._budgets.burning(objective_id, {})
        except NotFound:
            return False


_WORDS = {
    Event.ACKNOWLEDGED: "acknowledged",
    Event.ALL_CLEAR: "resolved",
    Event.CLOSED: "closed",
    Event.DISMISSED: "not_an_incident",
    Event.MERGED: "merged",
    Event.FIRING: "reopened",
    Event.QUIET: "stale",
    Event.REFRESHED: "",
}
_ENDED_BY_PEOPLE = (Event.CLOSED, Event.DISMISSED, Event.MERGED)
