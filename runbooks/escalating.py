"""Climbs the ladder for approvals that nobody answers; who renders it listens to the facts."""

from __future__ import annotations

from kernel.clock import Clock
from kernel.database import Database
from kernel.facts import publish
from kernel.facts.runbooks import ApprovalUnanswered
from runbooks import escalation, repository
from runbooks.approval import WAITING
from runbooks.models import ApprovalRow
from runbooks.records import Trail


class Escalating:
    """One look at everything that waits for people."""

    def __init__(self, database: Database, trail: Trail, clock: Clock) -> None:
        self._database = database
        self._trail = trail
        self._clock = clock

    def run(self) -> None:
        """Job, every few seconds."""
        with self._database.reading() as session:
            rows = repository.in_states(session, WAITING)
        for row in rows:
            self._climb(row)

    def _climb(self, row: ApprovalRow) -> None:
        now_us = self._clock.now_us()
        begun_us = row.requested_us if row.requested_us is not None else row.created_us
        waiting = escalation.Waiting(begun_us, row.expires_us, row.rungs)
        after, rung = escalation.step(waiting, now_us)
        if rung is None:
            return
        with self._database.unit_of_work() as session:
            changed = repository.amend(session, row, rungs=after.told)
            if changed is None:
                return  # somebody has just decided: the next look tells
            self._trail.escalated(session, changed, rung.name)
            fact = ApprovalUnanswered(
                approval_id=row.id,
                incident_id=row.incident_id,
                state=row.state,
                tier=row.tier,
                rung=rung.name,
                waited_s=max(0, now_us - begun_us) // 1_000_000,
                expires_us=row.expires_us,
                at_us=now_us,
            )
            publish(session, fact, now_us)
