"""Who allowed what: the one place where an approval is decided, from the web, Slack or the CLI."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from sqlmodel import Session

from access.principal import Principal
from access.refusal_log import RefusalLog
from audit.entries import Entry
from audit.log import AuditLog
from kernel.clock import Clock, rfc3339
from kernel.database import Database
from kernel.errors import BadInput, Conflict, NotAllowed, NotFound
from kernel.ids import uuid7
from runbooks import repository
from runbooks.actions.port import Adapter, Outcome
from runbooks.actions.registry import build_adapters
from runbooks.approval import OPEN, Event, State
from runbooks.catalogue import Catalogue
from runbooks.models import ApprovalRow, VoteRow
from runbooks.policy import QUORUMS, may_decide, quorum_met
from runbooks.presenting import approval_out, voters_of
from runbooks.proposals import Proposals
from runbooks.records import SYSTEM, Trail, announce
from runbooks.runbook import Tier
from runbooks.schemas import ApprovalOut
from runbooks.settings import RunbookSettings

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
    ) -> None:
        """Raises BadInput where the settings name a host that cannot be understood."""
        self._database = database
        self._clock = clock
        self._trail = Trail(audit_log)
        self._refusals = RefusalLog("authz", database, audit_log, clock, limit=_REFUSALS_PER_MINUTE)
        self.settings = settings
        self.adapters = adapters or build_adapters(settings)
        self.catalogue = Catalogue(settings.library_dir)
        self.proposals = Proposals(database, audit_log, clock, self.catalogue, self.adapters)

    # --- reading ---------------------------------------------------------------------------

    def approval(self, approval_id: str) -> ApprovalOut:
        """One approval. Raises NotFound."""
        with self._database.reading() as session:
            return self._out(session, self._row(session, approval_id))

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
            raise BadInput("a decision is approve or reject", path="decision")
        if len(reason) > MAX_REASON:
            raise BadInput(f"a reason has at most {MAX_REASON} characters", path="reason")
        if simulated and not self.settings.simulation:
            raise BadInput(
                "simulated decisions are switched off",
                path="simulated",
                hint="only a demo sets TILLWATCH_SIMULATION=1",
            )
        with self._database.reading() as session:
            self._check_entitled(self._row(session, approval_id), person)
        vote = VoteRow(
            id=uuid7(self._clock),
            approval_id=approval_id,
            person_id=person.person_id,
            person_name=person.name,
            roles=sorted(role.value for role in person.roles),
            decision=decision,
            reason=reason.strip(),
            channel=channel,
            digest=shown_hash,
            simulated=simulated,
            record="",
            at_us=self._clock.now_us(),
        )
        with self._database.unit_of_work() as session:
            row = self._row(session, approval_id)
            given = next(
                (
                    one
                    for one in repository.votes(session, approval_id)
                    if one.person_id == person.person_id
                ),
                None,
            )
            if given is not None and given.decision == decision and shown_hash == row.digest:
                return self._out(session, row)
            self._check_decidable(session, row, vote)
            return self._out(session, self._apply(session, row, vote, person))

    def confirm(
        self, approval_id: str, person: Principal, outcome: str, reason: str = ""
    ) -> ApprovalOut:
        """A person says what became of a manual step: `done` or `failed`."""
        if outcome not in {"done", "failed"}:
            raise BadInput("a confirmation is done or failed", path="outcome")
        if len(reason) > MAX_REASON:
            raise BadInput(f"a reason has at most {MAX_REASON} characters", path="reason")
        with self._database.reading() as session:
            self._check_entitled(self._row(session, approval_id), person)
        now_us = self._clock.now_us()
        done = outcome == "done"
        said = "confirmed as done" if done else "reported as not done"
        result = Outcome("succeeded" if done else "failed", f"{said}. {reason}".strip())
        with self._database.unit_of_work() as session:
            row = self._row(session, approval_id)
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
                raise Conflict("somebody was faster: look again")
            self._trail.result(session, changed, result, person.actor())
            announce(session, changed, person.person_id, now_us)
            return self._out(session, changed)

    def expire(self) -> None:
        """Job: what was not decided (or could not run) in time is over, with no action taken."""
        self._refusals.flush()
        now_us = self._clock.now_us()
        with self._database.reading() as session:
            rows = [row for row in repository.in_states(session, OPEN) if row.expires_us <= now_us]
        for row in rows:
            with self._database.unit_of_work() as session:
                changed = repository.transition(
                    session, row, Event.EXPIRE, now_us, note=row.note or "no action was taken"
                )
                if changed is not None:
                    self._trail.expired(session, changed)
                    announce(session, changed, SYSTEM, now_us)

    # --- inner -----------------------------------------------------------------------------

    def _apply(
        self, session: Session, row: ApprovalRow, vote: VoteRow, person: Principal
    ) -> ApprovalRow:
        """Record the vote and take the step it leads to, or none of both."""
        now_us = vote.at_us
        votes = list(repository.votes(session, row.id))
        said = {
            "decision": vote.decision,
            "reason": vote.reason,
            "channel": vote.channel,
            "simulated": vote.simulated,
            "shown_hash": vote.digest,
            "at_us": now_us,
            "position": len(votes) + 1,
        }
        vote.record = self._trail.decided(session, row, person, said)
        repository.add_vote(session, vote)
        simulated = row.simulated or vote.simulated
        if vote.decision == "reject":
            event: Event | None = Event.REJECT
        else:
            met = quorum_met(Tier(row.tier), voters_of([*votes, vote]))
            event = Event.QUORUM_MET if met else None
        if event is None:
            changed = repository.amend(session, row, simulated=simulated)
        else:
            changed = repository.transition(
                session, row, event, now_us, simulated=simulated, decided_us=now_us
            )
        if changed is None:
            raise Conflict("somebody was faster, or the time is over: look again")
        announce(session, changed, person.person_id, now_us)
        return changed

    def _check_entitled(self, row: ApprovalRow, person: Principal) -> None:
        """Raise NotAllowed, and leave a record of it, where this person has no say here."""
        tier = Tier(row.tier)
        if person.kind != "person":
            why = "only people decide: a machine's token cannot"
        elif person.person_id == row.proposed_by:
            why = "whoever proposed an action cannot decide it"
        elif not may_decide(tier, person.roles):
            roles = ", ".join(QUORUMS[tier].roles) if tier in QUORUMS else "nobody"
            why = f"an {tier} action is decided by: {roles}"
        else:
            return
        self._refusals.refused(
            Entry(
                "authz.denied",
                person.actor(),
                "approval",
                row.id,
                outcome="denied",
                incident=row.incident_id,
                data={"needed": sorted(QUORUMS[tier].roles) if tier in QUORUMS else []},
            )
        )
        raise NotAllowed(why, hint="ask somebody with the role; your attempt was recorded")

    def _check_decidable(self, session: Session, row: ApprovalRow, vote: VoteRow) -> None:
        votes = repository.votes(session, row.id)
        if row.state == State.PROPOSED:
            raise Conflict("not ready to be decided: the present value is being read")
        if row.state != State.PENDING:
            raise Conflict(f"it is {row.state} already{_by(votes)}")
        if any(one.person_id == vote.person_id for one in votes):
            raise Conflict("you have decided this already: one person counts once")
        if row.expires_us <= vote.at_us:
            raise Conflict(f"its time ended at {rfc3339(row.expires_us)}: no action was taken")
        if not hmac.compare_digest(vote.digest.encode(), row.digest.encode()):
            raise Conflict(
                "what you were shown is not what would run", hint="load it again and compare"
            )
        needs_reason = vote.decision == "approve" and QUORUMS[Tier(row.tier)].reason_required
        if needs_reason and not vote.reason:
            raise BadInput(
                f"an {row.tier} action needs a written reason",
                path="reason",
                hint="write it on the incident's page",
            )

    def _row(self, session: Session, approval_id: str) -> ApprovalRow:
        row = repository.get(session, approval_id)
        if row is None:
            raise NotFound(
                f"there is no approval {approval_id[:80]!r}", hint="GET /api/approvals lists them"
            )
        return row

    def _out(self, session: Session, row: ApprovalRow) -> ApprovalOut:
        return approval_out(row, repository.votes(session, row.id), self.adapters)


def _by(votes: list[VoteRow] | object) -> str:
    if not isinstance(votes, list) or not votes:
        return ""
    last = votes[-1]
    return f", by {last.person_name} at {rfc3339(last.at_us)}"
