"""Clicks become decisions of entitled people, once, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session, select

from access.principal import Principal, Role
from audit.entries import Entry
from kernel.clock import FrozenClock
from kernel.database import Database
from kernel.errors import Conflict, NotAllowed
from kernel.journal import Append, Item, JournalReader, JournalWriter, Stream
from kernel.outbox import DeliveryRow
from triage.slack.card import Message, button_value
from triage.slack.inbox import MAX_TRIES, SlackInbox, read_position
from triage.slack.interaction import Click
from triage.slack.models import SlackMessageRow
from triage.slack.publisher import SlackPublisher

ANA = Principal("p-ana", "Ana", "person", frozenset({Role.APPROVER}), "slack")
VALUE = button_value("approval-1", "d" * 64)


class Silent:
    """A Slack that nobody needs here."""

    def post(self, channel: str, message: Message, thread_ts: str = "") -> tuple[str, str]:
        raise AssertionError("nothing is sent in these tests")

    def update(self, channel: str, ts: str, message: Message) -> None:
        raise AssertionError("nothing is sent in these tests")

    def tell(self, channel: str, user: str, text: str) -> None:
        raise AssertionError("nothing is sent in these tests")


class Shop:
    """People, decisions and records with state; one message of ours in Slack."""

    def __init__(self, path: Path) -> None:
        self.clock = FrozenClock()
        self.database = Database(f"sqlite:///{path / 'control.db'}")
        self.database.create_all()
        self.journal = JournalWriter(path / "journal.db", self.clock)
        self.decided: list[tuple[str, str, str, str]] = []
        self.reasons: list[str] = []
        self.records: list[Entry] = []
        self.failure: Exception | None = None
        with self.database.unit_of_work() as session:
            session.add(SlackMessageRow(incident_id="INC", channel="C1", ts="1.1"))
        publisher = SlackPublisher(self.database, self.clock, Silent(), "C1", lambda _: None)
        reader = JournalReader(path / "journal.db")
        self.inbox = SlackInbox(
            self.database,
            reader,
            publisher,
            people=self,
            decisions=self,
            incidents=self,
            audit=self,
        )

    def person_by_slack(self, team_id: str, user_id: str) -> Principal | None:
        return ANA if (team_id, user_id) == ("T1", "U-ana") else None

    def decide(
        self,
        approval_id: str,
        person: Principal,
        decision: str,
        shown_hash: str,
        reason: str = "",
        channel: str = "web",
    ) -> object:
        if self.failure is not None:
            raise self.failure
        self.decided.append((approval_id, person.person_id, decision, shown_hash))
        self.reasons.append(reason)
        return None

    def acknowledge(self, incident_id: str, person: Principal) -> object:
        if self.failure is not None:
            raise self.failure
        self.decided.append((incident_id, person.person_id, "acknowledge", ""))
        return None

    def record(self, session: Session, entry: Entry) -> str:
        self.records.append(entry)
        return "r"

    def click(self, **changed: str) -> None:
        fields = {
            "team": "T1",
            "user": "U-ana",
            "channel": "C1",
            "message_ts": "1.1",
            "action_id": "approve",
            "action_ts": "9.9",
            "value": VALUE,
        }
        click = Click(**(fields | changed))
        data = json.dumps(click.as_document()).encode()
        item = Item(data, click.key)
        self.journal.append(Append(Stream.SLACK, "slack", "click", [item], whole=True)).result(10)

    def told(self) -> list[str]:
        with self.database.reading() as session:
            return [str(row.payload["text"]) for row in session.exec(select(DeliveryRow))]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    found = Shop(tmp_path)
    yield found
    found.journal.close()
    found.database.close()


def test_a_linked_persons_click_decides_with_what_was_shown(shop: Shop) -> None:
    shop.click()
    assert shop.inbox.step()
    assert shop.decided == [("approval-1", "p-ana", "approve", "d" * 64)]
    assert shop.told() == []


def test_the_same_click_delivered_again_changes_nothing(shop: Shop) -> None:
    for _ in range(3):
        shop.click()
        shop.inbox.step()
    assert len(shop.decided) == 1


def test_a_user_without_a_person_is_refused_told_and_recorded(shop: Shop) -> None:
    shop.click(user="U-stranger")
    shop.inbox.step()
    assert shop.decided == []
    assert "not linked" in shop.told()[0]
    assert [entry.type for entry in shop.records] == ["authz.denied"]


@pytest.mark.parametrize("copied", [{"message_ts": "2.2"}, {"channel": "C-other"}])
def test_a_click_on_a_copy_of_the_message_does_not_count(
    shop: Shop, copied: dict[str, str]
) -> None:
    shop.click(**copied)
    shop.inbox.step()
    assert shop.decided == []
    assert "not a copy" in shop.told()[0]


def test_whoever_is_late_is_told_who_was_faster(shop: Shop) -> None:
    shop.failure = Conflict("it is approved already by Ben at 14:03")
    shop.click()
    shop.inbox.step()
    assert "approved already by Ben" in shop.told()[0]


def test_a_click_that_keeps_failing_is_set_aside_and_the_next_one_counts(shop: Shop) -> None:
    shop.failure = RuntimeError("nobody expected this")
    shop.click()
    for _ in range(MAX_TRIES):
        with pytest.raises(RuntimeError):
            shop.inbox.step()
    assert read_position(shop.database) == 0
    shop.inbox.step()
    assert "could not be handled" in shop.told()[0]
    shop.failure = None
    shop.click(action_ts="9.91")
    shop.inbox.step()
    assert len(shop.decided) == 1


def test_a_click_gives_no_reason_that_nobody_wrote(shop: Shop) -> None:
    shop.click()
    shop.inbox.step()
    assert shop.reasons == [""]


def test_taking_an_incident_without_the_role_is_refused_told_and_recorded(shop: Shop) -> None:
    shop.failure = NotAllowed("this needs one of the roles: responder, approver, owner")
    shop.click(action_id="acknowledge", value="INC")
    shop.inbox.step()
    assert "needs one of the roles" in shop.told()[0]
    assert [entry.type for entry in shop.records] == ["authz.denied"]
