"""From a brief to an approval that waits for people: code chooses, a model may only point.

Choosing happens in the transaction of the fact. Reading what the step needs (the flag's value)
needs the network and so happens after it, in `prepare`: until then the approval is `proposed` and
nobody can decide it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session

from audit.log import AuditLog
from kernel.clock import SECOND_US, Clock
from kernel.database import Database
from kernel.errors import BadInput
from kernel.facts.triage import BriefReady, IncidentResolved
from kernel.ids import uuid7
from runbooks import repository
from runbooks.actions.port import Adapter, PreconditionFailed, Unreadable
from runbooks.approval import Event, State
from runbooks.catalogue import Catalogue
from runbooks.matching import Match
from runbooks.models import ApprovalRow
from runbooks.planning import action_of, segment_of, target_of, undo_of
from runbooks.policy import POLICY_VERSION, QUORUMS, is_executable, tier_of
from runbooks.records import MODEL, SYSTEM, Trail, announce, row_digest
from runbooks.runbook import Step, StepKind, Tier

MAX_PER_INCIDENT = 10
_PREPARE_S = 600
_RETRY_S = 5
_VERIFY_S = 600
# A step that was tried or refused in this incident is not pressed upon people again.
_SETTLED = frozenset(
    {
        State.REJECTED,
        State.SUCCEEDED,
        State.FAILED,
        State.UNKNOWN,
        State.RECOVERED,
        State.NOT_RECOVERED,
    }
)


class Proposals:
    """Makes, prepares and withdraws proposals."""

    def __init__(
        self,
        database: Database,
        audit_log: AuditLog,
        clock: Clock,
        catalogue: Catalogue,
        adapters: Mapping[str, Adapter],
    ) -> None:
        self._database = database
        self._trail = Trail(audit_log)
        self._clock = clock
        self._catalogue = catalogue
        self._adapters = adapters

    def on_brief(self, session: Session, fact: BriefReady) -> None:
        """Propose the best step for the brief's labels; withdraw an open one that it replaces."""
        labels = dict(fact.labels)
        labels.setdefault("service", fact.service)
        if fact.objective_ids:
            labels.setdefault("objective", fact.objective_ids[0])
        chosen, suggested = self._choose(labels, fact)
        rows = repository.listed(session, fact.incident_id)
        if chosen is None or not self._is_new(chosen, rows):
            return
        for row in rows:
            if row.state in {State.PROPOSED, State.PENDING} and not row.undo_of:
                self._withdraw(session, row, "replaced by a proposal from newer evidence")
        row = self._row(chosen, fact, labels)
        if suggested:
            row.proposed_by = MODEL
            row.suggestion_record = fact.suggestion_record
        repository.add(session, row)

    def on_resolved(self, session: Session, fact: IncidentResolved) -> None:
        """What nobody decided yet is withdrawn when the incident is over."""
        open_states = (State.PROPOSED, State.PENDING, State.APPROVED)
        for row in repository.in_states(session, open_states, fact.incident_id):
            self._withdraw(session, row, "the incident is resolved")

    def propose_undo(self, session: Session, done: ApprovalRow, why: str) -> ApprovalRow | None:
        """A new proposal that takes `done` back; None where there is no way or one exists."""
        if done.undo is None or done.undo_of or repository.undo_proposals(session, done.id):
            return None
        now_us = self._clock.now_us()
        row = ApprovalRow(
            id=uuid7(self._clock),
            incident_id=done.incident_id,
            state=State.PROPOSED.value,
            proposed_by=SYSTEM,
            undo_of=done.id,
            runbook=done.runbook,
            runbook_title=done.runbook_title,
            runbook_sha256=done.runbook_sha256,
            step=done.step,
            step_title=f"Undo: {done.step_title}"[:500],
            kind=done.undo["adapter"],
            tier=done.tier,
            policy_version=POLICY_VERSION,
            labels=done.labels,
            params=done.params,
            action=done.undo,
            undo=done.action,
            target=target_of(done.undo),
            why=why,
            preconditions={},
            verification={},
            created_us=now_us,
            expires_us=now_us + _PREPARE_S * SECOND_US,
        )
        repository.add(session, row)
        return row

    def prepare(self) -> bool:
        """Read the preconditions of proposed steps and put them before people. Part step."""
        now_us = self._clock.now_us()
        with self._database.reading() as session:
            rows = repository.in_states(session, (State.PROPOSED,))
        due = [row for row in rows if row.next_try_us <= now_us < row.expires_us]
        for row in due[:10]:
            self._prepare_one(row)
        return len(due) > 10

    def _prepare_one(self, row: ApprovalRow) -> None:
        try:
            observed = self._adapters[row.kind].observe(row.action)
        except Unreadable as error:
            next_us = self._clock.now_us() + _RETRY_S * SECOND_US
            with self._database.unit_of_work() as session:
                repository.amend(session, row, next_try_us=next_us, note=str(error)[:500])
            return
        except PreconditionFailed as error:
            self._drop(row, str(error))
            return
        if row.undo_of and row.undo and observed.get("value", 0) != row.undo.get("value", 0):
            self._drop(row, "somebody has changed it since: it is left alone")
            return
        self._request(row, observed)

    def _request(self, row: ApprovalRow, observed: dict[str, Any]) -> None:
        """Proposed -> pending: from here on, what people see is fixed by its digest."""
        now_us = self._clock.now_us()
        undo = row.undo if row.undo_of else self._undo(row, observed)
        expires_us = now_us + QUORUMS[Tier(row.tier)].expires_s * SECOND_US
        with self._database.unit_of_work() as session:
            final = ApprovalRow(**row.model_dump())
            final.preconditions, final.undo, final.expires_us = observed, undo, expires_us
            changed = repository.transition(
                session,
                row,
                Event.PREPARED,
                now_us,
                preconditions=observed,
                undo=undo,
                expires_us=expires_us,
                requested_us=now_us,
                digest=row_digest(final),
                note="",
            )
            if changed is None:
                return
            record = self._trail.requested(session, changed)
            changed = repository.amend(session, changed, requested_record=record)
            if changed is not None:
                announce(session, changed, changed.proposed_by, now_us)

    def _undo(self, row: ApprovalRow, observed: dict[str, Any]) -> dict[str, Any] | None:
        runbook = self._catalogue.find(row.runbook)
        step = runbook.step(row.step) if runbook else None
        return undo_of(step, row.params, observed) if step else None

    def _drop(self, row: ApprovalRow, why: str) -> None:
        now_us = self._clock.now_us()
        with self._database.unit_of_work() as session:
            changed = repository.transition(session, row, Event.CHANGED, now_us, note=why[:500])
            if changed is not None:
                self._trail.cancelled(session, changed, "precondition")
                announce(session, changed, SYSTEM, now_us)

    def _withdraw(self, session: Session, row: ApprovalRow, why: str) -> None:
        now_us = self._clock.now_us()
        changed = repository.transition(session, row, Event.SUPERSEDE, now_us, note=why)
        if changed is not None:
            self._trail.cancelled(session, changed, why)
            announce(session, changed, SYSTEM, now_us)

    def _choose(self, labels: Mapping[str, str], fact: BriefReady) -> tuple[Match | None, bool]:
        """The step to propose, and whether it is the one a model pointed at."""
        matches = [match for match in self._catalogue.match(labels) if _can_be_proposed(match)]
        for match in matches:
            if (match.runbook.id, match.step.id) == (fact.suggested_runbook, fact.suggested_step):
                return match, True
        for match in matches:
            if match.step.id == match.runbook.propose:
                return match, False
        return None, False

    @staticmethod
    def _is_new(chosen: Match, rows: Sequence[ApprovalRow]) -> bool:
        """Not while an action is under way, nor what is open or settled here already."""
        if len(rows) >= MAX_PER_INCIDENT or any(_is_under_way(row) for row in rows):
            return False
        wanted = (chosen.runbook.id, chosen.step.id, chosen.params)
        same = [row for row in rows if (row.runbook, row.step, row.params) == wanted]
        known = {State.PROPOSED, State.PENDING, *_SETTLED}
        return not any(row.state in known and not row.undo_of for row in same)

    def _row(self, match: Match, fact: BriefReady, labels: dict[str, str]) -> ApprovalRow:
        runbook, step, params, why = match
        action = action_of(step, params)
        now_us = self._clock.now_us()
        return ApprovalRow(
            id=uuid7(self._clock),
            incident_id=fact.incident_id,
            state=State.PROPOSED.value,
            proposed_by=SYSTEM,
            revision=fact.revision,
            runbook=runbook.id,
            runbook_title=runbook.title,
            runbook_sha256=runbook.sha256,
            step=step.id,
            step_title=step.title,
            kind=step.kind.value,
            tier=tier_of(step).value,
            policy_version=POLICY_VERSION,
            labels=labels,
            params=dict(params),
            action=action,
            target=target_of(action),
            why=why,
            preconditions={},
            verification=_verification(step, params, fact.objective_ids),
            created_us=now_us,
            expires_us=now_us + _PREPARE_S * SECOND_US,
        )


def _is_under_way(row: ApprovalRow) -> bool:
    """Also while its recovery is still to be checked; an undo has none to wait for."""
    waits = row.state == State.SUCCEEDED and bool(row.verification.get("objectives"))
    return waits or row.state in {State.APPROVED, State.EXECUTING}


def _can_be_proposed(match: Match) -> bool:
    """R0 needs no decision, R4 is for reading; an action that cannot be formed is left out."""
    if not is_executable(tier_of(match.step)):
        return False
    try:
        action_of(match.step, match.params)
    except BadInput:
        return False
    return True


def _verification(step: Step, params: Mapping[str, Any], objectives: list[str]) -> dict[str, Any]:
    if step.verify is None and step.kind is StepKind.MANUAL:
        return {}
    verify = step.verify
    return {
        "objectives": list(verify.objectives) if verify and verify.objectives else objectives,
        "segment": segment_of(step, params),
        "within_s": verify.within_s if verify else _VERIFY_S,
    }
