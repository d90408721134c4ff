"""The one door to a model: asks for an explanation of the evidence, believes nothing of it.

The model has no tools. It gets the redacted evidence table and returns typed claims and at most one
of the given runbook steps; code checks all of it. Every way in which this can go wrong is an
ordinary outcome with its audit drafts; the deterministic brief stands in all of them.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
from openai import APIStatusError, APITimeoutError, OpenAI, OpenAIError

from kernel.clock import Clock
from kernel.errors import BadInput, TillwatchError
from triage.brief.checking import check_claims, parse_answer
from triage.brief.claims import Claim, Confidence, DroppedClaim
from triage.brief.redaction import Redacted, redact
from triage.brief.writer import confidence_of
from triage.evidence.evidence import EvidenceBundle
from triage.model.answer import ANSWER_SCHEMA, Reply, question, read_reply
from triage.model.budget import ModelBudget
from triage.model.outcome import (
    Answered,
    AuditDraft,
    BudgetSpent,
    Candidate,
    Failed,
    Garbage,
    ModelOutcome,
    NotConfigured,
    Refused,
    TimedOut,
)
from triage.model.settings import ModelSettings
from triage.model.wire import Wire

PROMPT_VERSION = "brief_v1"
_PROMPT = Path(__file__).parent / "prompts" / f"{PROMPT_VERSION}.md"
_BYTES_PER_TOKEN = 3  # a low estimate of bytes per token, so the budget errs on the safe side
_FAULTS = (OpenAIError, httpx2.HTTPError, httpx2.StreamError, TillwatchError)
_BROKEN = (OSError, ValueError, RuntimeError, TypeError, RecursionError)


@dataclass(frozen=True)
class _Asked:
    """One question under way: what it was about and when it began."""

    bundle: EvidenceBundle
    table: Redacted
    candidates: Sequence[Candidate]
    wire: Wire
    began_s: float


class ModelClient:
    """Thread-safe. `explain` never raises for anything that a model or its service does."""

    def __init__(
        self,
        settings: ModelSettings,
        clock: Clock,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """`transport` replaces the network (proxies, tests)."""
        self._settings = settings
        self._clock = clock
        self._transport = transport
        self._budget = ModelBudget(settings, clock)
        self._prompt = _PROMPT.read_text(encoding="utf-8")

    @property
    def configured(self) -> bool:
        """True where a key is set."""
        return bool(self._settings.openai_api_key.get_secret_value())

    def explain(self, bundle: EvidenceBundle, candidates: Sequence[Candidate]) -> ModelOutcome:
        """Ask once, within the wall time; what survives the checks comes back."""
        if not self.configured:
            return NotConfigured(reason="OPENAI_API_KEY is not set")
        if not bundle.evidence:
            return NotConfigured(reason="there is no evidence to ask about")
        table = redact(bundle)
        text = question(bundle, table, candidates)
        size = len(text.encode()) + len(self._prompt.encode())
        estimate = size // _BYTES_PER_TOKEN + self._settings.model_max_output_tokens
        incident = bundle.context.incident_id
        if why := self._budget.refusal(incident, estimate):
            return BudgetSpent(reason=why, audit=(self._rejected(why, stage="budget"),))
        asked = _Asked(bundle, table, candidates, self._wire(), self._clock.monotonic_s())
        failure = self._send_within_wall(text, asked.wire)
        if failure is not None:
            self._budget.spend(incident, estimate)
            self._budget.failed()
            return self._finish(failure, asked, [self._rejected(failure.reason, stage="transport")])
        self._budget.worked()
        outcome = self._judge(asked, estimate)
        self._budget.spend(incident, outcome.tokens)
        return outcome

    def _wire(self) -> Wire:
        return Wire(self._transport or httpx2.HTTPTransport(retries=0))

    def _send_within_wall(self, text: str, wire: Wire) -> ModelOutcome | None:
        """Send in a thread of its own and wait no longer than the wall. None: a response came.

        The thread is a daemon: a service that hangs delays neither the brief nor the end of the
        process. It ends by its own read timeout at the latest.
        """
        done: Future[None] = Future()

        def send() -> None:
            try:
                self._send(text, wire)
            except (*_FAULTS, *_BROKEN) as fault:
                done.set_exception(fault)
            else:
                done.set_result(None)

        threading.Thread(target=send, name="model", daemon=True).start()
        try:
            done.result(timeout=self._settings.model_timeout_s)
        except (TimeoutError, APITimeoutError):
            wire.stop.set()
            seconds = self._settings.model_timeout_s
            return TimedOut(reason=f"no whole answer within {seconds:g} s")
        except APIStatusError as fault:
            return Failed(reason=f"the model service answered {fault.status_code}")
        except (*_FAULTS, *_BROKEN) as fault:
            return Failed(reason=f"the model service could not be used: {type(fault).__name__}")
        return None

    def _send(self, text: str, wire: Wire) -> None:
        settings = self._settings
        timeout = httpx2.Timeout(settings.model_timeout_s)
        with (
            httpx2.Client(
                transport=wire, timeout=timeout, headers={"accept-encoding": "identity"}
            ) as http,
            OpenAI(
                api_key=settings.openai_api_key.get_secret_value(),
                base_url=settings.openai_base_url or None,
                timeout=timeout,
                max_retries=settings.model_max_retries,
                http_client=http,
            ) as client,
        ):
            if settings.model_api == "chat":
                self._send_chat(client, text)
            else:
                self._send_responses(client, text)

    def _send_responses(self, client: OpenAI, text: str) -> None:
        form: Any = {
            "type": "json_schema",
            "name": "brief",
            "strict": True,
            "schema": ANSWER_SCHEMA,
        }
        client.responses.with_raw_response.create(
            model=self._settings.model,
            instructions=self._prompt,
            input=text,
            text={"format": form},
            max_output_tokens=self._settings.model_max_output_tokens,
            store=False,
        )

    def _send_chat(self, client: OpenAI, text: str) -> None:
        form: Any = {
            "type": "json_schema",
            "json_schema": {"name": "brief", "strict": True, "schema": ANSWER_SCHEMA},
        }
        client.chat.completions.with_raw_response.create(
            model=self._settings.model,
            messages=[
                {"role": "system", "content": self._prompt},
                {"role": "user", "content": text},
            ],
            response_format=form,
            max_completion_tokens=self._settings.model_max_output_tokens,
        )

    def _judge(self, asked: _Asked, estimate: int) -> ModelOutcome:
        """Read the envelope, the answer and each claim: what is not right is refused."""
        try:
            reply = read_reply(asked.wire.received, self._settings.model_api)
        except BadInput as fault:
            return self._garbage(asked, Reply(), ("not a response", fault.message), estimate)
        tokens = reply.input_tokens + reply.output_tokens or estimate
        if reply.refusal:
            draft = self._rejected("the model refused", stage="answer", asked=asked, reply=reply)
            refused = Refused(reason="the model refused to answer", tokens=tokens)
            return self._finish(refused, asked, [draft])
        try:
            answer = parse_answer(reply.text)
        except BadInput as fault:
            detail = f"{fault.path}: {fault.message}"
            return self._garbage(asked, reply, ("not the answer asked for", detail), tokens)
        kept, dropped = check_claims(answer.claims, asked.table.pieces)
        chosen = next(
            (
                one
                for one in asked.candidates
                if (one.runbook_id, one.step_id) == (answer.runbook_id, answer.step_id)
            ),
            None,
        )
        if (answer.runbook_id or answer.step_id) and chosen is None:
            offered = Claim(f"{answer.runbook_id}/{answer.step_id}"[:200], ())
            dropped += (DroppedClaim(offered, "a step that was not offered"),)
        if not kept:
            why = ("no claim survived the checks", "")
            return self._garbage(asked, reply, why, tokens, dropped)
        return self._answered(asked, reply, tokens, (kept, dropped, chosen))

    def _answered(
        self,
        asked: _Asked,
        reply: Reply,
        tokens: int,
        result: tuple[tuple[Claim, ...], tuple[DroppedClaim, ...], Candidate | None],
    ) -> ModelOutcome:
        kept, dropped, chosen = result
        confidence = _confidence(asked.bundle, kept, dropped)
        shown = tuple(Claim(asked.table.restore(claim.text), claim.evidence_ids) for claim in kept)
        data = self._reply_data(asked, reply) | {
            "claims_kept": len(kept),
            "claims_dropped": len(dropped),
            "confidence": confidence,
            "evidence_ids": sorted({one for claim in kept for one in claim.evidence_ids}),
        }
        if chosen is not None:
            data |= {"runbook": chosen.runbook_id, "step": chosen.step_id}
        payloads = {"response": asked.wire.received, "claims": _claims_json(shown)}
        drafts = [AuditDraft("ai.suggestion", "ok", data, payloads)]
        if dropped:
            why = f"{len(dropped)} claims dropped by the checks"
            drafts.append(
                self._rejected(why, stage="claims", asked=asked, reply=reply, dropped=dropped)
            )
        outcome = Answered(
            claims=shown,
            dropped=dropped,
            suggestion=chosen,
            confidence=confidence,
            tokens=tokens,
            reason=f"{len(kept)} claims kept, {len(dropped)} dropped",
        )
        return self._finish(outcome, asked, drafts)

    def _garbage(
        self,
        asked: _Asked,
        reply: Reply,
        why: tuple[str, str],
        tokens: int,
        dropped: tuple[DroppedClaim, ...] = (),
    ) -> ModelOutcome:
        """`why`: a fixed reason, and a detail that may quote the model (kept beside the record)."""
        reason, detail = why
        draft = self._rejected(reason, stage="answer", asked=asked, reply=reply, dropped=dropped)
        if detail:
            payloads = {**draft.payloads, "detail": detail.encode("utf-8", "replace")}
            draft = replace(draft, payloads=payloads)
        outcome = Garbage(reason=reason, dropped=dropped, tokens=tokens)
        return self._finish(outcome, asked, [draft])

    def _finish(
        self, outcome: ModelOutcome, asked: _Asked, drafts: list[AuditDraft]
    ) -> ModelOutcome:
        """Add the request's record in front (if anything was sent) and the time it took."""
        elapsed_ms = round((self._clock.monotonic_s() - asked.began_s) * 1000)
        if not asked.wire.tries:
            return replace(outcome, audit=tuple(drafts), elapsed_ms=elapsed_ms)
        request = AuditDraft(
            type="ai.request",
            outcome="ok",
            data={
                "model": self._settings.model,
                "purpose": "brief",
                "version": PROMPT_VERSION,
                "prompt_sha256": hashlib.sha256(asked.wire.sent).hexdigest(),
                "system_prompt_sha256": hashlib.sha256(self._prompt.encode()).hexdigest(),
                "evidence_ids": [piece.id for piece in asked.table.pieces],
                "max_tokens": self._settings.model_max_output_tokens,
                "attempt": asked.wire.tries,
            },
            payloads={"request": asked.wire.sent},
        )
        return replace(outcome, audit=(request, *drafts), elapsed_ms=elapsed_ms)

    def _reply_data(self, asked: _Asked, reply: Reply) -> dict[str, str | int | bool | list[str]]:
        return {
            "model": self._settings.model,
            "model_version": reply.model,
            "finish_reason": reply.finish,
            "input_tokens": reply.input_tokens,
            "output_tokens": reply.output_tokens,
            "latency_ms": round((self._clock.monotonic_s() - asked.began_s) * 1000),
        }

    def _rejected(
        self,
        reason: str,
        *,
        stage: str,
        asked: _Asked | None = None,
        reply: Reply | None = None,
        dropped: Sequence[DroppedClaim] = (),
    ) -> AuditDraft:
        """The record of an answer, or a part of one, that was not used."""
        data: dict[str, str | int | bool | list[str]] = {
            "reason": reason[:200],
            "stage": stage,
            "model": self._settings.model,
        }
        payloads: dict[str, bytes] = {}
        if asked is not None and reply is not None:
            data |= self._reply_data(asked, reply)
            payloads["response"] = asked.wire.received
        if dropped:
            data["claims_dropped"] = len(dropped)
            payloads["dropped"] = _dropped_json(dropped)
        return AuditDraft("ai.rejected", "denied", data, payloads)


def _confidence(
    bundle: EvidenceBundle, kept: Sequence[Claim], dropped: Sequence[DroppedClaim]
) -> Confidence:
    """The evidence's own confidence; never above low for a model that was mostly wrong."""
    return "low" if len(dropped) > len(kept) else confidence_of(bundle)


def _claims_json(claims: Sequence[Claim]) -> bytes:
    listed = [{"text": one.text, "evidence_ids": list(one.evidence_ids)} for one in claims]
    return json.dumps(listed, ensure_ascii=False).encode("utf-8", "replace")


def _dropped_json(dropped: Sequence[DroppedClaim]) -> bytes:
    listed = [{"text": one.claim.text, "reason": one.reason} for one in dropped]
    return json.dumps(listed, ensure_ascii=False).encode("utf-8", "replace")
