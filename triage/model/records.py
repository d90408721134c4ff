"""What the audit log is told of each question and each answer. Pure: values in, drafts out.

`data` is small and holds no free text; prompts, answers and claims lie beside it as payloads, in
the exact bytes that went over the wire.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from triage.brief.claims import Claim, DroppedClaim
from triage.brief.redaction import Redacted
from triage.model.client import Exchange
from triage.model.envelope import Reply
from triage.model.outcome import AuditDraft, Candidate
from triage.model.reading import ANSWER_SCHEMA
from triage.model.settings import ModelSettings

Data = dict[str, str | int | bool | list[str]]
_SCHEMA_SHA256 = hashlib.sha256(json.dumps(ANSWER_SCHEMA, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Prompt:
    """A versioned prompt file."""

    version: str
    text: str

    @property
    def sha256(self) -> str:
        """Of its bytes."""
        return _sha256(self.text.encode())


@dataclass(frozen=True)
class Asked:
    """One round: what was exchanged, what the answer cost, and how long it took."""

    exchange: Exchange
    reply: Reply
    number: int
    latency_ms: int
    cost_micros: int = 0


def requested(asked: Asked, table: Redacted, prompt: Prompt, settings: ModelSettings) -> AuditDraft:
    """The record of a question: exactly what was sent, and what it stood on."""
    back = json.dumps(
        {"tokens": table.digests(), "evidence": table.origin}, sort_keys=True
    ).encode()
    data: Data = {
        "model": settings.model,
        "provider": settings.model_api,
        "purpose": "brief",
        "version": prompt.version,
        "system_prompt_sha256": prompt.sha256,
        "schema_sha256": _SCHEMA_SHA256,
        "prompt_sha256": _sha256(asked.exchange.sent),
        "redaction_map_sha256": _sha256(back),
        "evidence_ids": [table.origin[piece.id] for piece in table.pieces],
        "evidence": [piece.sha256 for piece in table.pieces],
        "params": f"max_output_tokens={settings.model_max_output_tokens}; service's defaults else",
        "max_tokens": settings.model_max_output_tokens,
        "attempt": asked.exchange.tries,
        "round": asked.number,
    }
    return AuditDraft(
        "ai.request", "ok", data, {"request": asked.exchange.sent, "redaction_map": back}
    )


def answered(asked: Asked, model: str) -> Data:
    """What every record of an answer says."""
    return {
        "model": model,
        "model_version": asked.reply.model,
        "finish_reason": asked.reply.finish,
        "input_tokens": asked.reply.input_tokens,
        "output_tokens": asked.reply.output_tokens,
        "latency_ms": asked.latency_ms,
        "cost_micros": asked.cost_micros,
        "response_sha256": _sha256(asked.exchange.received),
        "round": asked.number,
    }


def looked_up(asked: Asked, model: str, queries: Sequence[str]) -> AuditDraft:
    """The model asked for more evidence; `queries`: what became of each, in words of ours."""
    data = answered(asked, model) | {"queries": list(queries)}
    return AuditDraft("ai.query", "ok", data, {"response": asked.exchange.received})


def suggested(
    asked: Asked,
    model: str,
    judged: tuple[Sequence[Claim], Sequence[DroppedClaim], Candidate | None],
    *,
    confidence: str,
    rule: str,
) -> AuditDraft:
    """The record of an answer of which something stands. `judged`: kept, dropped, step."""
    kept, dropped, step = judged
    data = answered(asked, model) | {
        "status": "claims" if kept else "abstained",
        "claims_kept": len(kept),
        "claims_dropped": len(dropped),
        "confidence": confidence,
        "rule": rule,
        "evidence_ids": sorted({one for claim in kept for one in claim.evidence_ids}),
    }
    if step is not None:
        data |= {"runbook": step.runbook_id, "step": step.step_id}
    payloads = {"response": asked.exchange.received, "claims": _claims_json(kept)}
    return AuditDraft("ai.suggestion", "ok", data, payloads)


def rejected(
    reason: str,
    stage: str,
    model: str,
    *,
    asked: Asked | None = None,
    dropped: Sequence[DroppedClaim] = (),
    detail: str = "",
) -> AuditDraft:
    """The record of a question that was not asked, or of an answer that was not used.

    `detail` may quote the model: it lies beside the record.
    """
    data: Data = {"reason": reason[:200], "stage": stage, "model": model}
    payloads: dict[str, bytes] = {}
    if asked is not None:
        data |= answered(asked, model)
        payloads["response"] = asked.exchange.received
    if dropped:
        data["claims_dropped"] = len(dropped)
        payloads["dropped"] = _dropped_json(dropped)
    if detail:
        payloads["detail"] = detail.encode("utf-8", "replace")
    return AuditDraft("ai.rejected", "denied", data, payloads)


def _claims_json(claims: Sequence[Claim]) -> bytes:
    listed = [
        {"kind": one.kind, "text": one.text, "evidence_ids": list(one.evidence_ids)}
        for one in claims
    ]
    return json.dumps(listed, ensure_ascii=False).encode("utf-8", "replace")


def _dropped_json(dropped: Sequence[DroppedClaim]) -> bytes:
    listed = [
        {"kind": one.claim.kind, "text": one.claim.text, "reason": one.reason} for one in dropped
    ]
    return json.dumps(listed, ensure_ascii=False).encode("utf-8", "replace")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
