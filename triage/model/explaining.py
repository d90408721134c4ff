"""Asks a model to explain the evidence, round by round, and keeps of it what code can prove.

The model gets the redacted table and returns typed claims, at most one of the given runbook steps,
or wishes for more evidence from a closed list of reading queries. Every way in which this can go
wrong is an ordinary outcome with its audit drafts; the deterministic brief stands in all of them.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kernel.clock import Clock
from kernel.errors import BadInput, TillwatchError
from triage.brief.checking import check_claims
from triage.brief.claims import Claim, Confidence, DroppedClaim
from triage.brief.corroboration import confidence_of, lowered
from triage.brief.redaction import Redacted, add, redact
from triage.evidence.evidence import Evidence, EvidenceBundle, mint
from triage.model import records
from triage.model.allowance import Spend, cost_micros
from triage.model.client import Exchange, ModelClient
from triage.model.envelope import Reply, read_reply
from triage.model.gate import suspicion
from triage.model.inquiry import Inquiry, Look, inquiry
from triage.model.outcome import (
    Abstained,
    Answered,
    AuditDraft,
    Candidate,
    Garbage,
    ModelOutcome,
    NotConfigured,
    Refused,
    Withheld,
)
from triage.model.permits import Permits
from triage.model.question import as_text, question
from triage.model.reading import ANSWER_SCHEMA, Answer, parse_answer
from triage.model.records import Asked, Prompt
from triage.model.settings import ModelSettings
from triage.model.spending import Spending
from triage.model.tally import Tally

PROMPT_VERSION = "brief_v2"
_PROMPT = Path(__file__).parent / "prompts" / f"{PROMPT_VERSION}.md"
_BYTES_PER_TOKEN = 3  # a low estimate of bytes per token, so the budget errs on the safe side
_MOST_BYTES_PER_TOKEN = 8
_FORM_BYTES = len(json.dumps(ANSWER_SCHEMA))
_MAX_ADDED_BYTES = 16_384
_REDACTION_FAULTS = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


@dataclass
class _Talk:
    """One explanation under way: the question as it stands and what is on record."""

    bundle: EvidenceBundle
    candidates: Sequence[Candidate]
    table: Redacted
    began_s: float
    look: Look | None
    drafts: list[AuditDraft] = field(default_factory=list)
    added: list[Evidence] = field(default_factory=list)
    made: set[tuple[str, str, str]] = field(default_factory=set)
    rounds: int = 0
    spent: Spend = field(default_factory=Spend)


class Explainer:
    """Thread-safe. `explain` never raises for anything that a model or its service does."""

    def __init__(
        self,
        settings: ModelSettings,
        clock: Clock,
        client: ModelClient,
        spending: Spending,
        known: frozenset[str] = frozenset(),
        new_id: Callable[[], str] = lambda: f"E{secrets.token_hex(3)}",
    ) -> None:
        """`known`: names from this installation's own files, which may leave as they are.

        `new_id` gives each piece its id for one question: nobody can write a citation in advance.
        """
        self._settings = settings
        self._clock = clock
        self._client = client
        self._known = frozenset(name for name in known if name.isascii() and name.isprintable())
        self._new_id = new_id
        self.tally = Tally()
        self._permits = Permits(settings, clock, spending, self.tally)
        self._prompt = Prompt(PROMPT_VERSION, _PROMPT.read_text(encoding="utf-8"))

    def explain(
        self, bundle: EvidenceBundle, candidates: Sequence[Candidate], look: Look | None = None
    ) -> ModelOutcome:
        """Ask within the wall time; what survives the checks comes back."""
        outcome = self._explain(bundle, candidates, look)
        self.tally.add(outcome)
        return outcome

    def _explain(
        self, bundle: EvidenceBundle, candidates: Sequence[Candidate], look: Look | None
    ) -> ModelOutcome:
        if not self._settings.openai_api_key.get_secret_value():
            return NotConfigured(reason="OPENAI_API_KEY is not set")
        if not bundle.evidence:
            return NotConfigured(reason="there is no evidence to ask about")
        try:
            table = redact(bundle, self._known, self._alias)
        except _REDACTION_FAULTS as fault:
            return self._withheld(f"redaction failed ({type(fault).__name__})")
        talk = _Talk(bundle, candidates, table, self._clock.monotonic_s(), look)
        outcome = self._round(talk)
        while outcome is None:
            outcome = self._round(talk)
        elapsed_ms = round((self._clock.monotonic_s() - talk.began_s) * 1000)
        return replace(
            outcome,
            audit=(*talk.drafts, *outcome.audit),
            added=tuple(talk.added),
            elapsed_ms=elapsed_ms,
            tokens=talk.spent.tokens,
            cost_micros=talk.spent.cost_micros,
        )

    def _alias(self, _evidence_id: str) -> str:
        return self._new_id()

    def _round(self, talk: _Talk) -> ModelOutcome | None:
        """One question and its answer; None where the model is to be asked again."""
        talk.rounds += 1
        left = self._queries_left(talk)
        document = question(talk.bundle, talk.table, talk.candidates, left)
        if why := suspicion(document, talk.table.words):
            return self._withheld(why)
        text = as_text(document)
        size = len(text.encode()) + len(self._prompt.text.encode()) + _FORM_BYTES
        within_s = self._seconds_left(talk)
        need = self._permits.need(size // _BYTES_PER_TOKEN, within_s)
        refused = self._permits.take(talk.bundle, need)
        if refused is not None:
            return replace(refused, audit=(self._rejected(refused.reason, "budget"),))
        now_s = self._clock.monotonic_s()
        exchange = self._client.ask(self._prompt.text, text, within_s)
        latency_ms = round((self._clock.monotonic_s() - now_s) * 1000)
        reply, fault = self._reply(exchange)
        real = self._real(need, exchange, reply, latency_ms)
        self._permits.give_back(talk.bundle, need, real, worked=exchange.failure is None)
        talk.spent += real
        asked = Asked(exchange, reply, talk.rounds, latency_ms, real.cost_micros)
        if exchange.tries:
            talk.drafts.append(records.requested(asked, talk.table, self._prompt, self._settings))
        if exchange.failure is not None:
            reason = exchange.failure.reason
            return replace(exchange.failure, audit=(self._rejected(reason, "transport"),))
        if fault:
            return self._garbage(asked, "not a response", fault)
        return self._read(talk, asked, left)

    def _seconds_left(self, talk: _Talk) -> float:
        gone_s = self._clock.monotonic_s() - talk.began_s
        return max(0.1, self._settings.model_timeout_s - gone_s)

    def _reply(self, exchange: Exchange) -> tuple[Reply, str]:
        """The envelope, and what is wrong with it."""
        if exchange.failure is not None:
            return Reply(), ""
        try:
            return read_reply(exchange.received, self._settings.model_api), ""
        except BadInput as fault:
            return Reply(), fault.message

    def _real(self, need: Spend, exchange: Exchange, reply: Reply, latency_ms: int) -> Spend:
        """What the call cost: as the service tells it, never less than a question of its size."""
        if not reply.input_tokens + reply.output_tokens:
            return replace(need, wall_ms=latency_ms)
        told = max(reply.input_tokens, len(exchange.sent) // _MOST_BYTES_PER_TOKEN)
        cost = cost_micros(self._settings, told, reply.output_tokens)
        return Spend(told + reply.output_tokens, cost, latency_ms, 1)

    def _queries_left(self, talk: _Talk) -> int:
        if talk.look is None or talk.rounds > self._settings.model_max_rounds:
            return 0
        return max(0, self._settings.model_max_queries - len(talk.made))

    def _read(self, talk: _Talk, asked: Asked, left: int) -> ModelOutcome | None:
        """Read the answer: what is not right is refused."""
        reply = asked.reply
        if reply.refusal:
            reason = "the model refused to answer"
            return Refused(reason=reason, audit=(self._rejected(reason, "answer", asked=asked),))
        try:
            answer = parse_answer(reply.text)
        except BadInput as fault:
            detail = f"{fault.path}: {fault.message}"
            return self._garbage(asked, "not the answer asked for", detail)
        if answer.queries and left:
            self._look_up(talk, asked, answer, left)
            return None
        return self._judge(talk, asked, answer)

    def _look_up(self, talk: _Talk, asked: Asked, answer: Answer, left: int) -> None:
        """Gather what the model wishes to know, within the bounds; ids are given afterwards."""
        told = []
        for query in answer.queries[:left]:
            found = inquiry(query, talk.table)
            if isinstance(found, str):
                talk.made.add((query.query, query.evidence_id, query.field))
                told.append(found)
                continue
            told.append(f"{found.told}: {self._gather(talk, found)}")
        talk.drafts.append(records.looked_up(asked, self._settings.model, told))

    def _gather(self, talk: _Talk, found: Inquiry) -> str:
        """Look once; what became of it in a word."""
        key = (found.query, found.field, found.value)
        if key in talk.made or talk.look is None:
            return "asked already"
        talk.made.add(key)
        if self._clock.monotonic_s() - talk.began_s > self._settings.model_timeout_s / 2:
            return "no time left"
        try:
            finding = talk.look(talk.bundle, found)
        except (TillwatchError, OSError, sqlite3.Error):
            return "could not be asked"
        if finding is None:
            return "nothing found"
        number = 1 + len(talk.bundle.evidence) + len(talk.added)
        piece = mint(f"E{number}", finding)
        size = sum(len(str(one.numbers)) for one in (*talk.added, piece))
        if size > _MAX_ADDED_BYTES:
            return "too much"
        talk.added.append(piece)
        add(talk.table, [piece], self._alias)
        return piece.id

    def _judge(self, talk: _Talk, asked: Asked, answer: Answer) -> ModelOutcome:
        kept, dropped = check_claims(answer.claims, talk.table.pieces, str(talk.bundle.verdict))
        chosen = next(
            (
                one
                for one in talk.candidates
                if (one.runbook_id, one.step_id) == (answer.runbook_id, answer.step_id)
            ),
            None,
        )
        if (answer.runbook_id or answer.step_id) and chosen is None:
            offered = Claim(f"{answer.runbook_id}/{answer.step_id}"[:200], ())
            dropped += (DroppedClaim(offered, "a step that was not offered"),)
        abstains = all(claim.kind == "cannot_tell" for claim in answer.claims)
        if abstains and len(dropped) <= len(answer.claims) and chosen is None:
            return self._abstained(asked, dropped)
        if not kept:
            return self._garbage(asked, "no claim survived the checks", "", dropped)
        return self._answered(talk, asked, (kept, dropped, chosen))

    def _answered(
        self,
        talk: _Talk,
        asked: Asked,
        judged: tuple[tuple[Claim, ...], tuple[DroppedClaim, ...], Candidate | None],
    ) -> ModelOutcome:
        kept, dropped, chosen = judged
        shown = tuple(_shown(claim, talk.table) for claim in kept)
        whole = replace(talk.bundle, evidence=(*talk.bundle.evidence, *talk.added))
        confidence, rule = lowered(confidence_of(whole), whole, shown, len(dropped))
        draft = records.suggested(
            asked,
            self._settings.model,
            (shown, dropped, chosen),
            confidence=confidence,
            rule=rule,
        )
        audit = [draft, *self._dropped(asked, dropped)]
        return Answered(
            claims=shown,
            dropped=dropped,
            suggestion=chosen,
            confidence=confidence,
            audit=tuple(audit),
            reason=f"{len(kept)} claims kept, {len(dropped)} dropped",
        )

    def _abstained(self, asked: Asked, dropped: Sequence[DroppedClaim]) -> ModelOutcome:
        judged: tuple[list[Claim], Sequence[DroppedClaim], None] = ([], dropped, None)
        low: Confidence = "low"
        draft = records.suggested(
            asked, self._settings.model, judged, confidence=low, rule="it abstained"
        )
        return Abstained(reason="the model cannot tell more than the evidence", audit=(draft,))

    def _dropped(self, asked: Asked, dropped: Sequence[DroppedClaim]) -> list[AuditDraft]:
        if not dropped:
            return []
        why = f"{len(dropped)} claims dropped by the checks"
        return [self._rejected(why, "claims", asked=asked, dropped=dropped)]

    def _garbage(
        self, asked: Asked, reason: str, detail: str, dropped: Sequence[DroppedClaim] = ()
    ) -> ModelOutcome:
        draft = self._rejected(reason, "answer", asked=asked, dropped=dropped, detail=detail)
        return Garbage(reason=reason, dropped=tuple(dropped), audit=(draft,))

    def _withheld(self, why: str) -> ModelOutcome:
        reason = f"nothing was sent: {why}"
        return Withheld(reason=reason, audit=(self._rejected(reason, "redaction"),))

    def _rejected(
        self,
        reason: str,
        stage: str,
        *,
        asked: Asked | None = None,
        dropped: Sequence[DroppedClaim] = (),
        detail: str = "",
    ) -> AuditDraft:
        model = self._settings.model
        return records.rejected(reason, stage, model, asked=asked, dropped=dropped, detail=detail)


def _shown(claim: Claim, table: Redacted) -> Claim:
    """The claim as people read it: words for tokens, the stored ids, no references."""
    ids = tuple(table.origin[one] for one in claim.evidence_ids)
    return Claim(table.restore(claim.text), ids, claim.kind)
