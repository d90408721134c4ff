"""What the engine runs for runbooks."""

from __future__ import annotations

from audit.log import AuditLog
from kernel.clock import Clock
from kernel.database import Database
from kernel.facts import Subscription
from kernel.facts.triage import BriefReady, IncidentResolved
from kernel.parts import Job, Part
from runbooks.executor import ActionExecutor, RolesOf
from runbooks.ports import Recovery
from runbooks.recovery import RecoveryCheck
from runbooks.service import ApprovalService


def parts(
    database: Database,
    audit_log: AuditLog,
    clock: Clock,
    service: ApprovalService,
    roles_of: RolesOf,
) -> list[Part]:
    """The loops: preparing proposals, carrying out what was approved."""
    executor = ActionExecutor(
        database,
        audit_log,
        clock,
        service.catalogue,
        service.adapters,
        service.settings,
        roles_of=roles_of,
    )
    return [
        Part("runbooks.prepare", service.proposals.prepare),
        Part("runbooks.execute", executor.step),
    ]


def jobs(
    database: Database,
    audit_log: AuditLog,
    clock: Clock,
    service: ApprovalService,
    recovery: Recovery,
) -> list[Job]:
    """The recurring work: expiry and the recovery check."""
    check = RecoveryCheck(database, audit_log, clock, recovery, service.proposals)
    return [Job("runbooks.expire", service.expire, 1), Job("runbooks.recovery", check.run, 5)]


def subscriptions(service: ApprovalService) -> list[Subscription]:
    """The facts that runbooks hears of."""
    proposals = service.proposals
    return [
        Subscription("runbooks.brief", [BriefReady], proposals.on_brief),
        Subscription("runbooks.resolved", [IncidentResolved], proposals.on_resolved),
    ]
