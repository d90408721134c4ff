"""What runbooks writes into the audit, and how approvals are made known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from access.principal import Principal
from audit.entries import Actor, Entry, Payload
from audit.log import AuditLog
from kernel.clock import rfc3339
from kernel.facts import publish
from kernel.facts.runbooks import ApprovalChanged
from runbooks import repository
from runbooks.actions.port import Outcome
from runbooks.approval import Event
from runbooks.digest import Proposal, digest_of
from runbooks.models import ApprovalRow
from runbooks.policy import QUORUMS
from runbooks.runbook import Tier

SYSTEM = "system:runbooks"
MODEL = "model:triage"
_ENGINE = Actor("system", "runbooks")


@dataclass(frozen=True)
class Said:
    """What a person said, and what they had been shown."""

    decision: str
    shown_hash: str
    reason: str
    channel: str
    simulated: bool


class Trail:
    """Writes records of approvals in the caller's transaction."""

    def __init__(self, audit_log: AuditLog) -> None:
        self._audit_log = audit_log

    def requested(self, session: Session, row: ApprovalRow) -> str:
        """An approval began to wait for people: exactly this was shown to them."""
        data = {
            **_approval_data(row),
            "expires_at": rfc3339(row.expires_us),
            "params": {key: str(value) for key, value in row.params.items()},
            "requested_by": row.proposed_by,
            "quorum": QUORUMS[Tier(row.tier)].people,
            "evidence_ids": sorted(row.evidence),
        }
        parent = (row.suggestion_record,) if row.suggestion_record else ()
        shown = {"proposal": _json(_shown(row))}
        return self._write(session, row, "approval.requested", data, parent=parent, payloads=shown)

    def decided(
        self,
        session: Session,
        row: ApprovalRow,
        person: Principal,
        said: Said,
        at: tuple[int, int],
    ) -> str:
        """One person's decision. `at`: when (UTC microseconds), and as which vote."""
        at_us, position = at
        data = {
            **_approval_data(row),
            "decision": said.decision,
            "shown_hash": said.shown_hash,
            "simulated": said.simulated,
            "method": person.method,
            "roles": sorted(role.value for role in person.roles),
            "quorum": f"vote {position} on a {row.tier} action",
        }
        if row.requested_us is not None:
            data["latency_ms"] = max(0, at_us - row.requested_us) // 1000
        payloads = {}
        if said.reason:
            payloads["reason"] = Payload(said.reason.encode(), "personal")
        entry = Entry(
            "approval.decision",
            person.actor(),
            "approval",
            row.id,
            incident=row.incident_id,
            parent=(row.requested_record,) if row.requested_record else (),
            data=data,
            payloads=payloads,
            channel=said.channel,
        )
        return self._audit_log.record(session, entry)

    def expired(self, session: Session, row: ApprovalRow) -> str:
        """Nobody decided in time (or nothing could run in time): no action is taken."""
        return self._write(session, row, "approval.expired", _approval_data(row))

    def cancelled(self, session: Session, row: ApprovalRow, rule: str) -> str:
        """It was withdrawn before a decision took effect (`rule` says by which rule)."""
        data = {**_approval_data(row), "reason": rule, "to_state": row.state}
        return self._write(session, row, "approval.cancelled", data)

    def escalated(self, session: Session, row: ApprovalRow, rung: str) -> str:
        """Nobody answered so far: the next people are asked."""
        return self._write(
            session, row, "approval.escalated", {**_approval_data(row), "rung": rung}
        )

    def switched(
        self,
        session: Session,
        person: Principal,
        said: tuple[bool, str, str],
        cancelled: int,
        running: list[str],
    ) -> str:
        """All execution was switched off or on. `said`: off or not, the reason, the channel."""
        stopped, reason, channel = said
        entry = Entry(
            "execution.stopped" if stopped else "execution.resumed",
            person.actor(),
            "execution",
            "switch",
            data={
                "cancelled": cancelled,
                "running": running,
                "method": person.method,
                "roles": sorted(role.value for role in person.roles),
            },
            payloads={"reason": Payload(reason.encode(), "personal")},
            channel=channel,
        )
        return self._audit_log.record(session, entry)

    def revoked(
        self, session: Session, row: ApprovalRow, person: Principal, reason: str, channel: str
    ) -> str:
        """An entitled person took the approval back before anything began."""
        entry = Entry(
            "approval.revoked",
            person.actor(),
            "approval",
            row.id,
            incident=row.incident_id,
            parent=(row.requested_record,) if row.requested_record else (),
            data={**_approval_data(row), "method": person.method},
            payloads={"reason": Payload(reason.encode(), "personal")},
            channel=channel,
        )
        return self._audit_log.record(session, entry)

    def held(self, session: Session, row: ApprovalRow) -> str:
        """It is shown as text only: nobody can decide it for now."""
        data = {**_approval_data(row), "reason": row.held_for}
        return self._write(session, row, "approval.held", data)

    def blocked(self, session: Session, row: ApprovalRow, rule: str, why: str) -> str:
        """An approved action was stopped before anything was sent."""
        data = {**_approval_data(row), "reason": rule}
        return self._write(
            session, row, "action.blocked", data, outcome="denied", payloads=_text("why", why)
        )

    def intent(
        self, session: Session, row: ApprovalRow, proof: Mapping[str, Any], votes: tuple[str, ...]
    ) -> str:
        """Committed before anything is sent. `proof` = checkpoint that holds the decisions."""
        data = {
            **_approval_data(row),
            "proof": dict(proof),
            "idempotency_key": row.id,
            "executor": SYSTEM,
            "version": row.version,
        }
        payloads = {"action": _json(row.action)}
        return self._write(session, row, "action.intent", data, parent=votes, payloads=payloads)

    def result(
        self, session: Session, row: ApprovalRow, outcome: Outcome, actor: Actor | None = None
    ) -> str:
        """What became of it."""
        data = {**_approval_data(row), "result": outcome.state, "idempotency_key": row.id}
        payloads = _text("summary", outcome.summary)
        if outcome.response:
            payloads["response"] = Payload(outcome.response)
        entry = Entry(
            "action.result",
            actor or _ENGINE,
            "approval",
            row.id,
            outcome="ok" if outcome.state == "succeeded" else "error",
            incident=row.incident_id,
            parent=(row.intent_record,) if row.intent_record else (),
            data=data,
            payloads=payloads,
        )
        return self._audit_log.record(session, entry)

    def recovery(self, session: Session, row: ApprovalRow, numbers: Mapping[str, Any]) -> str:
        """What the shop's own numbers said after the action."""
        data = {
            "approval_id": row.id,
            "action_hash": row.digest,
            "state": row.state,
            "objectives": list(row.verification.get("objectives", [])),
            "simulated": row.simulated,
        }
        parent = (row.intent_record,) if row.intent_record else ()
        payloads = {"numbers": _json(dict(numbers))}
        return self._write(session, row, "recovery.checked", data, parent=parent, payloads=payloads)

    def _write(
        self,
        session: Session,
        row: ApprovalRow,
        type_: str,
        data: dict[str, Any],
        **more: Any,
    ) -> str:
        entry = Entry(
            type_, _ENGINE, "approval", row.id, incident=row.incident_id, data=data, **more
        )
        return self._audit_log.record(session, entry)


def proposal_of(row: ApprovalRow) -> Proposal:
    """What the digest is taken of: stored columns only."""
    return Proposal(
        incident_id=row.incident_id,
        proposal_id=row.id,
        runbook_id=row.runbook,
        runbook_sha256=row.runbook_sha256,
        step_id=row.step,
        adapter=row.action["adapter"],
        params=row.params,
        action=row.action,
        undo=row.undo,
        target=row.target,
        tier=row.tier,
        policy_version=row.policy_version,
        preconditions=row.preconditions,
        verification=row.verification,
        evidence=row.evidence,
        change_author_id=row.change_author_id,
        expires_at_us=row.expires_us,
    )


def row_digest(row: ApprovalRow) -> str:
    """The digest of a row as it stands."""
    return digest_of(proposal_of(row))


def announce(session: Session, row: ApprovalRow, by: str, now_us: int) -> None:
    """Tell everybody that the approval took its state, in the transaction of the change."""
    fact = ApprovalChanged(
        approval_id=row.id, incident_id=row.incident_id, state=row.state, by=by, at_us=now_us
    )
    publish(session, fact, now_us)


def end(
    session: Session,
    trail: Trail,
    row: ApprovalRow,
    how: tuple[Event, str],
    now_us: int,
    *,
    rule: str = "",
) -> None:
    """Take what has not begun out of the way. `how`: the event, and why in words for people."""
    event, why = how
    changed = repository.transition(session, row, event, now_us, note=why[:500])
    if changed is not None:
        trail.cancelled(session, changed, rule or why)
        announce(session, changed, SYSTEM, now_us)


def _approval_data(row: ApprovalRow) -> dict[str, Any]:
    return {
        "approval_id": row.id,
        "action_hash": row.digest,
        "runbook": row.runbook,
        "runbook_version": row.runbook_sha256,
        "step": row.step,
        "target": row.target[:500],
        "tier": row.tier,
        "simulated": row.simulated,
    }


def _shown(row: ApprovalRow) -> dict[str, Any]:
    return {
        "action": row.action,
        "undo": row.undo,
        "preconditions": row.preconditions,
        "verification": row.verification,
        "params": row.params,
        "why": row.why,
        "policy_version": row.policy_version,
        "evidence": row.evidence,
        "change_author": row.change_author,
    }


def _json(value: Mapping[str, Any]) -> Payload:
    return Payload(json.dumps(value, sort_keys=True, ensure_ascii=False).encode())


def _text(name: str, text: str) -> dict[str, Payload]:
    return {name: Payload(text.encode())}
