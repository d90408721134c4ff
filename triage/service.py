"""What people and programs ask of incidents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from sqlmodel import Session

from access.principal import Principal, Role
from audit.log import AuditLog
from kernel.clock import HOUR_US, Clock, rfc3339
from kernel.database import Database
from kernel.errors import BadInput, NotAllowed, NotFound
from kernel.ids import uuid7
from triage import receiver_rows, repository, views
from triage.acts.judgement import Judgement
from triage.acts.regrouping import Regrouping
from triage.admission import Admission
from triage.after.postmortem import draft
from triage.after.times import averages, times, with_and_without_ai
from triage.incident import Event, IncidentState
from triage.intake import CONSUMER
from triage.models import AlertCursorRow, IncidentRow, RefusedPostRow
from triage.ports import Approvals, People
from triage.refused_posts import RefusedPosts
from triage.schemas import (
    AlertHealthOut,
    AveragesOut,
    IncidentLine,
    IncidentOut,
    QuarantinedOut,
    RefusedPostOut,
    TimelineOut,
    TimesOut,
)
from triage.timeline import happened, timeline_line

# Who may take and close incidents, from wherever they ask.
ACTING = (Role.RESPONDER, Role.APPROVER, Role.OWNER)
_MAX_LIST = 200
_MAX_ALERTS = 500
_TELL_AGAIN_US = HOUR_US
Notice = Callable[[Session, str, str], None]


class IncidentService:
    """Opens its own units of work. Shared by threads."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        audit_log: AuditLog,
        admission: Admission,
        approvals: Approvals | None = None,
        notice: Notice | None = None,
        *,
        people: People | None = None,
    ) -> None:
        """`notice(session, key, text)` tells people a line, once per key (Slack)."""
        self._database = database
        self._clock = clock
        self._audit = audit_log
        self._admission = admission
        self._approvals = approvals
        self._notice = notice
        self._people = people
        self._judgement = Judgement(clock, admission)
        self._regrouping = Regrouping(admission)
        self._refused_posts = RefusedPosts()

    def list(self, state: str | None = None, limit: int = 100) -> Sequence[IncidentLine]:
        """What burns by business impact, then what is over, newest first.

        `state` is open, acknowledged or resolved. Raises BadInput.
        """
        if state is not None and state not in set(IncidentState):
            raise BadInput(
                f"there is no state {state[:40]!r}",
                path="state",
                hint="open, acknowledged or resolved",
            )
        limit = max(1, min(limit, _MAX_LIST))
        with self._database.reading() as session:
            return [views.line(row) for row in repository.incidents(session, state, limit)]

    def show(self, incident_id: str) -> IncidentOut:
        """By id or `INC-n`. Raises NotFound."""
        with self._database.reading() as session:
            row = self._row(session, incident_id)
            members = repository.members_of(session, row.id, _MAX_ALERTS)
            alerts_total = repository.count_members(session, row.id)
            merged = repository.merged_from(session, row.number)
            brief = repository.newest_brief(session, row.id)
            evidence = (
                repository.evidence_of(session, row.id, brief.evidence_revision) if brief else []
            )
        approvals = self._approvals.approvals(incident_id=row.id) if self._approvals else []
        shown = views.whole(row, members, evidence, brief, approvals)
        return shown.model_copy(
            update={
                "alerts_total": alerts_total,
                "merged_from": [f"INC-{number}" for number in merged],
            }
        )

    def acknowledge(self, incident_id: str, person: Principal) -> IncidentOut:
        """A person takes it; repeats change nothing. Raises NotFound, NotAllowed, Conflict."""
        return self._moved_by(incident_id, Event.ACKNOWLEDGED, person)

    def close(self, incident_id: str, person: Principal) -> IncidentOut:
        """A person closes a stale incident. Raises NotFound, NotAllowed, Conflict."""
        return self._moved_by(incident_id, Event.CLOSED, person)

    def now_us(self) -> int:
        """The time that silences are counted from."""
        return self._clock.now_us()

    # What people say about it. All raise NotFound, NotAllowed, BadInput and Conflict.

    def change_severity(
        self, incident_id: str, person: Principal, severity: str, reason: str = ""
    ) -> IncidentOut:
        """minor, major or critical, until the loss grows by a step; lighter needs a reason."""
        with self._acting(incident_id, person) as (session, row):
            self._judgement.severity(session, row, person, severity, reason)
        return self.show(row.id)

    def silence(
        self, incident_id: str, person: Principal, until_us: int, reason: str = ""
    ) -> IncidentOut:
        """No notifications until then (at most 24 h); counting goes on, and it ends by itself."""
        with self._acting(incident_id, person) as (session, row):
            self._judgement.silence(session, row, person, until_us, reason)
        return self.show(row.id)

    def end_silence(self, incident_id: str, person: Principal) -> IncidentOut:
        """Notifications go out again; where none is silenced nothing changes."""
        with self._acting(incident_id, person) as (session, row):
            self._judgement.end_silence(session, row, person)
        return self.show(row.id)

    def not_an_incident(self, incident_id: str, person: Principal, reason: str) -> IncidentOut:
        """Over for good, with a reason; alerts that begin later open a new incident."""
        with self._acting(incident_id, person) as (session, row):
            self._judgement.not_an_incident(session, row, person, reason)
        return self.show(row.id)

    def take_over(self, incident_id: str, person: Principal) -> IncidentOut:
        """This person has it now; an open incident is acknowledged with it."""
        with self._acting(incident_id, person) as (session, row):
            self._judgement.take_over(session, row, person)
        return self.show(row.id)

    def hand_over(
        self, incident_id: str, person: Principal, to_person_id: str, note: str = ""
    ) -> IncidentOut:
        """Another person (by id or name) has it now; the note says what they must know."""
        to = self._people.responder(to_person_id, ACTING) if self._people else None
        if to is None:
            raise BadInput(
                f"there is no person {to_person_id[:60]!r} who may take incidents",
                path="to",
                hint=f"they need one of the roles: {', '.join(ACTING)}",
            )
        with self._acting(incident_id, person) as (session, row):
            self._judgement.hand_to(session, row, person, to, note)
        return self.show(row.id)

    def split(
        self, incident_id: str, person: Principal, members: Sequence[str], reason: str
    ) -> IncidentOut:
        """A new incident from these alerts (their `key`s); returns the new one."""
        with self._acting(incident_id, person) as (session, row):
            new = self._regrouping.split(session, row, person, members, reason)
        return self.show(new.id)

    def merge(self, incident_id: str, into_id: str, person: Principal, reason: str) -> IncidentOut:
        """All its alerts go into another incident; returns that one."""
        with self._acting(incident_id, person) as (session, row):
            into = self._row(session, into_id)
            self._regrouping.merge(session, row, into, person, reason)
        return self.show(into.id)

    def timeline(self, incident_id: str) -> Sequence[TimelineOut]:
        """What happened, oldest first, each line a record of the audit log. Raises NotFound."""
        with self._database.reading() as session:
            row = self._row(session, incident_id)
        return [timeline_line(one) for one in self._audit.subject_entries(incident=row.id)]

    def postmortem(self, incident_id: str) -> str:
        """The draft of a postmortem, Markdown, from records and what is stored. Raises NotFound."""
        incident = self.show(incident_id)
        name_of = self._people.name_of if self._people else str
        return draft(incident, self.timeline(incident.id), name_of)

    def times(self, last: int = 100) -> TimesOut:
        """How long the newest incidents took, with a model's brief and without."""
        with self._database.reading() as session:
            known = repository.newest(session, max(1, min(last, _MAX_LIST)))
        found = [
            times(onset_us, happened(self._audit.subject_entries(incident=incident_id)))
            for incident_id, onset_us in known
        ]
        ai, code = with_and_without_ai(found)
        figures = [AveragesOut(**asdict(one)) for one in (averages(found), ai, code)]
        return TimesOut(all=figures[0], with_ai=figures[1], without_ai=figures[2])

    def refused_post(self, status: int, reason: str, peer: str) -> None:
        """Count and keep a post of alerts that was turned away; tell people once an hour."""
        now_us = self._clock.now_us()
        times = self._refused_posts.to_write(status, now_us)
        if not times:
            return
        row = RefusedPostRow(
            id=uuid7(self._clock), status=status, reason=reason[:300], peer=peer[:80], at_us=now_us
        )
        with self._database.unit_of_work() as session:
            counter = receiver_rows.refused(session, row, times)
            if self._notice is not None and now_us - counter.told_us >= _TELL_AGAIN_US:
                counter.told_us = now_us
                text = (
                    f"A post of alerts was refused ({status}: {reason[:200]}). Its sender has"
                    " dropped it: check the receiver's settings there."
                )
                self._notice(session, f"refused:{status}:{now_us}", text)

    def alert_health(self) -> AlertHealthOut:
        """Refused posts, quarantined alerts, echoes and truncations."""
        with self._database.reading() as session:
            posts, counts = receiver_rows.refused_posts(session)
            aside = receiver_rows.quarantined(session)
            cursor = session.get(AlertCursorRow, CONSUMER) or AlertCursorRow(consumer=CONSUMER)
        return AlertHealthOut(
            refused={str(one.status): one.count for one in counts},
            refused_posts=[
                RefusedPostOut(
                    status=one.status, reason=one.reason, peer=one.peer, at=rfc3339(one.at_us)
                )
                for one in posts
            ],
            quarantined=[
                QuarantinedOut(
                    position=one.position,
                    item=one.item,
                    reason=one.reason,
                    receipt=one.receipt,
                    at=rfc3339(one.at_us),
                )
                for one in aside
            ],
            echoes=cursor.echoes,
            truncated=cursor.truncated,
        )

    def _moved_by(self, incident_id: str, event: Event, person: Principal) -> IncidentOut:
        with self._acting(incident_id, person) as (session, row):
            self._admission.move(session, row, event, person.actor())
        return self.show(row.id)

    @contextmanager
    def _acting(self, incident_id: str, person: Principal) -> Iterator[tuple[Session, IncidentRow]]:
        """A unit of work of a person who may act. Raises NotFound, NotAllowed."""
        if person.kind != "person":
            raise NotAllowed(
                "only a person can do this", hint="use a person's token, not a machine's"
            )
        if not person.has(*ACTING):
            raise NotAllowed(
                f"this needs one of the roles: {', '.join(ACTING)}",
                hint="ask an admin for the role",
            )
        with self._database.unit_of_work() as session:
            yield session, self._row(session, incident_id)

    @staticmethod
    def _row(session: Session, incident_id: str) -> IncidentRow:
        row = repository.incident(session, incident_id)
        if row is None:
            raise NotFound(
                f"there is no incident {incident_id[:60]!r}", hint="see `tillwatch incident list`"
            )
        return row
