"""What people decide about the gate: overrides by owners, and that a postmortem is written.

Each decision and its audit record are one transaction.
"""

from __future__ import annotations

import re

from access.principal import Principal, Role
from access.refusal_log import RefusalLog
from audit.entries import Entry, Payload
from audit.log import AuditLog
from kernel.clock import HOUR_US, Clock, rfc3339
from kernel.database import Database
from kernel.errors import BadInput, Conflict, NotAllowed, NotFound
from kernel.ids import uuid7
from slo.policy import repository
from slo.policy.models import OverrideRow, PostmortemRow
from slo.policy.presenting import override_out
from slo.policy.schemas import OverrideOut
from slo.policy.service import PolicyService

MAX_HOURS = 7 * 24
MAX_REASON = 2_000
_REFUSALS_PER_MINUTE = 60
_WRITERS = (Role.RESPONDER, Role.APPROVER, Role.OWNER)
_LINK = re.compile(r"https?://[^\s<>\"'`]{3,480}\Z")


class PolicyDecisions:
    """Overrides and postmortems. Threads may share it."""

    def __init__(
        self, database: Database, audit_log: AuditLog, clock: Clock, policy: PolicyService
    ) -> None:
        self._database = database
        self._audit_log = audit_log
        self._clock = clock
        self._policy = policy
        self._refusals = RefusalLog("authz", database, audit_log, clock, limit=_REFUSALS_PER_MINUTE)

    def override(self, person: Principal, service: str, reason: str, hours: int) -> OverrideOut:
        """Let changes of the service pass for `hours`.

        Raises NotAllowed (recorded) for all but a person who is an owner; BadInput; NotFound.
        """
        self._only(person, (Role.OWNER,), service, "override the policy")
        reason = reason.strip()
        if not reason or len(reason) > MAX_REASON:
            raise BadInput(
                f"an override needs a written reason of at most {MAX_REASON} characters",
                path="reason",
            )
        if not 1 <= hours <= MAX_HOURS:
            raise BadInput(
                f"an override lasts 1 to {MAX_HOURS} hours (7 days), not {hours}",
                path="hours",
                hint="make it as short as the change needs",
            )
        self._policy.check_service(service)
        now_us = self._clock.now_us()
        row = OverrideRow(
            id=uuid7(self._clock),
            service=service,
            reason=reason,
            by_id=person.person_id,
            by_name=person.name,
            created_us=now_us,
            expires_us=now_us + hours * HOUR_US,
            record="",
        )
        entry = Entry(
            "policy.overridden",
            person.actor(),
            "service",
            service,
            data={
                "service": service,
                "override_id": row.id,
                "expires_at": rfc3339(row.expires_us),
                "roles": sorted(role.value for role in person.roles),
            },
            payloads={"reason": Payload(reason.encode(), "personal")},
        )
        with self._database.unit_of_work() as session:
            row.record = self._audit_log.record(session, entry)
            session.add(row)
        return override_out(row, now_us)

    def revoke(self, person: Principal, override_id: str) -> OverrideOut:
        """End an override now. Raises NotAllowed (recorded), NotFound, or Conflict: it is over."""
        with self._database.reading() as session:
            known = repository.override(session, override_id)
        self._only(person, (Role.OWNER,), known.service if known else "", "revoke an override")
        if known is None:
            raise NotFound(
                f"there is no override {override_id[:80]!r}",
                hint="`tillwatch slo gate overrides` lists them",
            )
        now_us = self._clock.now_us()
        entry = Entry(
            "policy.override_revoked",
            person.actor(),
            "service",
            known.service,
            parent=(known.record,),
            data={"service": known.service, "override_id": override_id},
        )
        with self._database.unit_of_work() as session:
            if not repository.revoke(session, override_id, person.person_id, now_us):
                raise Conflict("the override is over already: look again")
            self._audit_log.record(session, entry)
            row = repository.override(session, override_id)
            if row is None:
                raise Conflict("the override is gone: look again")
            return override_out(row, now_us)

    def postmortem(self, person: Principal, incident: str, link: str) -> dict[str, str]:
        """The incident's postmortem stands at `link`; said again, the newer link counts.

        Raises NotAllowed (recorded), BadInput for what is no address, NotFound.
        """
        self._only(person, _WRITERS, "", "mark a postmortem as written")
        link = link.strip()
        if not _LINK.match(link):
            raise BadInput(
                "the link to a postmortem begins with https:// (or http://) and has no spaces",
                path="link",
            )
        with self._database.unit_of_work() as session:
            span = repository.span(session, incident)
            if span is None:
                raise NotFound(
                    f"no incident {incident[:80]!r} is known to the policy",
                    hint="`tillwatch incident list` names them (INC-7)",
                )
            entry = Entry(
                "policy.postmortem_done",
                person.actor(),
                "incident",
                span.incident_id,
                incident=span.incident_id,
                data={"service": span.service, "number": span.number},
                payloads={"link": Payload(link.encode())},
            )
            row = session.get(PostmortemRow, span.incident_id) or PostmortemRow(
                incident_id=span.incident_id, link="", by_id="", by_name="", at_us=0, record=""
            )
            row.link, row.at_us = link, self._clock.now_us()
            row.by_id, row.by_name = person.person_id, person.name
            row.record = self._audit_log.record(session, entry)
            session.add(row)
            return {
                "incident": f"INC-{span.number}",
                "incident_id": span.incident_id,
                "link": link,
                "by": person.name,
                "at": rfc3339(row.at_us),
            }

    def _only(self, person: Principal, roles: tuple[Role, ...], service: str, what: str) -> None:
        """Raise NotAllowed, and leave a record of it, where this person has no say."""
        if person.kind != "person":
            why = f"only people {what}: a machine's token cannot"
        elif not person.has(*roles):
            names = ", ".join(sorted(role.value for role in roles))
            why = f"to {what} needs one of the roles: {names}"
        else:
            return
        entry = Entry(
            "authz.denied",
            person.actor(),
            "service",
            service or "policy",
            outcome="denied",
            data={"needed": sorted(role.value for role in roles)},
        )
        self._refusals.refused(entry)
        raise NotAllowed(why, hint="ask somebody with the role; your attempt was recorded")
