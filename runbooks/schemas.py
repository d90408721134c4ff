"""JSON shapes of runbooks. Times are RFC 3339 outside."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class VoteOut(BaseModel):
    """One person's decision."""

    person: str
    decision: str
    reason: str
    channel: str
    at: str
    record: str
    simulated: bool


class ApprovalOut(BaseModel):
    """One approval as people and programs see it. `digest` is what a decision must name."""

    id: str
    incident_id: str
    runbook: str
    runbook_title: str
    step: str
    step_title: str
    kind: str
    tier: str
    params: dict[str, Any]
    target: str
    what: str
    undo: str
    dry_run: list[str]
    why: str
    digest: str
    state: str
    expires_at: str
    requested_at: str | None
    decided_by: str
    decided_at: str | None
    executed_at: str | None
    reason: str
    note: str
    waits_for: str
    votes: list[VoteOut]
    result: str
    result_detail: dict[str, Any]
    recovery: str
    recovery_detail: dict[str, Any]
    undo_of: str
    proposed_by: str
    simulated: bool


class ApprovalList(BaseModel):
    """GET /api/approvals."""

    approvals: list[ApprovalOut]
