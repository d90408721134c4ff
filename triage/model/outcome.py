"""What came of asking the model. Every outcome is an ordinary value; none is an exception."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from triage.brief.claims import Claim, Confidence, DroppedClaim
from triage.evidence.evidence import Evidence


@dataclass(frozen=True)
class Candidate:
    """A catalogued runbook step that code found to match; the model may only point at one."""

    runbook_id: str
    step_id: str
    title: str
    why: str = ""


@dataclass(frozen=True)
class AuditDraft:
    """What the caller records, in the transaction of the change it belongs to.

    `type` is `ai.request`, `ai.query`, `ai.suggestion` or `ai.rejected`; `data` is small,
    without free text; `payloads` are the exact redacted bytes.
    """

    type: str
    outcome: str
    data: Mapping[str, str | int | bool | list[str]]
    payloads: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ModelOutcome:
    """Base of all outcomes. `audit` is recorded in order; empty where nothing was sent.

    `added`: evidence that was gathered because the model asked for it.
    """

    audit: tuple[AuditDraft, ...] = ()
    added: tuple[Evidence, ...] = ()
    reason: str = ""
    elapsed_ms: int = 0
    tokens: int = 0
    cost_micros: int = 0


@dataclass(frozen=True, kw_only=True)
class Answered(ModelOutcome):
    """At least one claim survived the checks. `suggestion` is one of the given candidates."""

    claims: tuple[Claim, ...]
    dropped: tuple[DroppedClaim, ...] = ()
    suggestion: Candidate | None = None
    confidence: Confidence = "low"


@dataclass(frozen=True, kw_only=True)
class Abstained(ModelOutcome):
    """The model says that it cannot tell more than the evidence does: a good answer."""


@dataclass(frozen=True, kw_only=True)
class Withheld(ModelOutcome):
    """Something in the question looked personal, secret or foreign: nobody was asked."""


@dataclass(frozen=True, kw_only=True)
class Refused(ModelOutcome):
    """The model declined to answer."""


@dataclass(frozen=True, kw_only=True)
class Garbage(ModelOutcome):
    """The answer was not what was asked for, or no claim survived (`dropped` says why)."""

    dropped: tuple[DroppedClaim, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TimedOut(ModelOutcome):
    """No whole answer within the wall time."""


@dataclass(frozen=True, kw_only=True)
class Failed(ModelOutcome):
    """The service could not be reached or answered with an error."""


@dataclass(frozen=True, kw_only=True)
class NotConfigured(ModelOutcome):
    """No key is set: the deterministic brief is all there is, by choice."""


@dataclass(frozen=True, kw_only=True)
class Stopped(ModelOutcome):
    """Somebody has switched the model off."""


@dataclass(frozen=True, kw_only=True)
class BudgetSpent(ModelOutcome):
    """Tokens, money or time of the incident or the day are used up."""


@dataclass(frozen=True, kw_only=True)
class LeftAlone(ModelOutcome):
    """The service failed repeatedly and is not asked for a while."""
