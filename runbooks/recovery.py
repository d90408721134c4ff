"""Did it help? The shop's own numbers are asked after each action, until time is up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit.log import AuditLog
from kernel.clock import SECOND_US, Clock
from kernel.database import Database
from kernel.errors import TillwatchError
from runbooks import repository
from runbooks.approval import Event, State
from runbooks.models import ApprovalRow
from runbooks.ports import Recovery, RecoveryReport
from runbooks.proposals import Proposals
from runbooks.records import SYSTEM, Trail, announce


class RecoveryCheck:
    """Follows every action that succeeded and names what must be good again."""

    def __init__(
        self,
        database: Database,
        audit_log: AuditLog,
        clock: Clock,
        recovery: Recovery,
        proposals: Proposals,
    ) -> None:
        self._database = database
        self._clock = clock
        self._recovery = recovery
        self._proposals = proposals
        self._trail = Trail(audit_log)

    def run(self) -> None:
        """Job, every 5 s."""
        with self._database.reading() as session:
            rows = repository.in_states(session, (State.SUCCEEDED,))
        for row in rows:
            if row.verification.get("objectives") and row.executed_us is not None:
                self._check(row, row.executed_us)

    def _check(self, row: ApprovalRow, since_us: int) -> None:
        plan = row.verification
        report = self._ask(plan, since_us)
        deadline_us = since_us + int(plan["within_s"]) * SECOND_US
        if report.state == "recovered":
            self._settle(row, report, Event.RECOVER)
        elif self._clock.now_us() >= deadline_us:
            self._settle(row, report, Event.MISS_RECOVERY)

    def _ask(self, plan: Mapping[str, Any], since_us: int) -> RecoveryReport:
        """An objective that is gone is no data; it must not hide the answer about other actions."""
        try:
            return self._recovery.check(plan["objectives"], plan["segment"], since_us)
        except TillwatchError as error:
            return RecoveryReport("no_data", {"error": error.message})

    def _settle(self, row: ApprovalRow, report: RecoveryReport, event: Event) -> None:
        now_us = self._clock.now_us()
        recovered = event is Event.RECOVER
        found: dict[str, Any] = {
            "state": "recovered" if recovered else "not_recovered",
            "answer": report.state,
            "numbers": dict(report.numbers),
            "at_us": now_us,
        }
        with self._database.unit_of_work() as session:
            changed = repository.transition(session, row, event, now_us, recovery=found)
            if changed is None:
                return
            self._trail.recovery(session, changed, found)
            announce(session, changed, SYSTEM, now_us)
            if not recovered:
                why = _why_undo(changed, report)
                self._proposals.propose_undo(session, changed, why)


def _why_undo(row: ApprovalRow, report: RecoveryReport) -> str:
    minutes = int(row.verification["within_s"]) // 60
    seen = "no data came in" if report.state == "no_data" else "the numbers stayed bad"
    return f"The step did not help: {seen} for {minutes} minutes. Take it back and try another way."
