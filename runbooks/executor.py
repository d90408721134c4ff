"""Carries out what was approved: once, provably, and only if it is still the same.

Order: proof of every decision in a signed checkpoint, digest and preconditions again, lease by
compare-and-set, intent committed, the call (outside of any transaction), result committed. A crash
in between ends as `unknown` and is never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit.log import AuditLog, ProofFailed
from kernel.clock import SECOND_US, Clock
from kernel.database import Database
from runbooks import repository
from runbooks.actions.port import Adapter, Outcome, PreconditionFailed, Unreadable
from runbooks.approval import Event, State
from runbooks.catalogue import Catalogue
from runbooks.deciding import today
from runbooks.holding import off_words
from runbooks.integrity import difference, tampering, wrong_record
from runbooks.models import ApprovalRow, VoteRow
from runbooks.policy import is_executable, quorum_met
from runbooks.ports import People
from runbooks.presenting import near_of, voters_of
from runbooks.records import SYSTEM, Trail, announce
from runbooks.runbook import Tier
from runbooks.settings import RunbookSettings

LEASE_S = 60
_RETRY_S = 2
# People decided these for all; every other rule says that this one is not as it was.
_CANCELLING = frozenset({"policy", "switch"})
_EVENTS = {"succeeded": Event.SUCCEED, "failed": Event.FAIL, "unknown": Event.LOSE_TRACK}


class Blocked(Exception):
    """The action must not run any more; `rule` is for the audit, the text for people."""

    def __init__(self, rule: str, why: str) -> None:
        super().__init__(why)
        self.rule = rule


class NotYet(Exception):
    """Something it needs is not there yet: look again after `wait_s` (0 = at the next step)."""

    def __init__(self, why: str, wait_s: int = 0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class ActionExecutor:
    """One action at a time, oldest first."""

    def __init__(
        self,
        database: Database,
        audit_log: AuditLog,
        clock: Clock,
        catalogue: Catalogue,
        adapters: Mapping[str, Adapter],
        settings: RunbookSettings,
        *,
        people: People,
    ) -> None:
        self._people = people
        self._database = database
        self._audit_log = audit_log
        self._clock = clock
        self._catalogue = catalogue
        self._adapters = adapters
        self._settings = settings
        self._trail = Trail(audit_log)

    def step(self) -> bool:
        """Close lost leases, then try each approved action once; True where one was run."""
        self.close_lost()
        now_us = self._clock.now_us()
        with self._database.reading() as session:
            rows = repository.in_states(session, (State.APPROVED,))
        due = [row for row in rows if row.next_try_us <= now_us < row.expires_us]
        ran = [self._try(row) for row in due[:10]]
        return any(ran)

    def close_lost(self) -> None:
        """Whatever was begun and whose lease ran out is `unknown`: only a person can tell."""
        now_us = self._clock.now_us()
        with self._database.reading() as session:
            rows = repository.in_states(session, (State.EXECUTING,))
        for row in rows:
            if row.lease_until_us is None or row.lease_until_us <= now_us:
                lost = "no person confirmed it" if row.kind == "manual" else "the executor stopped"
                summary = f"{lost} before the result was known: check {row.target} by hand"
                self._finish(row, Outcome("unknown", summary), guessed=True)

    def _try(self, row: ApprovalRow) -> bool:
        try:
            proof, records = self._proof(row)
            self._recheck(row)
            leased = self._lease(row, proof, records)
        except NotYet as error:
            self._later(row, error)
            return False
        except Blocked as error:
            self._block(row, error)
            return False
        if leased is None:
            return False
        outcome = self._adapters[leased.action["adapter"]].run(leased.action, leased.id)
        if outcome.state != "waiting":
            self._finish(leased, outcome)
        return True

    def _proof(self, row: ApprovalRow) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Every approving decision, proven in a signed checkpoint (its reference); their ids."""
        with self._database.reading() as session:
            votes = list(repository.votes(session, row.id))
        yes = [vote for vote in votes if vote.decision == "approve"]
        tier, near = Tier(row.tier), near_of(row)
        if len(yes) != len(votes) or not quorum_met(tier, voters_of(votes), near):
            raise Blocked("quorum", "the decisions do not make the quorum")
        if not quorum_met(tier, today(voters_of(votes), self._people), near):
            raise Blocked("entitlement", "somebody who decided is not entitled any more")
        tampered = tampering(row, yes)
        if tampered:
            raise Blocked("digest", tampered)
        reference: dict[str, Any] = {}
        for vote in yes:
            reference = self._proven(row, vote)
        return reference, tuple(vote.record for vote in yes)

    def _proven(self, row: ApprovalRow, vote: VoteRow) -> dict[str, Any]:
        try:
            proof = self._audit_log.proof(vote.record)
        except ProofFailed as error:
            raise Blocked("proof", f"the audit log cannot be trusted: {error.message}") from None
        if proof is None:
            waited_us = self._clock.now_us() - (row.decided_us or row.created_us)
            if waited_us > self._settings.proof_wait_s * SECOND_US:
                raise Blocked("proof", "no signed checkpoint holds the decision: is audit running?")
            raise NotYet("waits for a signed checkpoint that holds the decision")
        wrong = wrong_record(row, vote, proof.record)
        if wrong:
            raise Blocked("proof", wrong)
        return proof.reference()

    def _recheck(self, row: ApprovalRow) -> None:
        """The catalogue, the policy and the world, again."""
        if not is_executable(Tier(row.tier)):
            raise Blocked("tier", f"{row.tier} is never executed")
        with self._database.reading() as session:
            parent = repository.get(session, row.undo_of) if row.undo_of else None
        changed = difference(row, parent, self._catalogue)
        if changed:
            raise Blocked(changed.rule, changed.why)
        try:
            observed = self._adapters[row.action["adapter"]].observe(row.action)
        except Unreadable as error:
            raise NotYet(str(error), _RETRY_S) from None
        except PreconditionFailed as error:
            raise Blocked("precondition", str(error)) from None
        if observed != row.preconditions:
            raise Blocked("precondition", f"{row.target} is not as it was when it was proposed")

    def _lease(
        self, row: ApprovalRow, proof: dict[str, Any], records: tuple[str, ...]
    ) -> ApprovalRow | None:
        """Take it (one taker wins) and commit the intent before anything is sent.

        The switch is asked in the same transaction: whoever stops all execution is either before
        this, and nothing begins, or after it, and this is named as running.
        """
        manual = row.kind == "manual"
        lease_s = self._settings.manual_wait_s if manual else LEASE_S
        with self._database.unit_of_work() as session:
            switch = repository.switch(session, lock=True)
            if switch is not None and switch.stopped:
                raise Blocked("switch", off_words(switch))
            now_us = self._clock.now_us()
            leased = repository.transition(
                session,
                row,
                Event.START,
                now_us,
                lease_until_us=now_us + lease_s * SECOND_US,
                executed_us=now_us,
                note="",
            )
            if leased is None:
                return None
            intent = self._trail.intent(session, leased, proof, records)
            leased = repository.amend(session, leased, intent_record=intent)
            if leased is not None:
                announce(session, leased, SYSTEM, now_us)
        return leased

    def _finish(self, row: ApprovalRow, outcome: Outcome, *, guessed: bool = False) -> None:
        """Only the holder of this very lease (its version) writes the state. What was really done
        gets a record in any case; a guess only where it became the state.
        """
        now_us = self._clock.now_us()
        result = {"state": outcome.state, "summary": outcome.summary[:1000], **outcome.detail}
        with self._database.unit_of_work() as session:
            event = _EVENTS[outcome.state]
            changed = repository.transition(session, row, event, now_us, result=result)
            if changed is not None or not guessed:
                self._trail.result(session, changed or row, outcome)
            if changed is not None:
                announce(session, changed, SYSTEM, now_us)

    def _later(self, row: ApprovalRow, cause: NotYet) -> None:
        """Bounded: the approval's own expiry ends the waiting."""
        if not cause.wait_s:
            return
        next_us = self._clock.now_us() + cause.wait_s * SECOND_US
        with self._database.unit_of_work() as session:
            repository.amend(session, row, next_try_us=next_us, note=str(cause)[:500])

    def _block(self, row: ApprovalRow, blocked: Blocked) -> None:
        event = Event.CANCEL if blocked.rule in _CANCELLING else Event.CHANGED
        now_us = self._clock.now_us()
        with self._database.unit_of_work() as session:
            changed = repository.transition(session, row, event, now_us, note=str(blocked)[:500])
            if changed is not None:
                self._trail.blocked(session, changed, blocked.rule, str(blocked))
                announce(session, changed, SYSTEM, now_us)
