"""What the engine runs for runbooks."""

from __future__ import annotations

from audit.log import AuditLog
from kernel.clock import Clock
from kernel.database import Database
from kernel.facts import Subscription
from kernel.facts.triage import BriefReady, IncidentResolved
from kernel.parts import Job, Part
from runbooks.escalating import Escalating
from runbooks.executor import ActionExecutor
from runbooks.ports import Recovery
from runbooks.records import Trail
from runbooks.recovery import RecoveryCheck
from runbooks.service import ApprovalService


def parts(
    database: Database,
    audit_log: AuditLog,
    clock: Clock,
    service: ApprovalService,
) -> list[Part]:
    """The loops: preparing proposals, carrying out what was approved."""
    executor = ActionExecutor(
        database,
        audit_log,
        clock,
        service.catalogue,
        service.adapters,
        service.settings,
        people=service.people,
    )
    return [
        Part("runbooks.prepare", service.preparing.step),
        Part("runbooks.execute", executor.step),
    ]


def jobs(
    database: Database,
    audit_log: AuditLog,
    clock: Clock,
    service: ApprovalService,
    recovery: Recovery,
) -> list[Job]:
    """The recurring work: expiry, edits, unanswered approvals and the recovery check."""
    check = RecoveryCheck(database, audit_log, clock, recovery, service.proposals)
    ladder = Escalating(database, Trail(audit_log), clock)
    return [
        Job("runbooks.expire", service.expire, 1),
        Job("runbooks.review", service.review.run, 2),
        Job("runbooks.escalate", ladder.run, 5),
        Job("runbooks.recovery", check.run, 5),
    ]


def subscriptions(service: ApprovalService) -> list[Subscription]:
    """The facts that runbooks hears of."""
    proposals = service.proposals
    return [
        Subscription("runbooks.brief", [BriefReady], proposals.on_brief),
        Subscription("runbooks.resolved", [IncidentResolved], proposals.on_resolved),
    ]
