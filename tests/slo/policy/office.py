"""The policy over a real ledger, control database and audit log, with people of every role."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from sqlmodel import col, select

import access.models
import slo.policy.models
from access.principal import Principal, Role, local_principal
from access.service import AccessService
from access.settings import AccessSettings
from audit.log import AuditLog
from audit.schemas import RecordOut
from audit.sequencer import AuditSequencer
from audit.settings import AuditSettings
from kernel.clock import SECOND_US
from kernel.errors import TillwatchError
from kernel.facts import FactDispatcher, publish
from kernel.facts.triage import IncidentOpened, IncidentResolved
from slo.objective import Objective
from slo.policy.catalogue import PolicySet, load_policies
from slo.policy.decisions import PolicyDecisions
from slo.policy.endpoints import build_router
from slo.policy.jobs import subscriptions
from slo.policy.models import RecordedStateRow
from slo.policy.service import PolicyService
from slo.policy.situation import Gathering
from tests.slo.shop_till import Till

assert access.models
assert slo.policy.models


class Office:
    """A till, its policy, and those who decide."""

    def __init__(
        self,
        tmp_path: Path,
        objectives: Sequence[Objective] | None = None,
        policy_dir: Path | None = None,
    ) -> None:
        self.till = Till(tmp_path, objectives)
        self.clock, self.database = self.till.clock, self.till.database
        self.log = AuditLog(self.database, self.clock, AuditSettings(data_dir=tmp_path))
        self.access = AccessService(self.database, self.log, self.clock, AccessSettings())
        self.load(load_policies(policy_dir, self.till.catalogue))
        self.facts = FactDispatcher(self.database, self.clock, self._failed)
        for one in subscriptions(self.policy):
            self.facts.subscribe(one)
        self.errors: list[str] = []
        self._numbers = 0

    def load(self, policies: PolicySet) -> None:
        """Start with these policies."""
        gathering = Gathering(self.till.service, self.till.reader, policies, self.clock)
        self.policy = PolicyService(self.database, self.log, self.clock, gathering)
        self.decisions = PolicyDecisions(self.database, self.log, self.clock, self.policy)

    def incident(
        self,
        onset_us: int,
        resolved_us: int | None,
        *objectives: str,
        service: str = "payments",
        resolution: str = "all_clear",
    ) -> str:
        """What triage would tell of an incident; gives its number."""
        self._numbers += 1
        incident_id = f"00000000-0000-7000-8000-{self._numbers:012d}"
        names = list(objectives or ("payment-success",))
        with self.database.unit_of_work() as session:
            opened = IncidentOpened(
                incident_id=incident_id,
                number=self._numbers,
                service=service,
                objective_ids=names,
                onset_us=onset_us,
                opened_us=onset_us + SECOND_US,
                severity="critical",
            )
            publish(session, opened, onset_us)
            if resolved_us is not None:
                ended = IncidentResolved(
                    incident_id=incident_id,
                    service=service,
                    objective_ids=names,
                    onset_us=onset_us,
                    resolved_us=resolved_us,
                    resolution=resolution,
                )
                publish(session, ended, resolved_us)
        self.facts.step()
        assert self.errors == []
        return f"INC-{self._numbers}"

    def person(self, name: str, *roles: Role, machine: bool = False) -> Principal:
        """Somebody with these roles."""
        kind = "machine" if machine else "person"
        person_id = self.access.create_person(name, list(roles), kind=kind, by=local_principal())
        return Principal(person_id, name, kind, frozenset(roles), "token")

    def token(self, person: Principal) -> dict[str, str]:
        """The header by which that person comes in."""
        token = self.access.create_token(person.person_id, by=local_principal())
        return {"Authorization": f"Bearer {token}"}

    def records(self, kind: str) -> Sequence[RecordOut]:
        """What the audit holds of one type."""
        sequencer = AuditSequencer(self.database, self.log, self.clock)
        while sequencer.step():
            pass
        return self.log.entries(type=kind, limit=100)

    def states(self) -> list[RecordedStateRow]:
        """The states that were recorded last."""
        with self.database.reading() as session:
            return list(
                session.exec(select(RecordedStateRow).order_by(col(RecordedStateRow.service))).all()
            )

    def site(self) -> TestClient:
        """The policy over HTTP."""
        app = FastAPI()
        app.include_router(build_router(self.policy, self.decisions, self.access))

        def failed(_: Request, error: Exception) -> JSONResponse:
            assert isinstance(error, TillwatchError)
            return JSONResponse({"detail": error.message}, status_code=error.status)

        app.add_exception_handler(TillwatchError, failed)
        return TestClient(app, follow_redirects=False)

    def _failed(self, subscriber: str, text: str) -> None:
        self.errors.append(f"{subscriber}: {text}")
