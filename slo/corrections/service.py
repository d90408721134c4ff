"""Who may leave something out of a budget: one person proposes, another one approves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing

from sqlmodel import Session

from access.principal import Principal, Role
from access.refusal_log import RefusalLog
from audit.entries import Entry
from audit.log import AuditLog
from kernel.clock import DAY_US, Clock, rfc3339
from kernel.database import Database
from kernel.errors import BadInput, Conflict, NotAllowed, NotFound
from kernel.ids import uuid7
from slo.catalogue import Catalogue
from slo.corrections import repository
from slo.corrections.models import CorrectionRow
from slo.corrections.presenting import correction_out
from slo.corrections.preview import effects
from slo.corrections.proposing import COUNTED_US, check_room, objectives_of, schedule_of
from slo.corrections.records import Said, Trail
from slo.corrections.recurrence import extent_us
from slo.corrections.schemas import (
    MAX_REASON,
    CorrectionIn,
    CorrectionOut,
    CorrectionWithPreviewOut,
)
from slo.corrections.states import DECISIONS, Event, State, step
from slo.ledger import LedgerReader

PROPOSERS = (Role.RESPONDER, Role.APPROVER, Role.OWNER)
APPROVERS = (Role.APPROVER, Role.OWNER)
VALID_US = 7 * DAY_US
# Previews on one page: each asks the ledger twice.
_PREVIEWED = 5
_REFUSALS_PER_MINUTE = 60


class CorrectionService:
    """Proposals, previews and decisions. Each call opens its own ledger reader."""

    def __init__(
        self,
        database: Database,
        reader_factory: Callable[[], LedgerReader],
        catalogue: Catalogue,
        audit_log: AuditLog,
        clock: Clock,
    ) -> None:
        self._database = database
        self._reader_factory = reader_factory
        self._catalogue = catalogue
        self._clock = clock
        self._trail = Trail(audit_log)
        self._refusals = RefusalLog("authz", database, audit_log, clock, limit=_REFUSALS_PER_MINUTE)

    # --- reading ---------------------------------------------------------------------------

    def list(
        self, objective_id: str | None = None, state: str | None = None
    ) -> Sequence[CorrectionOut]:
        """Newest first, at most 500. Raises BadInput for a state that does not exist."""
        if state is not None and state not in set(State):
            raise BadInput(
                f"there is no state {state[:40]!r}",
                path="state",
                hint=f"states: {', '.join(State)}",
            )
        states = tuple(State) if state is None else (State(state),)
        now_us = self._clock.now_us()
        with self._database.reading() as session:
            rows = repository.listed(session, objective_id, states)
            return [
                correction_out(row, repository.objectives_of(session, row.id), now_us)
                for row in rows
            ]

    def show(self, correction_id: str, only: str | None = None) -> CorrectionWithPreviewOut:
        """One correction with its effect on each objective (or on `only` one). Raises NotFound."""
        now_us = self._clock.now_us()
        with self._database.reading() as session:
            row = self._row(session, correction_id)
            objectives = repository.objectives_of(session, correction_id)
            in_force = repository.in_force(session, now_us)
        known = [
            self._catalogue[one]
            for one in objectives
            if one in self._catalogue and only in {None, one}
        ]
        with closing(self._reader_factory()) as reader:
            preview = effects(reader, known, repository.correction_of(row), in_force, now_us)
        shown = correction_out(row, objectives, now_us)
        return CorrectionWithPreviewOut(**dict(shown), preview=preview)

    def of_objective(self, objective_id: str) -> Sequence[CorrectionOut]:
        """For the objective's page: newest first; the newest proposals with their previews."""
        found = self.list(objective_id)
        waiting = [one.id for one in found if one.state == "proposed"][:_PREVIEWED]
        return [self.show(one.id, objective_id) if one.id in waiting else one for one in found]

    # --- deciding --------------------------------------------------------------------------

    def propose(self, said: CorrectionIn, person: Principal, channel: str = "api") -> CorrectionOut:
        """Propose a correction; nothing is left out until somebody else approves it.

        Raises BadInput, NotFound (objective), NotAllowed, or Conflict where an objective has all
        the corrections that it may have.
        """
        self._check_role(person, PROPOSERS)
        now_us = self._clock.now_us()
        if not said.reason.strip():
            raise BadInput("a correction needs a reason", path="$.reason")
        objectives = [one.id for one in objectives_of(said, self._catalogue)]
        schedule = schedule_of(said, now_us)
        first_us, last_us = extent_us(schedule)
        row = CorrectionRow(
            id=uuid7(self._clock),
            state=State.PROPOSED.value,
            category=said.category,
            reason=said.reason.strip(),
            service=said.service,
            segment=dict(said.segment),
            starts=f"{schedule.start:%Y-%m-%dT%H:%M}",
            ends=f"{schedule.end:%Y-%m-%dT%H:%M}",
            zone=schedule.zone,
            rule=schedule.rule,
            first_us=first_us,
            last_us=last_us,
            proposed_by=person.person_id,
            proposed_name=person.name,
            created_us=now_us,
            expires_us=now_us + VALID_US,
        )
        with self._database.unit_of_work() as session:
            for objective_id in objectives:
                check_room(
                    objective_id,
                    repository.count_since(session, objective_id, now_us - COUNTED_US),
                    repository.count_recurring(session, objective_id, now_us) if row.rule else None,
                )
            said_so = Said(person, row.reason, channel)
            row.proposed_record = self._trail.proposed(session, row, objectives, said_so)
            repository.add(session, row, objectives)
            return correction_out(row, objectives, now_us)

    def decide(
        self,
        correction_id: str,
        person: Principal,
        decision: str,
        reason: str = "",
        channel: str = "api",
    ) -> CorrectionOut:
        """Approve, reject, withdraw or end it.

        Raises NotFound, BadInput, NotAllowed (recorded), or Conflict: decided already, or over.
        The same person saying the same again changes nothing.
        """
        if decision not in set(DECISIONS):
            raise BadInput(f"a decision is {', '.join(DECISIONS)}", path="$.decision")
        event, reason = Event(decision), reason.strip()
        if len(reason) > MAX_REASON:
            raise BadInput(f"a reason has at most {MAX_REASON} characters", path="$.reason")
        if not reason and event is not Event.APPROVE:
            raise BadInput(f"to {event} it needs a reason", path="$.reason")
        with self._database.reading() as session:
            self._check_entitled(self._row(session, correction_id), person, event)
        now_us = self._clock.now_us()
        with self._database.unit_of_work() as session:
            row = self._row(session, correction_id)
            objectives = repository.objectives_of(session, correction_id)
            if self._is_repeated(row, person, event):
                return correction_out(row, objectives, now_us)
            changed = self._apply(session, row, event, Said(person, reason, channel), now_us)
            return correction_out(changed, objectives, now_us)

    def expire(self) -> None:
        """Job: what nobody decided within 7 days is over, and nothing is left out."""
        self._refusals.flush()
        now_us = self._clock.now_us()
        with self._database.reading() as session:
            rows = repository.overdue(session, now_us)
        for row in rows:
            with self._database.unit_of_work() as session:
                changed = repository.transition(session, row, Event.EXPIRE, now_us)
                if changed is not None:
                    self._trail.expired(session, changed)

    # --- inner -----------------------------------------------------------------------------

    def _apply(
        self, session: Session, row: CorrectionRow, event: Event, said: Said, now_us: int
    ) -> CorrectionRow:
        """One step and its record, or none of both."""
        step(State(row.state), event)  # says what is wrong before the comparison can only fail
        if event in {Event.APPROVE, Event.REJECT} and row.expires_us <= now_us:
            raise Conflict(
                f"its time ended at {rfc3339(row.expires_us)}: nothing is left out",
                hint="propose it again",
            )
        person = said.person
        if event in {Event.APPROVE, Event.REJECT}:
            who = {
                "decided_by": person.person_id,
                "decided_name": person.name,
                "decided_us": now_us,
                "decision_reason": said.reason,
            }
        else:
            who = {
                "closed_by": person.person_id,
                "closed_name": person.name,
                "closed_us": now_us,
                "closing_reason": said.reason,
            }
        before = row.state
        changed = repository.transition(session, row, event, now_us, **who)
        if changed is None:
            raise Conflict("somebody was faster, or the time is over: look again")
        self._trail.decided(session, changed, event, before, said)
        return changed

    @staticmethod
    def _is_repeated(row: CorrectionRow, person: Principal, event: Event) -> bool:
        results = {
            Event.APPROVE: (State.APPROVED, row.decided_by),
            Event.REJECT: (State.REJECTED, row.decided_by),
            Event.WITHDRAW: (State.WITHDRAWN, row.closed_by),
            Event.END: (State.ENDED, row.closed_by),
        }
        return (State(row.state), person.person_id) == results[event]

    def _check_entitled(self, row: CorrectionRow, person: Principal, event: Event) -> None:
        """Raise NotAllowed, and leave a record of it, where this person has no say here."""
        proposer = person.person_id == row.proposed_by
        if event in {Event.APPROVE, Event.REJECT}:
            if proposer and person.kind == "person":
                self._refuse(
                    "whoever proposed a correction cannot decide it; you may withdraw it",
                    person,
                    row.id,
                )
            self._check_role(person, APPROVERS, row.id)
        elif not (proposer and person.kind == "person"):
            self._check_role(person, APPROVERS, row.id)

    def _check_role(
        self, person: Principal, roles: Sequence[Role], correction_id: str = ""
    ) -> None:
        if person.kind != "person":
            self._refuse("only people decide: a machine's token cannot", person, correction_id)
        if not person.has(*roles):
            names = ", ".join(sorted(roles))
            self._refuse(f"this needs one of the roles: {names}", person, correction_id)

    def _refuse(self, why: str, person: Principal, correction_id: str) -> None:
        self._refusals.refused(
            Entry(
                "authz.denied",
                person.actor(),
                "correction",
                correction_id or "new",
                outcome="denied",
                data={"needed": sorted(APPROVERS if correction_id else PROPOSERS)},
            )
        )
        raise NotAllowed(why, hint="ask somebody with the role; your attempt was recorded")

    @staticmethod
    def _row(session: Session, correction_id: str) -> CorrectionRow:
        row = repository.get(session, correction_id)
        if row is None:
            raise NotFound(
                f"there is no correction {correction_id[:80]!r}",
                hint="GET /api/corrections lists them",
            )
        return row
