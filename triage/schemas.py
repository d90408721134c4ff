"""JSON shapes of incidents. Times are RFC 3339."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class AlertOut(BaseModel):
    """A member. `status`: firing | resolved; `key` names it where it is split off."""

    key: str = ""
    source: str
    fingerprint: str
    status: Literal["firing", "resolved"]
    starts_at: str
    ends_at: str | None
    joined_by: str
    title: str
    labels: dict[str, str]
    link: str


class EvidenceOut(BaseModel):
    """One piece of evidence over [from, to)."""

    model_config = ConfigDict(populate_by_name=True)
    id: str
    kind: str
    summary: str
    numbers: dict[str, Any]
    query: str
    from_: str = Field(alias="from")
    to: str
    sha256: str


class ClaimOut(BaseModel):
    """A sentence and what it stands on. `kind`: what a model's claim is about; "" for code's."""

    text: str
    evidence_ids: list[str]
    kind: str = ""


class BriefOut(BaseModel):
    """The brief that stands. `model_note`: why the model's was not taken, where it was asked."""

    text: str
    source: Literal["code", "model"]
    claims: list[ClaimOut]
    missing_sources: list[str]
    verdict: str
    confidence: str
    revision: int
    at: str
    model_note: str


class ProposalOut(BaseModel):
    """A runbook step that was proposed, and its approval."""

    id: str
    runbook: str
    step: str
    tier: str
    params: dict[str, Any]
    state: str
    approval_id: str
    what: str = ""


class MoneyOut(BaseModel):
    """Of one currency, in minor units: tried in failed attempts, and lost (each checkout once)."""

    currency: str
    bad_minor: int
    lost_minor: int


class MissingMoneyOut(BaseModel):
    """What missing attempts would have brought, in minor units of one currency."""

    currency: str
    low_minor: int
    mid_minor: int
    high_minor: int


class MissingOut(BaseModel):
    """Attempts that should have begun and did not: 80 of 100 cases lie within low..high."""

    low: int
    mid: int
    high: int
    money: list[MissingMoneyOut]


class LostRateOut(BaseModel):
    """Lost per minute now, in minor units of one currency: 80 of 100 cases lie within low..high."""

    currency: str
    low_minor: int
    mid_minor: int
    high_minor: int


class ImpactOut(BaseModel):
    """What the shop lost since the onset, and the rate of the newest minutes.

    `objective`: the one that these numbers are of (where several burn, the one hit hardest;
    objectives overlap, so their numbers are never added up).
    """

    model_config = ConfigDict(populate_by_name=True)
    objective: str
    bad: int
    total: int
    orders_per_minute: float
    money_per_minute: float
    money: list[MoneyOut]
    missing: MissingOut | None = None
    lost_per_minute: list[LostRateOut] = []
    from_: str = Field(alias="from")
    to: str


class TimelineOut(BaseModel):
    """Something that happened. `record`: the audit record that says so; `person`: whom it was
    about, beside the actor; `approval`: the approval that it is about.
    """

    at: str
    what: str
    actor_kind: str
    actor: str
    type: str
    record: str
    person: str = ""
    approval: str = ""


class AveragesOut(BaseModel):
    """Milliseconds, null where nothing is known; `rests_on`: of how many each is."""

    incidents: int
    mtta_ms: int | None
    mttr_ms: int | None
    median_decision_ms: int | None
    rests_on: dict[str, int]


class TimesOut(BaseModel):
    """How long the newest incidents took: all, those with a model's brief, and those without."""

    all: AveragesOut
    with_ai: AveragesOut
    without_ai: AveragesOut


class StandingOut(BaseModel):
    """What code and people said about an incident, for lists and for the whole.

    `severity_why`: the figure by which code decides the severity. `severity_by`, `silenced_by`,
    `taken_by`: ids of people, "" where nobody did. `resolution`: "" | all_clear | closed |
    not_an_incident | merged. `left_out`: alerts that its sender left out of its newest posts, so
    that nobody can tell how they are.
    """

    severity_why: str = ""
    severity_by: str = ""
    severity_reason: str = ""
    silenced_until: str | None = None
    silenced_by: str = ""
    silence_reason: str = ""
    taken_by: str = ""
    handover_note: str = ""
    resolution: str = ""
    resolution_reason: str = ""
    merged_into: str = ""
    split_from: str = ""
    left_out: int = 0


class IncidentOut(StandingOut):
    """An incident as a whole; of its alerts the first 500 of `alerts_total`."""

    id: str
    number: str
    state: Literal["open", "acknowledged", "resolved"]
    stale: bool
    severity: str
    title: str
    service: str
    onset_at: str
    opened_at: str
    acknowledged_at: str | None
    acknowledged_by: str
    resolved_at: str | None
    slos: list[str]
    labels: dict[str, str]
    impact: ImpactOut | None
    alerts: list[AlertOut]
    alerts_total: int = 0
    evidence: list[EvidenceOut]
    brief: BriefOut | None
    proposals: list[ProposalOut]
    merged_from: list[str] = []


class IncidentLine(StandingOut):
    """An incident in a list."""

    id: str
    number: str
    state: str
    stale: bool
    severity: str
    title: str
    service: str
    slos: list[str]
    onset_at: str
    opened_at: str
    resolved_at: str | None
    impact: ImpactOut | None


class RefusedPostOut(BaseModel):
    """A post of alerts that we turned away; its sender has dropped it."""

    status: int
    reason: str
    peer: str
    at: str


class QuarantinedOut(BaseModel):
    """An alert that could not be taken. `item` -1: the whole post."""

    position: int
    item: int
    reason: str
    receipt: str
    at: str


class AlertHealthOut(BaseModel):
    """How the receiver of alerts is doing."""

    refused: dict[str, int]
    refused_posts: list[RefusedPostOut]
    quarantined: list[QuarantinedOut]
    echoes: int
    truncated: int
