"""What people and programs ask of incidents."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlmodel import Session

from access.principal import Principal, Role
from audit.log import AuditLog
from audit.schemas import RecordOut
from kernel.clock import HOUR_US, Clock, rfc3339
from kernel.database import Database
from kernel.errors import BadInput, NotAllowed, NotFound
from kernel.ids import uuid7
from triage import repository, views
from triage.admission import Admission
from triage.incident import Event, IncidentState
from triage.intake import CONSUMER
from triage.models import AlertCursorRow, IncidentRow, RefusedPostRow
from triage.ports import Approvals
from triage.refused_posts import RefusedPosts
from triage.schemas import (
    AlertHealthOut,
    IncidentLine,
    IncidentOut,
    QuarantinedOut,
    RefusedPostOut,
    TimelineOut,
)

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
    ) -> None:
        """`notice(session, key, text)` tells people a line, once per key (Slack)."""
        self._database = database
        self._clock = clock
        self._audit = audit_log
        self._admission = admission
        self._approvals = approvals
        self._notice = notice
        self._refused_posts = RefusedPosts()

    def list(self, state: str | None = None, limit: int = 100) -> Sequence[IncidentLine]:
        """Newest first; `state` is open, acknowledged or resolved. Raises BadInput."""
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
            brief = repository.newest_brief(session, row.id)
            evidence = (
                repository.evidence_of(session, row.id, brief.evidence_revision) if brief else []
            )
        approvals = self._approvals.approvals(incident_id=row.id) if self._approvals else []
        shown = views.whole(row, members, evidence, brief, approvals)
        return shown.model_copy(update={"alerts_total": alerts_total})

    def acknowledge(self, incident_id: str, person: Principal) -> IncidentOut:
        """A person takes it; repeats change nothing. Raises NotFound, NotAllowed, Conflict."""
        return self._moved_by(incident_id, Event.ACKNOWLEDGED, person)

    def close(self, incident_id: str, person: Principal) -> IncidentOut:
        """A person closes a stale incident. Raises NotFound, NotAllowed, Conflict."""
        return self._moved_by(incident_id, Event.CLOSED, person)

    def timeline(self, incident_id: str) -> Sequence[TimelineOut]:
        """What happened, oldest first, each line a record of the audit log. Raises NotFound."""
        with self._database.reading() as session:
            row = self._row(session, incident_id)
        return [_timeline(one) for one in self._audit.subject_entries(incident=row.id)]

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
            counter = repository.refused(session, row, times)
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
            posts, counts = repository.refused_posts(session)
            aside = repository.quarantined(session)
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
            row = self._row(session, incident_id)
            self._admission.move(session, row, event, person.actor())
        return self.show(row.id)

    @staticmethod
    def _row(session: Session, incident_id: str) -> IncidentRow:
        row = repository.incident(session, incident_id)
        if row is None:
            raise NotFound(
                f"there is no incident {incident_id[:60]!r}", hint="see `tillwatch incident list`"
            )
        return row


_WHAT = {
    "incident.opened": "Incident opened",
    "incident.joined": "An alert joined ({source}: {joined_by})",
    "incident.acknowledged": "Acknowledged",
    "incident.resolved": "Resolved: every alert is over and no objective burns",
    "incident.reopened": "Reopened: an alert fires again",
    "incident.closed": "Closed by a person",
    "incident.stale": "Nobody has confirmed the alerts for hours: does it still burn?",
    "incident.brief": "Brief {count} written by {brief_source}",
    "ai.request": "The model was asked",
    "ai.suggestion": "The model's brief was taken",
    "ai.rejected": "The model's answer was not taken: {reason}",
    "approval.requested": "Approval requested: {runbook} / {step}",
    "approval.decision": "Decision: {decision}",
    "approval.expired": "The approval expired: nothing was done",
    "action.intent": "Action about to run: {step}",
    "action.result": "Action finished: {result}",
    "action.blocked": "Action blocked: {reason}",
    "recovery.checked": "Recovery checked: {state}",
}


class _Known(dict[str, object]):
    """Leaves out what a record does not say."""

    def __missing__(self, key: str) -> str:
        return "-"


def _timeline(record: RecordOut) -> TimelineOut:
    words = _WHAT.get(record.type, record.type)
    return TimelineOut(
        at=record.at,
        what=words.format_map(_Known(record.data)),
        actor_kind=record.actor.kind,
        actor=record.actor.ref,
        type=record.type,
        record=record.id,
    )
