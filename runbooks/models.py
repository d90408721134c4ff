"""Tables of runbooks: approvals, the votes on them, and the switch that stops all of them."""

from __future__ import annotations

from typing import Any

from sqlmodel import JSON, Column, Field, SQLModel, UniqueConstraint

from kernel.database import BigInt


class ApprovalRow(SQLModel, table=True):
    """One proposal and everything that became of it. `version` grows with each transition."""

    __tablename__ = "approval"
    id: str = Field(primary_key=True)
    incident_id: str = Field(index=True)
    state: str = Field(index=True)
    version: int = Field(default=0, sa_type=BigInt)
    proposed_by: str
    suggestion_record: str = ""
    revision: int = Field(default=0, sa_type=BigInt)
    undo_of: str = Field(default="", index=True)
    runbook: str
    runbook_title: str
    runbook_sha256: str
    step: str
    step_title: str
    kind: str
    tier: str
    policy_version: str
    labels: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    params: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    action: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    undo: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))
    target: str
    why: str
    preconditions: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    verification: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    digest: str = ""
    requested_record: str = ""
    simulated: bool = False
    note: str = ""
    evidence: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    change_author: str = ""
    change_author_id: str = ""
    held_for: str = ""
    rungs: int = 0
    created_us: int = Field(sa_type=BigInt)
    requested_us: int | None = Field(default=None, sa_type=BigInt)
    next_try_us: int = Field(default=0, sa_type=BigInt)
    expires_us: int = Field(sa_type=BigInt)
    decided_us: int | None = Field(default=None, sa_type=BigInt)
    lease_until_us: int | None = Field(default=None, sa_type=BigInt)
    intent_record: str = ""
    executed_us: int | None = Field(default=None, sa_type=BigInt)
    result: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))
    recovery: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))


class VoteRow(SQLModel, table=True):
    """One person's decision on one approval; `record` is its record in the audit."""

    __tablename__ = "approval_vote"
    __table_args__ = (UniqueConstraint("approval_id", "person_id"),)
    id: str = Field(primary_key=True)
    approval_id: str = Field(index=True, foreign_key="approval.id")
    person_id: str
    person_name: str
    roles: list[str] = Field(sa_column=Column(JSON, nullable=False))
    decision: str
    reason: str
    channel: str
    digest: str
    simulated: bool
    record: str
    at_us: int = Field(sa_type=BigInt)


class SwitchRow(SQLModel, table=True):
    """The one row (id 1) that says whether anything may be carried out. No row = it may."""

    __tablename__ = "execution_switch"
    id: int | None = Field(default=None, primary_key=True)
    version: int = Field(default=0, sa_type=BigInt)
    stopped: bool
    reason: str
    person_id: str
    person_name: str
    at_us: int = Field(sa_type=BigInt)
