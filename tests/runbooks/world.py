"""Runbooks on real stores: audit log with sequencer, flag service on loopback, frozen clock."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from access.principal import Principal, Role
from audit.log import AuditLog
from audit.sequencer import AuditSequencer
from audit.settings import AuditSettings
from kernel import strict_json
from kernel.clock import FrozenClock
from kernel.database import Database
from kernel.errors import NotFound
from kernel.facts import FactDispatcher, publish
from kernel.facts.triage import BriefReady, IncidentResolved
from runbooks.executor import ActionExecutor
from runbooks.jobs import subscriptions
from runbooks.ports import ChangeAuthor, RecoveryReport
from runbooks.recovery import RecoveryCheck
from runbooks.schemas import ApprovalOut
from runbooks.service import ApprovalService
from runbooks.settings import SHIPPED_LIBRARY, RunbookSettings
from tests.runbooks.loopback import FlagServer

LABELS = {
    "service": "payments",
    "objective": "payment-success",
    "provider": "adyen",
    "region": "eu-central",
    "error_type": "provider_timeout",
}


class ShopNumbers:
    """The account of the shop's success, as the tests set it."""

    def __init__(self) -> None:
        self.state: Any = "not_yet"
        self.asked: list[tuple[list[str], dict[str, str], int]] = []

    def check(
        self, objective_ids: list[str], segment: dict[str, str], since_us: int
    ) -> RecoveryReport:
        self.asked.append((objective_ids, segment, since_us))
        if self.state == "gone":
            raise NotFound("there is no objective of that name")
        return RecoveryReport(self.state, {"bad": 3, "total": 100})


class ShopChanges:
    """Who changed what last, as the tests set it."""

    def __init__(self) -> None:
        self.authors: dict[str, ChangeAuthor] = {}

    def last_author(self, service: str) -> ChangeAuthor | None:
        return self.authors.get(service)


class World:
    """One installation."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.flags = FlagServer()
        self.flags.flags["payment-routing.eu-central"] = "adyen"
        self.library = folder / "library"
        shutil.copytree(SHIPPED_LIBRARY, self.library)
        self.clock = FrozenClock()
        self.database = Database(f"sqlite:///{folder / 'control.db'}")
        self.log = AuditLog(self.database, self.clock, AuditSettings(data_dir=folder))
        self.sequencer = AuditSequencer(self.database, self.log, self.clock)
        self.settings = RunbookSettings(
            runbook_dir=self.library, flag_url=self.flags.url, **settings
        )
        self.database.create_all()
        # What a person may do by now, where that differs from the moment of the decision.
        self.roles_now: dict[str, frozenset[Role]] = {}
        self.changes = ShopChanges()
        self.service = self.another_service()
        self.executor = self.another_executor()
        self.numbers = ShopNumbers()
        self.recovery = RecoveryCheck(
            self.database, self.log, self.clock, self.numbers, self.service.proposals
        )
        self.errors: list[str] = []
        self.facts = FactDispatcher(
            self.database, self.clock, lambda who, text: self.errors.append(f"{who}: {text}")
        )
        for subscription in subscriptions(self.service):
            self.facts.subscribe(subscription)

    def another_executor(self) -> ActionExecutor:
        return ActionExecutor(
            self.database,
            self.log,
            self.clock,
            self.service.catalogue,
            self.service.adapters,
            self.settings,
            people=self,
        )

    def another_service(self) -> ApprovalService:
        return ApprovalService(
            self.database, self.log, self.clock, self.settings, people=self, changes=self.changes
        )

    def roles_of(self, person_id: str) -> frozenset[Role]:
        return self.roles_now.get(person_id, frozenset(Role))

    def brief(self, labels: dict[str, str] | None = None, **more: Any) -> None:
        """Triage says that a brief stands."""
        fact = BriefReady(
            incident_id=more.pop("incident_id", "incident-1"),
            revision=more.pop("revision", 1),
            service="payments",
            objective_ids=["payment-success"],
            labels=LABELS if labels is None else labels,
            onset_us=self.clock.now_us(),
            **more,
        )
        with self.database.unit_of_work() as session:
            publish(session, fact, self.clock.now_us())
        self.facts.step()
        assert self.errors == []

    def resolve(self, incident_id: str = "incident-1") -> None:
        now_us = self.clock.now_us()
        fact = IncidentResolved(
            incident_id=incident_id,
            service="payments",
            objective_ids=[],
            onset_us=now_us,
            resolved_us=now_us,
        )
        with self.database.unit_of_work() as session:
            publish(session, fact, now_us)
        self.facts.step()
        assert self.errors == []

    def pending(self, labels: dict[str, str] | None = None, **more: Any) -> ApprovalOut:
        """A proposal that waits for people."""
        self.brief(labels, **more)
        self.service.preparing.step()
        (found,) = self.service.approvals(state="pending")
        return found

    def approved(self) -> ApprovalOut:
        shown = self.pending()
        return self.service.decide(shown.id, person("ann"), "approve", shown.digest, "go")

    def seal(self) -> None:
        """The audit's sequencer signs what there is."""
        self.clock.advance_s(3)
        while self.sequencer.step():
            pass

    def records(self) -> list[dict[str, Any]]:
        self.seal()
        with self.database.reading() as session:
            rows = session.connection().exec_driver_sql("SELECT bytes FROM audit_leaf ORDER BY seq")
            return [strict_json.loads(bytes(row[0])) for row in rows]

    def types(self) -> list[str]:
        return [record["type"] for record in self.records() if record["type"][:5] != "audit"]

    def sql(self, statement: str) -> None:
        """Somebody with a SQL prompt."""
        with self.database.unit_of_work() as session:
            session.connection().exec_driver_sql(statement)

    def state(self, approval_id: str) -> str:
        return self.service.approval(approval_id).state

    def close(self) -> None:
        self.flags.close()
        self.database.close()


def person(name: str, *roles: Role, kind: Any = "person") -> Principal:
    return Principal(
        f"p-{name}", name.title(), kind, frozenset(roles or (Role.RESPONDER,)), "session", "s1"
    )
