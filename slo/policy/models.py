"""Control tables of the budget policy: what people said, and what triage told of incidents."""

from __future__ import annotations

from typing import Any

from sqlmodel import JSON, Column, Field, SQLModel

from kernel.database import BigInt


class IncidentSpanRow(SQLModel, table=True):
    """From when to when an incident was, as triage's facts told it. Times in UTC microseconds."""

    __tablename__ = "policy_incident"
    incident_id: str = Field(primary_key=True)
    number: int = Field(sa_type=BigInt)
    service: str
    objective_ids: list[Any] = Field(sa_column=Column(JSON, nullable=False))
    onset_us: int = Field(index=True, sa_type=BigInt)
    resolved_us: int | None = Field(default=None, sa_type=BigInt)


class PostmortemRow(SQLModel, table=True):
    """A person said that the postmortem of an incident is written, and where."""

    __tablename__ = "postmortem"
    incident_id: str = Field(primary_key=True)
    link: str
    by_id: str
    by_name: str
    at_us: int = Field(sa_type=BigInt)
    record: str


class OverrideRow(SQLModel, table=True):
    """An owner lets changes of a service pass for a while, whatever the rules say."""

    __tablename__ = "gate_override"
    id: str = Field(primary_key=True)
    service: str = Field(index=True)
    reason: str
    by_id: str
    by_name: str
    created_us: int = Field(sa_type=BigInt)
    expires_us: int = Field(sa_type=BigInt)
    revoked_us: int | None = Field(default=None, sa_type=BigInt)
    revoked_by: str = ""
    record: str


class RecordedStateRow(SQLModel, table=True):
    """Which state of a service the audit heard of last. The state itself is derived, always."""

    __tablename__ = "policy_state"
    service: str = Field(primary_key=True)
    state: str
    since_us: int = Field(sa_type=BigInt)
    record: str
