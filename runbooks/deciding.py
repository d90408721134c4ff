"""One person's word on one approval, in one transaction: vote, reject, or take back.

The clock is read after the write lock is held: who waited for it past the expiry is too late.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import replace

from sqlmodel import Session

from access.principal import Principal
from access.refusal_log import RefusalLog
from audit.entries import Entry
from kernel.clock import Clock, rfc3339
from kernel.database import Database
from kernel.errors import BadInput, Conflict, NotAllowed, NotFound
from kernel.ids import uuid7
from runbooks import repository
from runbooks.approval import WAITING, Event, State
from runbooks.models import ApprovalRow, VoteRow
from runbooks.policy import QUORUMS, Voter, may_decide, quorum_met
from runbooks.ports import People
from runbooks.presenting import near_of, voters_of
from runbooks.records import Said, Trail, announce
from runbooks.runbook import Tier


class Deciding:
    """Who may say what, and what becomes of it."""

    def __init__(
        self, database: Database, clock: Clock, trail: Trail, refusals: RefusalLog, people: People
    ) -> None:
        self._database = database
        self._clock = clock
        self._trail = trail
        self._refusals = refusals
        self._people = people

    def decide(self, approval_id: str, person: Principal, said: Said) -> ApprovalRow:
        """Count a vote or a no. The same person saying the same again changes nothing."""
        person = self._entitled(approval_id, person, own=False)
        with self._database.unit_of_work() as session:
            row = found(session, approval_id)
            now_us = self._clock.now_us()
            given = repository.vote_of(session, approval_id, person.person_id)
            same = given is not None and given.decision == said.decision
            if same and said.shown_hash == row.digest:
                return row
            votes = repository.votes(session, approval_id)
            _check_decidable(row, votes, now_us)
            if given is not None:
                raise Conflict(
                    "you have decided this already: one person counts once",
                    hint="to take your approval back, revoke it",
                )
            _check_said(row, said)
            return self._apply(session, row, person, said, now_us)

    def revoke(self, approval_id: str, person: Principal, reason: str, channel: str) -> ApprovalRow:
        """Take an approval back before anything has begun: any entitled person may."""
        person = self._entitled(approval_id, person, own=True)
        with self._database.unit_of_work() as session:
            row = found(session, approval_id)
            now_us = self._clock.now_us()
            if row.state in {State.PROPOSED, State.PENDING, State.HELD}:
                raise Conflict("nobody has approved it yet", hint="reject it instead")
            if row.state not in {State.PARTIALLY_APPROVED, State.APPROVED}:
                votes = repository.votes(session, approval_id)
                raise Conflict(f"too late: it is {told(row, votes)}")
            note = f"taken back by {person.name} at {rfc3339(now_us)}: {reason}"[:500]
            changed = repository.transition(
                session, row, Event.REVOKE, now_us, note=note, decided_us=now_us
            )
            if changed is None:
                raise faster(session, row)
            self._trail.revoked(session, changed, person, reason, channel)
            announce(session, changed, person.person_id, now_us)
            return changed

    def entitled(self, approval_id: str, person: Principal) -> Principal:
        """The person with the roles held now. Raises NotAllowed, and leaves a record of it."""
        return self._entitled(approval_id, person, own=True)

    def _apply(
        self, session: Session, row: ApprovalRow, person: Principal, said: Said, now_us: int
    ) -> ApprovalRow:
        """Record the vote and take the step it leads to, or none of both."""
        votes = repository.votes(session, row.id)
        record = self._trail.decided(session, row, person, said, (now_us, len(votes) + 1))
        vote = VoteRow(
            id=uuid7(self._clock),
            approval_id=row.id,
            person_id=person.person_id,
            person_name=person.name,
            roles=sorted(role.value for role in person.roles),
            decision=said.decision,
            reason=said.reason,
            channel=said.channel,
            digest=said.shown_hash,
            simulated=said.simulated,
            record=record,
            at_us=now_us,
        )
        repository.add_vote(session, vote)
        event = Event.REJECT if said.decision == "reject" else self._event(row, [*votes, vote])
        decided_us = row.decided_us if event is Event.VOTE else now_us
        changed = repository.transition(
            session,
            row,
            event,
            now_us,
            simulated=row.simulated or said.simulated,
            decided_us=decided_us,
        )
        if changed is None:
            raise faster(session, row)
        announce(session, changed, person.person_id, now_us)
        return changed

    def _event(self, row: ApprovalRow, votes: Sequence[VoteRow]) -> Event:
        """Earlier votes count with what their people may do today."""
        voters = today(voters_of(votes), self._people)
        met = quorum_met(Tier(row.tier), voters, near_of(row))
        return Event.QUORUM_MET if met else Event.VOTE

    def _entitled(self, approval_id: str, person: Principal, *, own: bool) -> Principal:
        """`own`: whoever proposed the step may do this too."""
        with self._database.reading() as session:
            row = found(session, approval_id)
        tier = Tier(row.tier)
        holder = replace(person, roles=person.roles & self._people.roles_of(person.person_id))
        if person.kind != "person":
            why = "only people decide: a machine's token cannot"
        elif person.person_id == row.proposed_by and not own:
            why = "whoever proposed an action cannot decide it"
        elif not may_decide(tier, holder.roles):
            roles = ", ".join(QUORUMS[tier].roles) if tier in QUORUMS else "nobody"
            why = f"an {tier} action is decided by: {roles}"
        else:
            return holder
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


def today(voters: Sequence[Voter], people: People) -> list[Voter]:
    """The same people with the roles that they held when they decided and hold still."""
    return [replace(one, roles=one.roles & people.roles_of(one.person_id)) for one in voters]


def found(session: Session, approval_id: str) -> ApprovalRow:
    """The row. Raises NotFound."""
    row = repository.get(session, approval_id)
    if row is None:
        raise NotFound(
            f"there is no approval {approval_id[:80]!r}", hint="GET /api/approvals lists them"
        )
    return row


def told(row: ApprovalRow, votes: Sequence[VoteRow]) -> str:
    """Where it stands, and who took it there when: what the slower of two people is told."""
    if row.state not in {*WAITING, State.APPROVED, State.REJECTED} and row.note:
        return f"{row.state} already: {row.note}"
    by = f", by {votes[-1].person_name} at {rfc3339(votes[-1].at_us)}" if votes else ""
    return f"{row.state} already{by}"


def faster(session: Session, row: ApprovalRow) -> Conflict:
    """Why a comparison failed: somebody else changed the row since it was read."""
    now = repository.get(session, row.id) or row
    return Conflict(f"somebody was faster: it is {told(now, repository.votes(session, row.id))}")


def _check_decidable(row: ApprovalRow, votes: Sequence[VoteRow], now_us: int) -> None:
    if row.state == State.PROPOSED:
        raise Conflict("not ready to be decided: the present value is being read")
    if row.state == State.HELD:
        raise Conflict(f"not up for a decision: {row.note}")
    if row.state not in WAITING:
        raise Conflict(f"it is {told(row, votes)}")
    if row.expires_us <= now_us:
        raise Conflict(f"its time ended at {rfc3339(row.expires_us)}: no action was taken")


def _check_said(row: ApprovalRow, said: Said) -> None:
    if not hmac.compare_digest(said.shown_hash.encode(), row.digest.encode()):
        raise Conflict(
            "what you were shown is not what would run", hint="load it again and compare"
        )
    if said.reason:
        return
    hint = "write it on the incident's page, or with --reason"
    if said.decision == "reject":
        raise BadInput("a no needs a written reason", path="reason", hint=hint)
    if QUORUMS[Tier(row.tier)].reason_required:
        raise BadInput(f"an {row.tier} action needs a written reason", path="reason", hint=hint)
