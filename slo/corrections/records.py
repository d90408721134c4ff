"""What corrections write into the audit, in the transaction of the change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from access.principal import Principal
from audit.entries import Actor, Entry, Payload
from audit.log import AuditLog
from kernel.clock import rfc3339
from slo.corrections.models import CorrectionRow
from slo.corrections.states import Event

_ENGINE = Actor("system", "slo")


@dataclass(frozen=True)
class Said:
    """Who said something, why, and over which channel (web, api)."""

    person: Principal
    reason: str = ""
    channel: str = "api"


class Trail:
    """Writes records of corrections."""

    def __init__(self, audit_log: AuditLog) -> None:
        self._audit_log = audit_log

    def proposed(
        self, session: Session, row: CorrectionRow, objectives: Sequence[str], said: Said
    ) -> str:
        """A person proposed it: exactly this is what may be approved."""
        data = {
            "category": row.category,
            "objectives": list(objectives),
            "service": row.service,
            "labels": [f"{name}={value}" for name, value in sorted(row.segment.items())],
            "starts": row.starts,
            "ends": row.ends,
            "zone": row.zone,
            "rule": row.rule,
            "expires_at": rfc3339(row.expires_us),
        }
        payloads = {"definition": Payload(_definition(row, objectives))}
        return self._write(session, row, "correction.proposed", said, data, payloads)

    def decided(
        self, session: Session, row: CorrectionRow, event: Event, before: str, said: Said
    ) -> str:
        """A person decided; `row` is as it is now, `before` the state it had."""
        data = {
            "decision": event.value,
            "from_state": before,
            "to_state": row.state,
            "proposed_by": row.proposed_by,
        }
        return self._write(session, row, "correction.decided", said, data, {})

    def expired(self, session: Session, row: CorrectionRow) -> str:
        """Nobody decided in time: nothing is left out."""
        data = {"correction_id": row.id, "to_state": row.state}
        entry = Entry("correction.expired", _ENGINE, "correction", row.id, data=data)
        return self._audit_log.record(session, entry)

    def _write(
        self,
        session: Session,
        row: CorrectionRow,
        type_: str,
        said: Said,
        data: Mapping[str, Any],
        payloads: Mapping[str, Payload],
    ) -> str:
        person = said.person
        if said.reason:
            payloads = {**payloads, "reason": Payload(said.reason.encode(), "personal")}
        who = {"method": person.method, "roles": sorted(role.value for role in person.roles)}
        entry = Entry(
            type_,
            person.actor(),
            "correction",
            row.id,
            parent=(row.proposed_record,) if row.proposed_record else (),
            data={**data, **who, "correction_id": row.id},
            payloads=payloads,
            channel=said.channel,
        )
        return self._audit_log.record(session, entry)


def _definition(row: CorrectionRow, objectives: Sequence[str]) -> bytes:
    value = {
        "category": row.category,
        "objectives": list(objectives),
        "segment": row.segment,
        "from": row.starts,
        "to": row.ends,
        "zone": row.zone,
        "rule": row.rule,
    }
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode()
