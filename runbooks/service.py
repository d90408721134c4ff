"""Who allowed what: the one place where an approval is decided, from the web, Slack or the CLI."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session

from access.principal import Principal
from access.refusal_log import RefusalLog
from audit.log import AuditLog
from kernel.clock import Clock
from kernel.database import Database
from kernel.errors import BadInput, Conflict
from runbooks import repository
from runbooks.actions.port import Adapter, Outcome
from runbooks.actions.registry import build_adapters
from runbooks.approval import NOT_BEGUN, Event, State
from runbooks.catalogue import Catalogue
from runbooks.deciding import Deciding, faster, found
from runbooks.models import ApprovalRow
from runbooks.ports import Changes, People
from runbooks.preparing import Preparing
from runbooks.presenting import approval_out
from runbooks.proposals import Proposals
from runbooks.records import SYSTEM, Said, Trail, announce
from runbooks.review import Review
from runbooks.schemas import ApprovalOut
from runbooks.settings import RunbookSettings
from runbooks.switching import ExecutionSwitch

MAX_REASON = 2_000
_REFUSALS_PER_MINUTE = 60


class ApprovalService:
    """Catalogue, proposals and decisions."""

    def __init__(
        self,
        database: Database,
        audit_log: AuditLog,
        clock: Clock,
        settings: RunbookSettings,
        adapters: Mapping[str, Adapter] | None = None,
        *,
        people: People,
        changes: Changes,
    ) -> None:
        """Raises BadInput where the settings name a host that cannot be understood."""
        self._database = database
        self._clock = clock
        self._trail = Trail(audit_log)
        self.people = people
        self._refusals = RefusalLog("authz", database, audit_log, clock, limit=_REFUSALS_PER_MINUTE)
        self.settings = settings
        self.adapters = adapters or build_adapters(settings)
        self.catalogue = Catalogue(settings.library_dir)
        self.proposals = Proposals(self._trail, clock, self.catalogue)
        self.preparing = Preparing(
            database, self._trail, clock, self.catalogue, self.adapters, changes=changes
        )
        self.review = Review(database, self._trail, clock, self.catalogue)
        self.execution = ExecutionSwitch(database, clock, self._trail, self._refusals, people)
        self._deciding = Deciding(database, clock, self._trail, self._refusals, people)

    # --- reading ---------------------------------------------------------------------------

    def approval(self, approval_id: str) -> ApprovalOut:
        """One approval. Raises NotFound."""
        with self._database.reading() as session:
            return self._out(session, found(session, approval_id))

    def approvals(
        self, incident_id: str | None = None, state: str | None = None
    ) -> list[ApprovalOut]:
        """Newest first, at most 500. Raises BadInput for a state that does not exist."""
        if state is not None and state not in set(State):
            raise BadInput(
                f"there is no state {state[:40]!r}",
                path="state",
                hint=f"states: {', '.join(State)}",
            )
        with self._database.reading() as session:
            rows = repository.listed(session, incident_id, state)
            return [self._out(session, row) for row in rows]

    # --- deciding --------------------------------------------------------------------------

    def decide(
        self,
        approval_id: str,
        person: Principal,
        decision: str,
        shown_hash: str,
        reason: str = "",
        channel: str = "web",
        *,
        simulated: bool = False,
    ) -> ApprovalOut:
        """Approve or reject what was shown under `shown_hash`.

        Raises NotFound, BadInput, NotAllowed (recorded), or Conflict: decided already, over, or
        not what was shown. The same person saying the same again changes nothing.
        """
        if decision not in {"approve", "reject"}:
            raise BadInput(
                "a decision is approve or reject",
                path="decision",
                hint="to take an approval back: POST /api/approvals/{id}/revocation",
            )
        _check_reason(reason)
        if simulated and not self.settings.simulation:
            raise BadInput(
                "simulated decisions are switched off",
                path="simulated",
                hint="only a demo sets TILLWATCH_SIMULATION=1",
            )
        self.review.look(approval_id)
        said = Said(decision, shown_hash, reason.strip(), channel, simulated)
        return self._shown(self._deciding.decide(approval_id, person, said))

    def revoke(
        self, approval_id: str, person: Principal, reason: str, channel: str = "web"
    ) -> ApprovalOut:
        """Take an approval back before it is carried out; any person with a vote may.

        Raises NotFound, BadInput (no reason), NotAllowed (recorded), or Conflict: too late.
        """
        _check_reason(reason)
        if not reason.strip():
            raise BadInput("taking an approval back needs a written reason", path="reason")
        return self._shown(self._deciding.revoke(approval_id, person, reason.strip(), channel))

    def confirm(
        self, approval_id: str, person: Principal, outcome: str, reason: str = ""
    ) -> ApprovalOut:
        """A person says what became of a manual step: `done` or `failed`."""
        if outcome not in {"done", "failed"}:
            raise BadInput("a confirmation is done or failed", path="outcome")
        _check_reason(reason)
        person = self._deciding.entitled(approval_id, person)
        done = outcome == "done"
        said = "confirmed as done" if done else "reported as not done"
        result = Outcome("succeeded" if done else "failed", f"{said}. {reason}".strip())
        with self._database.unit_of_work() as session:
            row = found(session, approval_id)
            now_us = self._clock.now_us()
            if row.kind != "manual" or row.state != State.EXECUTING:
                raise Conflict(f"nothing waits for a confirmation: it is {row.state}")
            changed = repository.transition(
                session,
                row,
                Event.SUCCEED if done else Event.FAIL,
                now_us,
                executed_us=now_us,
                result={"state": result.state, "summary": f"{said} by {person.name}"},
            )
            if changed is None:
                raise faster(session, row)
            self._trail.result(session, changed, result, person.actor())
            announce(session, changed, person.person_id, now_us)
            return self._out(session, changed)

    def expire(self) -> None:
        """Job: what was not decided (or could not run) in time is over, with no action taken."""
        self._refusals.flush()
        now_us = self._clock.now_us()
        with self._database.reading() as session:
            rows = repository.in_states(session, NOT_BEGUN)
        for row in [one for one in rows if one.expires_us <= now_us]:
            with self._database.unit_of_work() as session:
                changed = repository.transition(
                    session, row, Event.EXPIRE, now_us, note=row.note or "no action was taken"
                )
                if changed is not None:
                    self._trail.expired(session, changed)
                    announce(session, changed, SYSTEM, now_us)

    def _shown(self, row: ApprovalRow) -> ApprovalOut:
        """The row as the decision left it, whatever the executor did since."""
        with self._database.reading() as session:
            return self._out(session, row)

    def _out(self, session: Session, row: ApprovalRow) -> ApprovalOut:
        return approval_out(row, repository.votes(session, row.id), self.adapters)


def _check_reason(reason: str) -> None:
    if len(reason) > MAX_REASON:
        raise BadInput(f"a reason has at most {MAX_REASON} characters", path="reason")
