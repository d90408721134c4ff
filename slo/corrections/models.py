"""Tables of corrections."""

from __future__ import annotations

from typing import Any

from sqlmodel import JSON, Column, Field, SQLModel

from kernel.database import BigInt


class CorrectionRow(SQLModel, table=True):
    """One correction and everything that became of it. `version` grows with each transition.

    `starts` and `ends` are wall clock times of `zone` (`2026-12-07T02:00`), those of the first
    occurrence; `rule` is "" where it happens once. `first_us` and `last_us` bound what it can ever
    leave out (`last_us` NULL: no end).
    """

    __tablename__ = "correction"
    id: str = Field(primary_key=True)
    state: str = Field(index=True)
    version: int = Field(default=0, sa_type=BigInt)
    category: str
    reason: str
    service: str = ""
    segment: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    starts: str
    ends: str
    zone: str
    rule: str = ""
    first_us: int = Field(sa_type=BigInt)
    last_us: int | None = Field(default=None, sa_type=BigInt)
    proposed_by: str
    proposed_name: str
    proposed_record: str = ""
    created_us: int = Field(sa_type=BigInt)
    expires_us: int = Field(sa_type=BigInt)
    decided_by: str = ""
    decided_name: str = ""
    decided_us: int | None = Field(default=None, sa_type=BigInt)
    decision_reason: str = ""
    closed_by: str = ""
    closed_name: str = ""
    closed_us: int | None = Field(default=None, sa_type=BigInt)
    closing_reason: str = ""


class CorrectionObjectiveRow(SQLModel, table=True):
    """One objective that a correction is about, as it was resolved when it was proposed."""

    __tablename__ = "correction_objective"
    correction_id: str = Field(primary_key=True, foreign_key="correction.id")
    objective_id: str = Field(primary_key=True, index=True)
