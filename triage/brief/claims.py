"""Claims and briefs: sentences that stand on evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Confidence = Literal["low", "medium", "high"]
# What a claim of a model is about; each kind has rules of its own (`triage.brief.kinds`).
KINDS = ("what_fails", "since", "where", "cost", "cause", "not_cause", "cannot_tell")


@dataclass(frozen=True)
class Ref:
    """A figure or a name as a sentence says it, and the field of the evidence that says so."""

    said: str
    evidence_id: str
    field: str


@dataclass(frozen=True)
class Claim:
    """One sentence and the evidence it stands on. Code's own claims need no kind and no refs."""

    text: str
    evidence_ids: tuple[str, ...]
    kind: str = ""
    refs: tuple[Ref, ...] = ()


@dataclass(frozen=True)
class DroppedClaim:
    """A claim of the model that a check refused, and why."""

    claim: Claim
    reason: str


@dataclass(frozen=True)
class Brief:
    """What people read first. `text` is the claims in order; `headline` is the first of them."""

    headline: str
    text: str
    source: Literal["code", "model"]
    claims: tuple[Claim, ...]
    missing_sources: tuple[str, ...]
    verdict: str
    confidence: Confidence
