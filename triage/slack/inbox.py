"""Works on stored acts: who was it, may they, does the message match; then the owning feature.

A click only counts on the message we posted: forwarded copies carry another message ts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from sqlmodel import col, select

from access.principal import Principal
from kernel.database import Database
from kernel.errors import NotAllowed, TillwatchError
from kernel.journal import JournalReader, JournalRecord, Stream
from kernel.outbox import PermanentFailure, RetryLater
from kernel.parts import Part
from triage.slack.interaction import COMMANDED, OF_STEPS, Click
from triage.slack.models import SlackCursorRow, SlackMessageRow
from triage.slack.publisher import SlackPublisher
from triage.slack.refusals import Refusals

MAX_TRIES = 5
_NOT_LINKED = (
    "This was not counted: your Slack user is not linked to a Tillwatch person."
    " Ask an admin to link it: tillwatch person link-slack."
)


def read_position(database: Database) -> int:
    """How far the journal's slack stream has been read."""
    with database.reading() as session:
        cursor = session.get(SlackCursorRow, 1)
    return cursor.position if cursor else 0


class People(Protocol):
    """access's way from a Slack user to a person."""

    def person_by_slack(self, team_id: str, user_id: str) -> Principal | None: ...


class Members(Protocol):
    """Whether Slack vouches for an account. Raises RetryLater or PermanentFailure."""

    def refusal(self, team: str, user: str) -> str: ...


class SlackInbox:
    """Consumes the journal's slack stream, one act at a time, in order."""

    def __init__(
        self,
        database: Database,
        journal: JournalReader,
        publisher: SlackPublisher,
        *,
        people: People,
        members: Members,
        do: Callable[[Click, Principal], str],
        refusals: Refusals,
    ) -> None:
        """`do`: `triage.slack.acts.Acts.do`."""
        self._database = database
        self._journal = journal
        self._publisher = publisher
        self._people = people
        self._members = members
        self._do = do
        self._refusals = refusals

    def part(self) -> Part:
        """The loop."""
        return Part("triage.slack.inbox", self.step, idle_wait_s=0.2)

    def step(self) -> bool:
        """Work on the next stored acts; True where there were any."""
        records = self._journal.read([Stream.SLACK], read_position(self._database), limit=20)
        for record in records:
            self._handle(record)
        return bool(records)

    def _handle(self, record: JournalRecord) -> None:
        click = Click(**json.loads(record.body))
        if self._count_try() > MAX_TRIES:
            # Five times it ended in an error that nobody expected: it must not block the others.
            self._refusals.deny(click, f"handling failed {MAX_TRIES} times", click.action_id)
            answer = "This could not be handled. Do it on the incident's page."
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
        """Do what was asked; returns what the person is told, or "" where the card tells it."""
        if why := self._refusals.pins.refusal(click):
            return self._denied(click, why)
        person = self._people.person_by_slack(click.team, click.user)
        if person is None:
            self._refusals.deny(click, "no person is linked to this Slack user", click.action_id)
            return _NOT_LINKED
        try:
            if why := self._members.refusal(click.team, click.user):
                return self._denied(click, why)
        except RetryLater:
            return "Not done: Slack could not confirm your account. Try again, or use the page."
        except PermanentFailure as failure:
            return f"Not done: your account cannot be checked ({failure}). Use the page."
        if not self._is_our_message(click):
            self._refusals.deny(click, "it stands on a copy of the message", click.action_id)
            return "This was not counted: use the original message, not a copy of it."
        if click.asks_for_form:
            trouble = click.trouble or "it needs a written reason: press the button again"
            return f"Not done: {trouble}."
        return self._done(click, person)

    def _done(self, click: Click, person: Principal) -> str:
        try:
            return self._do(click, person)
        except TillwatchError as error:
            if isinstance(error, NotAllowed) and click.action_id not in OF_STEPS:
                # Of steps their own feature keeps the record.
                self._refusals.deny(click, error.message, click.action_id)
            return f"Not done: {error.message}. {error.hint}".strip()
        except ValueError as error:
            return f"Not done: {error}."

    def _denied(self, click: Click, why: str) -> str:
        self._refusals.deny(click, why, click.action_id)
        return f"This was not counted: {why}."

    def _is_our_message(self, click: Click) -> bool:
        """True for the message that we posted, and for commands, which stand on none."""
        if not click.message_ts:
            return click.action_id in COMMANDED
        with self._database.reading() as session:
            found = session.exec(
                select(SlackMessageRow)
                .where(SlackMessageRow.ts == click.message_ts)
                .where(col(SlackMessageRow.channel) == click.channel)
            ).first()
        return found is not None
