"""Claims and briefs: sentences that stand on evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Confidence = Literal["low", "medium", "high"]


@dataclass(frozen=True)
class Claim:
    """One sentence and the evidence it stands on."""

    text: str
    evidence_ids: tuple[str, ...]


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
