"""From a brief to a proposal: code chooses, a model may only point.

Choosing happens in the transaction of the fact. What needs the network happens after it, in
`runbooks.preparing`: until then the approval is `proposed` and nobody can decide it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlmodel import Session

from kernel.clock import DAY_US, SECOND_US, Clock
from kernel.errors import BadInput
from kernel.facts import publish
from kernel.facts.runbooks import StepExhausted
from kernel.facts.triage import BriefReady, IncidentResolved
from kernel.ids import uuid7
from runbooks import repository
from runbooks.approval import NO_HELP, NOT_BEGUN, UNDER_WAY, WAITING, Event, State
from runbooks.catalogue import Catalogue
from runbooks.holding import LOOP, Hold, hold, loop_words
from runbooks.matching import Match
from runbooks.models import ApprovalRow
from runbooks.planning import action_of, segment_of, target_of
from runbooks.policy import POLICY_VERSION, is_executable, tier_of
from runbooks.preparing import PREPARE_S
from runbooks.records import MODEL, SYSTEM, Trail, announce, end
from runbooks.runbook import Step, StepKind

MAX_PER_INCIDENT = 10
# So often may a step be tried without recovery, in any incident of the last day.
MAX_TRIES = 2
_TRIES_US = DAY_US
_HELD_S = 1_800
_VERIFY_S = 600
# A step that was tried or refused in this incident is not pressed upon people again.
_SETTLED = frozenset(
    {
        State.REJECTED,
        State.REVOKED,
        State.SUCCEEDED,
        State.RECOVERED,
        *NO_HELP,
    }
)
# Not yet approved: newer evidence may put another step in its place.
_REPLACED = frozenset({State.HELD, State.PROPOSED, *WAITING})


class Proposals:
    """Makes and withdraws proposals."""

    def __init__(
        self,
        trail: Trail,
        clock: Clock,
        catalogue: Catalogue,
    ) -> None:
        self._trail = trail
        self._clock = clock
        self._catalogue = catalogue

    def on_brief(self, session: Session, fact: BriefReady) -> None:
        """Propose the best step for the brief's labels; withdraw what it overtakes."""
        labels = dict(fact.labels)
        labels.setdefault("service", fact.service)
        if fact.objective_ids:
            labels.setdefault("objective", fact.objective_ids[0])
        chosen, suggested = self._choose(labels, fact)
        self._drop_unsupported(session, fact.incident_id, labels, {State.APPROVED})
        rows = repository.listed(session, fact.incident_id)
        if chosen is None or not self._is_new(chosen, rows):
            self._drop_unsupported(session, fact.incident_id, labels, _REPLACED)
            return
        for row in rows:
            if row.state in _REPLACED and not row.undo_of:
                self._withdraw(session, row, "replaced by a proposal from newer evidence")
        row = self._row(chosen, fact, labels)
        if suggested:
            row.proposed_by = MODEL
            row.suggestion_record = fact.suggestion_record
        self._add(session, row, chosen.runbook.owner)

    def on_resolved(self, session: Session, fact: IncidentResolved) -> None:
        """What has not begun is withdrawn when the incident is over."""
        for row in repository.in_states(session, NOT_BEGUN, fact.incident_id):
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
            evidence=done.evidence,
            created_us=now_us,
            expires_us=now_us + PREPARE_S * SECOND_US,
        )
        self._add(session, row)
        return row

    def _withdraw(self, session: Session, row: ApprovalRow, why: str) -> None:
        end(session, self._trail, row, (Event.SUPERSEDE, why), self._clock.now_us())

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
        """Not while an action is under way, nor what is open or settled here already.

        What was tried here without help comes once more, as text that asks for people.
        """
        if len(rows) >= MAX_PER_INCIDENT or any(_is_under_way(row) for row in rows):
            return False
        wanted = (chosen.runbook.id, chosen.step.id, chosen.params)
        same = [
            State(row.state)
            for row in rows
            if (row.runbook, row.step, row.params) == wanted and not row.undo_of
        ]
        if any(state in _REPLACED for state in same):
            return False
        settled = [state for state in same if state in _SETTLED]
        return not settled or all(state in NO_HELP for state in settled)

    def _drop_unsupported(
        self,
        session: Session,
        incident_id: str,
        labels: Mapping[str, str],
        states: Collection[State],
    ) -> None:
        """Stale is what newer evidence points at no longer, also where it was approved already."""
        fitting = [
            (match.runbook.id, match.step.id, match.params)
            for match in self._catalogue.match(labels)
        ]
        how = (Event.CHANGED, "newer evidence points at it no longer")
        for row in repository.in_states(session, sorted(states), incident_id):
            if not row.undo_of and (row.runbook, row.step, row.params) not in fitting:
                end(session, self._trail, row, how, self._clock.now_us(), rule="evidence")

    def _add(self, session: Session, row: ApprovalRow, owner: str = "") -> None:
        """Put it up for preparing, or hold it with the reason."""
        now_us = self._clock.now_us()
        tries = self._tries(session, row, now_us)
        rows = repository.in_states(session, UNDER_WAY)
        held: Hold | None
        if tries and not row.undo_of:
            held = Hold(LOOP, loop_words(tries, owner))
        else:
            held = hold(row, rows, repository.switch(session, lock=True))
        if held is not None:
            lasts_us = _TRIES_US if held.why == LOOP else _HELD_S * SECOND_US
            row.state, row.held_for, row.note = State.HELD.value, held.why, held.text
            row.expires_us = now_us + lasts_us
        repository.add(session, row)
        if held is not None:
            self._trail.held(session, row)
            announce(session, row, SYSTEM, now_us)
            if held.why == LOOP:
                publish(session, _exhausted(row, tries, owner, now_us), now_us)

    def _tries(self, session: Session, row: ApprovalRow, now_us: int) -> int:
        """How often it was done without help: once is enough here, `MAX_TRIES` elsewhere."""
        rows = repository.tried(session, row, NO_HELP, now_us - _TRIES_US)
        here = any(one.incident_id == row.incident_id for one in rows)
        return len(rows) if here or len(rows) >= MAX_TRIES else 0

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
            evidence=dict(fact.evidence),
            created_us=now_us,
            expires_us=now_us + PREPARE_S * SECOND_US,
        )


def _is_under_way(row: ApprovalRow) -> bool:
    """Also while its recovery is still to be checked; an undo has none to wait for."""
    waits = row.state == State.SUCCEEDED and bool(row.verification.get("objectives"))
    return waits or row.state in {State.APPROVED, State.EXECUTING}


def _exhausted(row: ApprovalRow, tries: int, owner: str, now_us: int) -> StepExhausted:
    return StepExhausted(
        approval_id=row.id,
        incident_id=row.incident_id,
        runbook=row.runbook,
        step=row.step,
        owner=owner,
        tries=tries,
        at_us=now_us,
    )


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
