"""The digest a person approves: SHA-256 over the RFC 8785 form of exactly what would run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import rfc8785


@dataclass(frozen=True)
class Proposal:
    """Everything that must be the same at the moment of running as at the moment of deciding."""

    incident_id: str
    proposal_id: str
    runbook_id: str
    runbook_sha256: str
    step_id: str
    adapter: str
    params: dict[str, str | int]
    action: dict[str, Any]
    undo: dict[str, Any] | None
    target: str
    tier: str
    policy_version: str
    preconditions: dict[str, Any]
    verification: dict[str, Any]
    evidence: dict[str, str]
    change_author_id: str
    expires_at_us: int


def digest_of(proposal: Proposal) -> str:
    """64 hex digits. Times go in as text: RFC 8785 numbers are doubles."""
    fields = {name: getattr(proposal, name) for name in proposal.__dataclass_fields__}
    fields["expires_at_us"] = str(proposal.expires_at_us)
    fields["v"] = "1"
    return hashlib.sha256(rfc8785.dumps(fields)).hexdigest()
