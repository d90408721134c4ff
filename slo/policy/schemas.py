"""What the budget policy answers: the JSON of `GET /api/gate` and `GET /api/policy`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class BudgetOut(_Out):
    """One objective's budget as the rules saw it; `unknown` says why it is not known."""

    objective: str
    name: str
    budget_left: float | None
    bad: int
    allowed: float
    unknown: str


class SpendOut(_Out):
    """What one incident spent: of the objective's window, and of the last four weeks."""

    incident: str
    incident_id: str
    onset_at: str
    resolved_at: str | None
    bad: int
    share: float | None
    share_4w: float | None
    postmortem: str


class RuleOut(_Out):
    """One rule that was looked at. `effect` is what it does to the change asked about."""

    rule: str
    policy: str
    kind: Literal["freeze", "step", "postmortem"]
    objective: str
    state: str
    effect: str
    excepted: bool
    threshold: float
    budget_left: float | None
    spend: SpendOut | None
    reason: str


class OverrideOut(_Out):
    """An owner's word that changes may pass. `state`: active, expired or revoked."""

    id: str
    service: str
    reason: str
    by: str
    created_at: str
    expires_at: str
    revoked_at: str | None
    state: Literal["active", "expired", "revoked"]


class GateOut(_Out):
    """The answer to a pipeline. `allowed` is the exit code; `outcome` says why."""

    service: str
    change_kind: str
    outcome: Literal["pass", "refused", "unknown"]
    allowed: bool
    state: str
    sentence: str
    reasons: list[str]
    conditions: list[str]
    override: OverrideOut | None
    budgets: list[BudgetOut]
    rules: list[RuleOut]
    problems: list[dict[str, object]]
    at: str


class PostmortemOut(_Out):
    """An incident that spent more than a rule allows, and its postmortem ("" while missing)."""

    incident: str
    incident_id: str
    objective: str
    name: str
    onset_at: str
    resolved_at: str | None
    share: float
    share_4w: float | None
    threshold: float
    link: str


class ToldOut(_Out):
    """What one kind of change is told now."""

    change_kind: str
    outcome: Literal["pass", "refused", "unknown"]
    allowed: bool
    sentence: str


class PolicyOut(_Out):
    """One policy, its rules as sentences. Empty `services` and `objectives` mean all."""

    name: str
    display_name: str
    services: list[str]
    objectives: list[str]
    rules: list[str]


class ServicePolicyOut(_Out):
    """One service: its state, since when it is recorded, and what each kind of change is told."""

    service: str
    state: str
    since: str | None
    policies: list[str]
    gate: GateOut
    told: list[ToldOut]
    postmortems: list[PostmortemOut]
    override: OverrideOut | None


class PolicyListOut(_Out):
    """All services; `problems` are the faults because of which no policy counts."""

    services: list[ServicePolicyOut]
    policies: list[PolicyOut]
    overrides: list[OverrideOut]
    problems: list[dict[str, object]]


class OverrideIn(BaseModel):
    """Body of an override. It ends after `hours`, at most 168."""

    model_config = ConfigDict(extra="forbid", strict=True)
    service: str = Field(max_length=63)
    reason: str = Field(max_length=2_000)
    hours: int


class PostmortemIn(BaseModel):
    """Body of "the postmortem is written": where it can be read."""

    model_config = ConfigDict(extra="forbid", strict=True)
    link: str = Field(max_length=500)
