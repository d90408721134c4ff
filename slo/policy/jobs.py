"""What the engine runs for the budget policy."""

from __future__ import annotations

from sqlmodel import Session

from kernel.facts import Subscription
from kernel.facts.triage import IncidentOpened, IncidentResolved
from kernel.parts import Job
from slo.policy.service import PolicyService

EVERY_S = 60.0


def jobs(service: PolicyService) -> list[Job]:
    """Telling the audit of changed states, once a minute."""
    return [Job("slo.policy.states", service.record_states, EVERY_S)]


def subscriptions(service: PolicyService) -> list[Subscription]:
    """The facts by which the policy hears from when to when an incident was.

    One subscriber for both, so that they come in the order in which they happened.
    """

    def told(session: Session, fact: IncidentOpened | IncidentResolved) -> None:
        if isinstance(fact, IncidentOpened):
            service.on_opened(session, fact)
        else:
            service.on_resolved(session, fact)

    return [Subscription("slo.policy.incidents", [IncidentOpened, IncidentResolved], told)]
