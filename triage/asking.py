"""Asks the model about evidence that already stands, and takes its brief if it was checked.

Apart from the deterministic briefs, so that a slow model never delays the brief of another
incident. Intent, commit, call, result, commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlmodel import Session

from audit.entries import Actor, Entry, Outcome, Payload
from audit.log import AuditLog
from kernel.clock import MINUTE_US, Clock
from kernel.database import Database
from kernel.facts import publish
from triage import repository
from triage.admission import SYSTEM, Admission
from triage.brief.writer import compose, with_model
from triage.brief_rows import brief_ready, brief_row, evidence, evidence_row, record_brief
from triage.evidence.evidence import EvidenceBundle, IncidentContext, Verdict
from triage.incident import IncidentState
from triage.model.outcome import Answered, AuditDraft, Candidate, ModelOutcome, NotConfigured
from triage.models import BriefWorkRow, IncidentRow

_LOST_AFTER_US = 5 * MINUTE_US
_MAX_ASKED = 3
Ask = Callable[[EvidenceBundle, Sequence[Candidate]], ModelOutcome]


_OUTCOMES: Mapping[str, Outcome] = {"ok": "ok", "denied": "denied"}


class Asking:
    """Part "triage.brief.model": asks the model about evidence that already stands."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        audit_log: AuditLog,
        admission: Admission,
        ask: Ask,
        candidates: Callable[[Mapping[str, str]], Sequence[Candidate]] | None = None,
    ) -> None:
        """`ask` never raises; `candidates(labels)` are the runbook steps the model may point at."""
        self._database = database
        self._clock = clock
        self._audit = audit_log
        self._admission = admission
        self._ask = ask
        self._candidates = candidates

    def step(self) -> bool:
        """Ask about the incident that waits longest; True where one waited."""
        now_us = self._clock.now_us()
        with self._database.unit_of_work() as session:
            work = repository.wanted_answer(session, now_us - _LOST_AFTER_US)
            if work is None:
                return False
            work.ask = "asking" if work.asked_times < _MAX_ASKED else "done"
            work.asked_us, work.asked_times = now_us, work.asked_times + 1
            session.add(work)
            bundle = self._bundle(session, work)
        if work.ask == "done" or bundle is None:
            return True
        steps = self._candidates(bundle.labels) if self._candidates else ()
        outcome = self._ask(bundle, steps)
        with self._database.unit_of_work() as session:
            self._take(session, work, bundle, outcome)
        return True

    @staticmethod
    def _bundle(session: Session, work: BriefWorkRow) -> EvidenceBundle | None:
        """The evidence as it was stored: the model sees exactly what people see."""
        row = repository.incident(session, work.incident_id)
        brief = repository.newest_brief(session, work.incident_id)
        if row is None or brief is None:
            return None
        pieces = repository.evidence_of(session, row.id, brief.evidence_revision)
        return EvidenceBundle(
            context=IncidentContext(
                incident_id=row.id,
                title=row.title,
                service=row.service,
                onset_us=row.onset_us,
                now_us=brief.at_us,
                objective_ids=tuple(row.objective_ids),
                segments=tuple(row.segments),
                labels=row.labels,
                resolved_us=row.resolved_us,
            ),
            evidence=tuple(evidence(one) for one in pieces),
            labels=brief.labels,
            missing_sources=tuple(brief.missing_sources),
            verdict=Verdict(brief.verdict),
        )

    def _take(
        self,
        session: Session,
        asked: BriefWorkRow,
        bundle: EvidenceBundle,
        outcome: ModelOutcome,
    ) -> None:
        work = session.get(BriefWorkRow, asked.incident_id)
        row = repository.incident(session, asked.incident_id)
        if work is None or row is None:
            return
        suggestion = self._record(session, row, outcome.audit)
        # What changed while the model thought was put up anew ("wanted"): that question stands.
        if work.ask == "asking":
            work.ask = "done"
        session.add(work)
        standing = repository.newest_brief(session, row.id)
        if standing is None or isinstance(outcome, NotConfigured):
            return
        if not isinstance(outcome, Answered) or work.content != asked.content:
            reason = outcome.reason or "the evidence changed while the model was answering"
            standing.model_note = f"{type(outcome).__name__}: {reason}"[:300]
            session.add(standing)
            self._admission.changed(session, row, "brief")
            return
        self._write(session, row, work, (bundle, outcome, suggestion))

    def _write(
        self,
        session: Session,
        row: IncidentRow,
        work: BriefWorkRow,
        answer: tuple[EvidenceBundle, Answered, str],
    ) -> None:
        bundle, outcome, record = answer
        standing = repository.newest_brief(session, row.id)
        base = standing.evidence_revision if standing else work.revision
        bundle = replace(bundle, evidence=(*bundle.evidence, *outcome.added))
        brief = with_model(compose(bundle), bundle, outcome)
        work.revision += 1
        now_us = self._clock.now_us()
        stored = brief_row(row.id, (work.revision, base), brief, bundle.labels, now_us)
        step = outcome.suggestion
        if step is not None:
            stored.suggested_runbook, stored.suggested_step = step.runbook_id, step.step_id
            stored.suggestion_record = record
        session.add(stored)
        session.add(work)
        for piece in outcome.added:
            session.merge(evidence_row(row.id, base, piece))
        record_brief(self._admission, session, row, work.revision, brief)
        if step is not None and row.state != IncidentState.RESOLVED:
            fact = brief_ready(row, work.revision, bundle).model_copy(
                update={
                    "suggested_runbook": step.runbook_id,
                    "suggested_step": step.step_id,
                    "suggestion_record": record,
                }
            )
            publish(session, fact, now_us)
        self._admission.changed(session, row, "brief")

    def _record(self, session: Session, row: IncidentRow, drafts: Sequence[AuditDraft]) -> str:
        """Write what the model was sent and said; returns the suggestion's record id, or ""."""
        suggestion, parent = "", ""
        for draft in drafts:
            record_id = self._audit.record(
                session,
                Entry(
                    type=draft.type,
                    actor=_actor(draft),
                    subject_kind="incident",
                    subject_ref=row.id,
                    incident=row.id,
                    outcome=_OUTCOMES.get(draft.outcome, "error"),
                    parent=(parent,) if parent else (),
                    data=draft.data,
                    payloads={name: Payload(text) for name, text in draft.payloads.items()},
                ),
            )
            parent = parent or record_id
            suggestion = record_id if draft.type == "ai.suggestion" else suggestion
        return suggestion


def _actor(draft: AuditDraft) -> Actor:
    """A suggestion is the model's; asking and refusing are ours."""
    if draft.type != "ai.suggestion":
        return SYSTEM
    return Actor(kind="model", ref=str(draft.data.get("model", "unknown")))
