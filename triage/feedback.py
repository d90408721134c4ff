"""What people say of briefs: helpful, partly, wrong. Each answer is a record of the audit.

Whoever grades conclusions reads these records; nothing here changes what a brief says.
"""

from __future__ import annotations

from access.principal import READERS, Principal
from audit.entries import Entry
from audit.log import AuditLog
from kernel.database import Database
from kernel.errors import BadInput, NotAllowed, NotFound
from triage import repository
from triage.models import BriefRow

VERDICTS = ("helpful", "partly", "wrong")


class Feedback:
    """Opens its own units of work. Shared by threads."""

    def __init__(self, database: Database, audit_log: AuditLog) -> None:
        self._database = database
        self._audit = audit_log

    def grade(self, incident_id: str, revision: int, person: Principal, verdict: str) -> None:
        """Record one person's word on one revision of a brief; a later word is a later record.

        Raises BadInput, NotAllowed, or NotFound where there is no such brief.
        """
        if verdict not in VERDICTS:
            raise BadInput("a verdict is helpful, partly or wrong", path="verdict")
        if person.kind != "person" or not person.has(*READERS):
            raise NotAllowed("only people who may read incidents grade their briefs")
        with self._database.unit_of_work() as session:
            row = repository.incident(session, incident_id)
            brief = session.get(BriefRow, (row.id, revision)) if row else None
            if row is None or brief is None:
                raise NotFound(
                    f"there is no brief {revision} of this incident", hint="look at its page"
                )
            entry = Entry(
                type="incident.feedback",
                actor=person.actor(),
                subject_kind="incident",
                subject_ref=row.id,
                incident=row.id,
                parent=(brief.suggestion_record,) if brief.suggestion_record else (),
                data={
                    "verdict": verdict,
                    "brief_source": brief.source,
                    "version": str(revision),
                    "channel": person.method,
                },
            )
            self._audit.record(session, entry)
