"""What people say about an incident: how bad it is, that it may be quiet, who has it, that it is
none. In the caller's unit of work, audited; what a person wrote lies beside the record.
"""

from __future__ import annotations

from sqlmodel import Session

from access.principal import Principal
from kernel.clock import HOUR_US, Clock, rfc3339
from kernel.errors import BadInput, Conflict
from triage.admission import Admission
from triage.incident import Event, IncidentState, Severity
from triage.models import IncidentRow

MAX_REASON = 500
# Whoever still wants it quiet then says so again: nobody forgets a silence over a weekend.
LONGEST_SILENCE_US = 24 * HOUR_US


class Judgement:
    """Applies what a person said to the row. Whether they may say it is checked before."""

    def __init__(self, clock: Clock, admission: Admission) -> None:
        self._clock = clock
        self._admission = admission

    def severity(
        self, session: Session, row: IncidentRow, person: Principal, wanted: str, reason: str
    ) -> None:
        """Stands until the loss grows by a step. Making it lighter needs a reason.

        Raises BadInput, Conflict.
        """
        _must_burn(row)
        if wanted not in set(Severity):
            raise BadInput(
                f"there is no severity {wanted[:40]!r}",
                path="severity",
                hint=", ".join(Severity),
            )
        before, after = Severity(row.severity), Severity(wanted)
        why = said(reason, needed=after.weight < before.weight)
        if after is before and row.severity_by == person.person_id:
            return
        row.severity, row.severity_weight = after, after.weight
        row.severity_by, row.severity_reason = person.person_id, why
        row.severity_step = row.impact_step
        session.add(row)
        data = {"severity": str(after), "from_severity": str(before)}
        self._admission.record(
            session, row, "incident.severity", person.actor(), data, payload(why)
        )
        self._admission.changed(session, row, "severity")

    def silence(
        self, session: Session, row: IncidentRow, person: Principal, until_us: int, reason: str
    ) -> None:
        """No notifications until then; counting, card and page go on. Raises BadInput, Conflict."""
        _must_burn(row)
        now_us = self._clock.now_us()
        if not now_us < until_us <= now_us + LONGEST_SILENCE_US:
            raise BadInput(
                "a silence ends between now and 24 hours from now",
                path="until",
                hint="choose a time within the next 24 hours; it can be renewed",
            )
        why = said(reason, needed=False)
        row.silenced_us, row.silenced_until_us = now_us, until_us
        row.silenced_by, row.silence_reason = person.person_id, why
        row.silence_step = row.impact_step
        session.add(row)
        data = {"until": rfc3339(until_us)}
        self._admission.record(
            session, row, "incident.silenced", person.actor(), data, payload(why)
        )
        self._admission.changed(session, row, "silenced")

    def end_silence(self, session: Session, row: IncidentRow, person: Principal) -> None:
        """Before its time; ending none changes nothing."""
        if row.silenced_until_us is not None:
            self._admission.end_silence(session, row, person.actor(), "a person ended it")

    def not_an_incident(
        self, session: Session, row: IncidentRow, person: Principal, reason: str
    ) -> None:
        """Over for good: its alerts may fire on. Alerts that begin later open a new incident.

        Raises BadInput, Conflict.
        """
        why = said(reason, needed=True)
        if self._admission.move(
            session, row, Event.DISMISSED, person.actor(), payloads=payload(why)
        ):
            row.resolution_reason = why
            session.add(row)

    def take_over(self, session: Session, row: IncidentRow, person: Principal) -> None:
        """This person has it now, whoever had it before. Raises Conflict."""
        self.hand_to(session, row, person, person, "")

    def hand_to(
        self, session: Session, row: IncidentRow, person: Principal, to: Principal, note: str
    ) -> None:
        """`to` has it now, with what they must know. Raises BadInput, Conflict."""
        _must_burn(row)
        text = said(note, needed=False)
        if row.state == IncidentState.OPEN:
            self._admission.move(session, row, Event.ACKNOWLEDGED, person.actor())
        if row.taken_by == to.person_id and text == row.handover_note:
            return
        row.taken_by, row.handover_note = to.person_id, text
        session.add(row)
        kind = "incident.taken_over" if to == person else "incident.handed_over"
        data = {"person_id": to.person_id}
        self._admission.record(session, row, kind, person.actor(), data, payload(text, "note"))
        self._admission.changed(session, row, "taken")


def said(text: str, *, needed: bool) -> str:
    """A person's words on one line, bounded. Raises BadInput."""
    clean = "".join(char if char.isprintable() else " " for char in text).strip()
    if len(clean) > MAX_REASON:
        raise BadInput(f"a reason has at most {MAX_REASON} characters", path="reason")
    if needed and not clean:
        raise BadInput(
            "this needs a reason",
            path="reason",
            hint="say why: it stands on the incident and in the audit",
        )
    return clean


def payload(text: str, name: str = "reason") -> dict[str, bytes]:
    """A person's words beside the record; nothing where they said nothing."""
    return {name: text.encode()} if text else {}


def _must_burn(row: IncidentRow) -> None:
    if row.state == IncidentState.RESOLVED:
        raise Conflict(
            "the incident is over", hint="it opens again by itself if an alert of it fires"
        )
