"""What is sent to the model: the redacted table as one JSON document. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from kernel.clock import rfc3339
from triage.brief.redaction import Redacted
from triage.evidence.evidence import Evidence, EvidenceBundle
from triage.model.outcome import Candidate

MAX_CANDIDATES = 12
_TITLE = re.compile(r"[A-Za-z0-9 ,.'()-]{1,80}\Z")


def question(
    bundle: EvidenceBundle,
    table: Redacted,
    candidates: Sequence[Candidate],
    queries_left: int = 0,
) -> dict[str, Any]:
    """The evidence table: figures, words of ours and tokens; never text of others.

    Tokens that it needs are added to `table`.
    """
    context = bundle.context
    return {
        "service": table.safe(context.service, "service") if context.service else "",
        "objectives": [table.safe(one, "objective") for one in context.objective_ids],
        "verdict": str(bundle.verdict),
        "missing_sources": [table.safe(one) for one in bundle.missing_sources],
        "evidence": [_piece(piece) for piece in table.pieces],
        "candidates": [_candidate(one) for one in candidates[:MAX_CANDIDATES]],
        "queries_left": queries_left,
    }


def as_text(document: dict[str, Any]) -> str:
    """The document as it is sent."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _piece(piece: Evidence) -> dict[str, Any]:
    return {
        "id": piece.id,
        "kind": piece.kind,
        "from": rfc3339(piece.from_us),
        "to": rfc3339(piece.to_us),
        "numbers": {
            name: rfc3339(value) if name.endswith("_us") and isinstance(value, int) else value
            for name, value in piece.numbers.items()
        },
    }


def _candidate(one: Candidate) -> dict[str, str]:
    """Ids and title are of our own catalogue; a title with anything but plain words stays here."""
    return {
        "runbook_id": one.runbook_id,
        "step_id": one.step_id,
        "title": one.title if _TITLE.match(one.title) else "",
    }
