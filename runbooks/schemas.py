"""JSON shapes of runbooks. Times are RFC 3339 outside."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class VoteOut(BaseModel):
    """One person's decision; `after_s`: seconds after it was asked for."""

    person: str
    decision: str
    reason: str
    channel: str
    at: str
    record: str
    simulated: bool
    after_s: int | None = None


class ApprovalOut(BaseModel):
    """One approval as people and programs see it. `digest` is what a decision must name.

    `asked`: the highest rung of the ladder that was climbed because nobody answered.
    """

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
    evidence_ids: list[str] = []
    change_author: str = ""
    change_author_known: bool = False
    held_for: str = ""
    asked: str = ""


class RunningOut(BaseModel):
    """Something that had begun already."""

    id: str
    incident_id: str
    what: str


class SwitchOut(BaseModel):
    """Whether steps may be carried out. `cancelled`: how many approvals this switching ended."""

    stopped: bool
    reason: str
    by: str
    at: str | None
    cancelled: int
    running: list[RunningOut]


class ApprovalList(BaseModel):
    """GET /api/approvals."""

    approvals: list[ApprovalOut]
