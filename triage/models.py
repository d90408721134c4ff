"""Rows of triage in the control database. Times are UTC microseconds."""

from __future__ import annotations

from typing import Any

from sqlmodel import JSON, Column, Field, SQLModel

from kernel.database import BigInt


def _json() -> Any:
    return Field(sa_column=Column(JSON, nullable=False))


class IncidentRow(SQLModel, table=True):
    """One incident. `over_us`: when the last member ended, once it is resolved.

    `severity_why`: the figure by which code decides the severity. `severity_by`: the person who set
    it while the loss was at `severity_step`; "" where code did. The rates are those of the newest
    minutes, for the order of lists. `merged_into` and `split_from` are numbers of incidents, 0 for
    none. `left_out`: alerts that the sender's newest post left out, by group key.
    """

    __tablename__ = "incident"
    id: str = Field(primary_key=True)
    number: int = Field(unique=True)
    state: str = Field(index=True)
    stale: bool = False
    severity: str
    severity_weight: int = 0
    severity_why: str = ""
    severity_by: str = ""
    severity_reason: str = ""
    severity_step: int = 0
    impact_step: int = 0
    money_rate: float = 0.0
    order_rate: float = 0.0
    title: str
    service: str = ""
    objective_ids: list[str] = _json()
    segments: list[dict[str, str]] = _json()
    labels: dict[str, str] = _json()
    group_keys: list[str] = _json()
    impact: dict[str, Any] = _json()
    onset_us: int = Field(sa_type=BigInt)
    last_onset_us: int = Field(sa_type=BigInt)
    opened_us: int = Field(sa_type=BigInt, index=True)
    acknowledged_us: int | None = Field(default=None, sa_type=BigInt)
    acknowledged_by: str = ""
    taken_by: str = ""
    handover_note: str = ""
    silenced_us: int = Field(default=0, sa_type=BigInt)
    silenced_until_us: int | None = Field(default=None, sa_type=BigInt)
    silenced_by: str = ""
    silence_reason: str = ""
    silence_step: int = 0
    resolution: str = ""
    resolution_reason: str = ""
    merged_into: int = Field(default=0, index=True)
    split_from: int = 0
    left_out: dict[str, int] = _json()
    resolved_us: int | None = Field(default=None, sa_type=BigInt)
    over_us: int | None = Field(default=None, sa_type=BigInt, index=True)
    updated_us: int = Field(sa_type=BigInt)


class AlertMemberRow(SQLModel, table=True):
    """One alert: (source, fingerprint, startsAt). `incident_id` is "" while it belongs to none."""

    __tablename__ = "alert_member"
    source: str = Field(primary_key=True)
    fingerprint: str = Field(primary_key=True)
    starts_us: int = Field(primary_key=True, sa_type=BigInt)
    incident_id: str = Field(default="", index=True)
    joined_by: str = ""
    fired: bool
    resolved: bool
    ends_us: int | None = Field(default=None, sa_type=BigInt)
    first_told_us: int = Field(sa_type=BigInt)
    last_told_us: int = Field(sa_type=BigInt)
    told: dict[str, Any] = _json()


class AlertCursorRow(SQLModel, table=True):
    """How far a consumer of the journal's alert stream has come, and how often it failed there."""

    __tablename__ = "alert_cursor"
    consumer: str = Field(primary_key=True)
    position: int = Field(default=0, sa_type=BigInt)
    item: int = 0
    tries: int = 0
    echoes: int = Field(default=0, sa_type=BigInt)
    truncated: int = Field(default=0, sa_type=BigInt)


class AlertQuarantineRow(SQLModel, table=True):
    """An alert (or, with item -1, a whole post) that could not be taken: kept and shown.

    The bytes lie in the journal under `position`.
    """

    __tablename__ = "alert_quarantine"
    position: int = Field(primary_key=True, sa_type=BigInt)
    item: int = Field(primary_key=True)
    reason: str
    receipt: str = ""
    at_us: int = Field(sa_type=BigInt, index=True)


class RefusedPostRow(SQLModel, table=True):
    """A post of alerts that we turned away: its sender has dropped it for good."""

    __tablename__ = "refused_post"
    id: str = Field(primary_key=True)
    status: int
    reason: str
    peer: str = ""
    at_us: int = Field(sa_type=BigInt, index=True)


class RefusedPostCountRow(SQLModel, table=True):
    """How many were turned away in all, and when people were last told."""

    __tablename__ = "refused_post_count"
    status: int = Field(primary_key=True)
    count: int = Field(default=0, sa_type=BigInt)
    told_us: int = Field(default=0, sa_type=BigInt)


class EvidenceRow(SQLModel, table=True):
    """One piece of evidence of one revision of an incident's brief."""

    __tablename__ = "evidence"
    incident_id: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    id: str = Field(primary_key=True)
    kind: str
    summary: str
    numbers: dict[str, Any] = _json()
    query: str
    from_us: int = Field(sa_type=BigInt)
    to_us: int = Field(sa_type=BigInt)
    sha256: str


class BriefRow(SQLModel, table=True):
    """One revision of a brief. `source`: code | model."""

    __tablename__ = "brief"
    incident_id: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    evidence_revision: int
    source: str
    text: str
    claims: list[dict[str, Any]] = _json()
    missing_sources: list[str] = _json()
    labels: dict[str, str] = _json()
    verdict: str = ""
    confidence: str = ""
    model_note: str = ""
    suggested_runbook: str = ""
    suggested_step: str = ""
    suggestion_record: str = ""
    at_us: int = Field(sa_type=BigInt)


class ModelSpendRow(SQLModel, table=True):
    """What the model cost. scope: incident | day; `key`: the incident's id, or the date (UTC)."""

    __tablename__ = "model_spend"
    scope: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    tokens: int = Field(default=0, sa_type=BigInt)
    cost_micros: int = Field(default=0, sa_type=BigInt)
    wall_ms: int = Field(default=0, sa_type=BigInt)
    calls: int = Field(default=0, sa_type=BigInt)
    updated_us: int = Field(default=0, sa_type=BigInt, index=True)


class BriefWorkRow(SQLModel, table=True):
    """Which incident needs a brief. state: dirty | clean; `due_us`: not before.

    `content` is a digest of what the newest brief says but its numbers, `numbers` of their rough
    sizes. ask: "" | wanted | asking | done - whether the model is to write about this content.
    """

    __tablename__ = "brief_work"
    incident_id: str = Field(primary_key=True)
    state: str = Field(index=True)
    revision: int = 0
    due_us: int = Field(sa_type=BigInt)
    content: str = ""
    numbers: str = ""
    ask: str = Field(default="", index=True)
    asked_us: int = Field(default=0, sa_type=BigInt)
    asked_times: int = 0
