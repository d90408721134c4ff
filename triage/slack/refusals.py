"""What was refused in Slack, and to whom: each a record of the audit."""

from __future__ import annotations

from typing import Protocol

from sqlmodel import Session

from audit.entries import Actor, Entry
from kernel.database import Database
from triage.slack.membership import Pins, Sender


class Records(Protocol):
    """The audit log's way in."""

    def record(self, session: Session, entry: Entry) -> str: ...


class Refusals:
    """Shared by threads. `pins`: what is ours."""

    def __init__(self, database: Database, audit_log: Records, pins: Pins) -> None:
        self._database = database
        self._audit = audit_log
        self.pins = pins

    def deny(self, sender: Sender, why: str, action: str) -> None:
        """Write down that this Slack user was refused this action."""
        ref = f"slack:{sender.team}:{sender.user}"[:200]
        entry = Entry(
            type="authz.denied",
            actor=Actor(kind="human", ref=ref, auth="slack"),
            subject_kind="slack_act",
            subject_ref=action[:200],
            outcome="denied",
            data={"reason": why[:300], "action": action[:100]},
            channel="slack",
        )
        with self._database.unit_of_work() as session:
            self._audit.record(session, entry)
