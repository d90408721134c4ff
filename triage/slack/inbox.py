"""Works on stored clicks: who was it, may they, does the message match; then the owning feature.

A click only counts on the message we posted: forwarded copies carry another message ts.
"""

from __future__ import annotations

import json
from typing import Protocol

from sqlmodel import Session, col, select

from access.principal import Principal
from audit.entries import Actor, Entry
from kernel.database import Database
from kernel.errors import NotAllowed, TillwatchError
from kernel.journal import JournalReader, JournalRecord, Stream
from kernel.parts import Part
from triage.slack.card import parse_button_value
from triage.slack.interaction import Click
from triage.slack.models import SlackCursorRow, SlackMessageRow
from triage.slack.publisher import SlackPublisher


def read_position(database: Database) -> int:
    """How far the journal's slack stream has been read."""
    with database.reading() as session:
        cursor = session.get(SlackCursorRow, 1)
    return cursor.position if cursor else 0


MAX_TRIES = 5


class Decisions(Protocol):
    """runbooks' way to decide an approval."""

    def decide(
        self,
        approval_id: str,
        person: Principal,
        decision: str,
        shown_hash: str,
        reason: str = "",
        channel: str = "web",
    ) -> object: ...


class Incidents(Protocol):
    """triage's way to take an incident."""

    def acknowledge(self, incident_id: str, person: Principal) -> object: ...


class People(Protocol):
    """access's way from a Slack user to a person."""

    def person_by_slack(self, team_id: str, user_id: str) -> Principal | None: ...


class Records(Protocol):
    """The audit log's way in."""

    def record(self, session: Session, entry: Entry) -> str: ...


class SlackInbox:
    """Consumes the journal's slack stream, one click at a time, in order."""

    def __init__(
        self,
        database: Database,
        journal: JournalReader,
        publisher: SlackPublisher,
        *,
        people: People,
        decisions: Decisions,
        incidents: Incidents,
        audit: Records,
    ) -> None:
        self._database = database
        self._journal = journal
        self._publisher = publisher
        self._people = people
        self._decisions = decisions
        self._incidents = incidents
        self._audit = audit

    def part(self) -> Part:
        """The loop."""
        return Part("triage.slack.inbox", self.step, idle_wait_s=0.2)

    def step(self) -> bool:
        """Work on the next stored clicks; True where there were any."""
        records = self._journal.read([Stream.SLACK], read_position(self._database), limit=20)
        for record in records:
            self._handle(record)
        return bool(records)

    def _handle(self, record: JournalRecord) -> None:
        click = Click(**json.loads(record.body))
        if self._count_try() > MAX_TRIES:
            # Five times it ended in an error that nobody expected: it must not block the others.
            self._deny(click, f"handling failed {MAX_TRIES} times")
            answer = "This click could not be handled. Decide on the incident's page."
        else:
            answer = self._act(click)
        with self._database.unit_of_work() as session:
            if answer:
                self._publisher.tell(session, click.channel, click.user, answer)
            row = session.get(SlackCursorRow, 1) or SlackCursorRow()
            row.position = record.position
            row.tries = 0
            session.add(row)

    def _count_try(self) -> int:
        """The number of this try, written down before it: a crash in it counts too."""
        with self._database.unit_of_work() as session:
            row = session.get(SlackCursorRow, 1) or SlackCursorRow()
            row.tries += 1
            session.add(row)
            return row.tries

    def _act(self, click: Click) -> str:
        """Do what was clicked; returns what the person is told, or "" where the card tells it."""
        person = self._people.person_by_slack(click.team, click.user)
        if person is None:
            self._deny(click, "no person is linked to this Slack user")
            return (
                "This click was not counted: your Slack user is not linked to a Tillwatch person."
                " Ask an admin to link it: tillwatch person link-slack."
            )
        if not self._is_our_message(click):
            self._deny(click, "the button stands on a copy of the message")
            return "This click was not counted: use the original message, not a copy of it."
        try:
            if click.action_id == "acknowledge":
                self._incidents.acknowledge(click.value, person)
            else:
                approval_id, digest = parse_button_value(click.value)
                # No reason is made up: where a step needs a written one, the page asks for it.
                self._decisions.decide(
                    approval_id, person, click.action_id, digest, channel="slack"
                )
        except TillwatchError as error:
            if isinstance(error, NotAllowed) and click.action_id == "acknowledge":
                self._deny(click, error.message)  # of decisions their own feature keeps a record
            return f"Not done: {error.message}. {error.hint}".strip()
        except ValueError as error:
            return f"Not done: {error}."
        return ""

    def _is_our_message(self, click: Click) -> bool:
        with self._database.reading() as session:
            found = session.exec(
                select(SlackMessageRow)
                .where(SlackMessageRow.ts == click.message_ts)
                .where(col(SlackMessageRow.channel) == click.channel)
            ).first()
        return found is not None

    def _deny(self, click: Click, why: str) -> None:
        with self._database.unit_of_work() as session:
            entry = Entry(
                type="authz.denied",
                actor=Actor(
                    kind="human", ref=f"slack:{click.team}:{click.user}"[:200], auth="slack"
                ),
                subject_kind="slack_click",
                subject_ref=f"{click.channel}:{click.message_ts}"[:200],
                outcome="denied",
                data={"reason": why, "action": click.action_id},
                channel="slack",
            )
            self._audit.record(session, entry)
