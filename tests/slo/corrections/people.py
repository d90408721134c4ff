"""People, a till and the corrections between them: what the tests of corrections share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from access.principal import Principal, Role
from audit.log import AuditLog
from audit.settings import AuditSettings
from kernel.clock import HOUR_US, rfc3339
from slo.corrections.schemas import CorrectionIn, CorrectionOut
from slo.corrections.service import CorrectionService
from tests.slo.shop_till import Till


def person(name: str, *roles: Role, kind: str = "person") -> Principal:
    return Principal(f"id-{name}", name, kind, frozenset(roles), "token", "t1")


ADA = person("ada", Role.RESPONDER)
BEN = person("ben", Role.APPROVER)
CLEO = person("cleo", Role.OWNER)
VERA = person("vera", Role.VIEWER)
ROBOT = person("robot", Role.APPROVER, Role.RESPONDER, kind="machine")


def corrections_of(till: Till, folder: Path) -> CorrectionService:
    """The service over the till's stores."""
    log = AuditLog(till.database, till.clock, AuditSettings(data_dir=folder))
    return CorrectionService(till.database, till.reader, till.catalogue, log, till.clock)


def asked(from_us: int, to_us: int = 0, **more: Any) -> CorrectionIn:
    """A proposal for the payments, one hour long where no end is given."""
    values: dict[str, Any] = {
        "category": "scheduled_maintenance",
        "reason": "the provider moves house",
        "objectives": ["payment-success"],
        "from": rfc3339(from_us),
        "to": rfc3339(to_us or from_us + HOUR_US),
    }
    return CorrectionIn(**{**values, **more})


def approved(service: CorrectionService, said: CorrectionIn) -> CorrectionOut:
    """Proposed by Ada, approved by Ben."""
    return service.decide(service.propose(said, ADA).id, BEN, "approve")
