"""What the evidence engine hands over: pieces with id, query, time range, hash and numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from triage.evidence.outcome import OutcomeRule

Number = int | float | str


class Verdict(StrEnum):
    """Did we do this ourselves? All three answers are first-class."""

    CHANGE_OF_OURS = "change_of_ours"
    NOT_A_CHANGE_OF_OURS = "not_a_change_of_ours"
    CANNOT_TELL = "cannot_tell"


def agreed(one: Verdict, other: Verdict) -> Verdict:
    """The verdict of two readings: what one cannot tell the other may; contradicting, neither."""
    if one is Verdict.CANNOT_TELL or one is other:
        return other
    return one if other is Verdict.CANNOT_TELL else Verdict.CANNOT_TELL


@dataclass(frozen=True)
class Finding:
    """A result of one evidence function, before it gets its id.

    `numbers` holds everything that `summary` states: counts, shares (0-1), times (keys ending in
    `_us`), names. `query` says how to look again.
    """

    kind: str
    summary: str
    numbers: Mapping[str, Number]
    query: str
    from_us: int
    to_us: int


@dataclass(frozen=True)
class Evidence:
    """One piece of evidence. `sha256` is over the canonical content (everything but the hash)."""

    id: str
    kind: str
    summary: str
    numbers: Mapping[str, Number]
    query: str
    from_us: int
    to_us: int
    sha256: str


def mint(evidence_id: str, finding: Finding) -> Evidence:
    """Give a finding its id and hash."""
    content = {
        "id": evidence_id,
        "kind": finding.kind,
        "summary": finding.summary,
        "numbers": dict(finding.numbers),
        "query": finding.query,
        "from_us": finding.from_us,
        "to_us": finding.to_us,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return Evidence(
        id=evidence_id,
        kind=finding.kind,
        summary=finding.summary,
        numbers=dict(finding.numbers),
        query=finding.query,
        from_us=finding.from_us,
        to_us=finding.to_us,
        sha256=digest,
    )


@dataclass(frozen=True)
class IncidentContext:
    """What the engine must know of an incident. Times in UTC microseconds.

    `segments` are the segments that burn, as told by the burn alerts (`{"provider": "adyen"}`).
    `labels` come from the alerts and are kept as they are in the bundle's labels.
    """

    incident_id: str
    title: str
    service: str
    onset_us: int
    now_us: int
    objective_ids: tuple[str, ...] = ()
    segments: tuple[Mapping[str, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    rule: OutcomeRule = field(default_factory=OutcomeRule)
    dependencies: tuple[str, ...] = ()
    resolved_us: int | None = None


@dataclass(frozen=True)
class EvidenceBundle:
    """Everything found. `labels` serve runbook matching; `missing_sources` could not be asked."""

    context: IncidentContext
    evidence: tuple[Evidence, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    missing_sources: tuple[str, ...] = ()
    verdict: Verdict = Verdict.CANNOT_TELL

    def by_id(self, evidence_id: str) -> Evidence | None:
        """The piece with this id."""
        return next((piece for piece in self.evidence if piece.id == evidence_id), None)

    def of_kind(self, kind: str) -> list[Evidence]:
        """All pieces of a kind, in order of their ids."""
        return [piece for piece in self.evidence if piece.kind == kind]
