"""Clicks become decisions of entitled people, once, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from access.principal import Principal, Role
from audit.entries import Entry
from kernel.clock import FrozenClock
from kernel.database import Database
from kernel.errors import Conflict, NotAllowed
from kernel.journal import Append, Item, JournalReader, JournalWriter, Stream
from kernel.outbox import DeliveryRow, PermanentFailure, RetryLater
from tests.triage.slack.acting import Acting
from triage.slack.acts import Acts
from triage.slack.card import Message
from triage.slack.inbox import MAX_TRIES, SlackInbox, read_position
from triage.slack.interaction import Click
from triage.slack.membership import Membership, Pins
from triage.slack.models import SlackMessageRow
from triage.slack.proposal_blocks import button_value
from triage.slack.publisher import SlackPublisher
from triage.slack.refusals import Refusals

ANA = Principal("p-ana", "Ana", "person", frozenset({Role.APPROVER}), "slack")
VALUE = button_value("approval-1", "d" * 64)


class Silent:
    """A Slack that nobody needs here."""

    def post(
        self, channel: str, message: Message, thread_ts: str = "", *, broadcast: bool = False
    ) -> tuple[str, str]:
        raise AssertionError("nothing is sent in these tests")

    def update(self, channel: str, ts: str, message: Message) -> None:
        raise AssertionError("nothing is sent in these tests")

    def tell(self, channel: str, user: str, text: str) -> None:
        raise AssertionError("nothing is sent in these tests")


class Shop:
    """People, accounts, features and records with state; one message of ours in Slack."""

    def __init__(self, path: Path) -> None:
        self.clock = FrozenClock()
        self.database = Database(f"sqlite:///{path / 'control.db'}")
        self.database.create_all()
        self.journal = JournalWriter(path / "journal.db", self.clock)
        self.acting = Acting()
        self.records: list[Entry] = []
        self.accounts: dict[str, dict[str, Any] | Exception] = {}
        self.asked = 0
        with self.database.unit_of_work() as session:
            session.add(SlackMessageRow(incident_id="INC", channel="C1", ts="1.1"))
        publisher = SlackPublisher(self.database, self.clock, Silent(), "C1", lambda _: None)
        self.inbox = SlackInbox(
            self.database,
            JournalReader(path / "journal.db"),
            publisher,
            people=self,
            members=Membership(self, self.clock),
            do=Acts(self.acting, self.acting, self.acting, self.clock).do,
            refusals=Refusals(self.database, self, Pins("T1", "A1", "")),
        )

    def person_by_slack(self, team_id: str, user_id: str) -> Principal | None:
        return ANA if (team_id, user_id) == ("T1", "U-ana") else None

    def account(self, user: str) -> dict[str, Any] | None:
        self.asked += 1
        found = self.accounts.get(user, {"id": user, "team_id": "T1"})
        if isinstance(found, Exception):
            raise found
        return found or None

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
            "app": "A1",
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
    assert shop.acting.done == [("approve", "approval-1", "p-ana", "d" * 64, "")]
    assert shop.told() == []


def test_the_same_click_delivered_again_changes_nothing(shop: Shop) -> None:
    for _ in range(3):
        shop.click()
        shop.inbox.step()
    assert len(shop.acting.done) == 1


def test_a_user_without_a_person_is_refused_told_and_recorded(shop: Shop) -> None:
    shop.click(user="U-stranger")
    shop.inbox.step()
    assert shop.acting.done == []
    assert "not linked" in shop.told()[0]
    assert [entry.type for entry in shop.records] == ["authz.denied"]


@pytest.mark.parametrize("copied", [{"message_ts": "2.2"}, {"channel": "C-other"}])
def test_a_click_on_a_copy_of_the_message_does_not_count(
    shop: Shop, copied: dict[str, str]
) -> None:
    shop.click(**copied)
    shop.inbox.step()
    assert shop.acting.done == []
    assert "not a copy" in shop.told()[0]


def test_whoever_is_late_is_told_who_was_faster(shop: Shop) -> None:
    shop.acting.failure = Conflict("it is approved already by Ben at 14:03")
    shop.click()
    shop.inbox.step()
    assert "approved already by Ben" in shop.told()[0]


def test_a_click_that_keeps_failing_is_set_aside_and_the_next_one_counts(shop: Shop) -> None:
    shop.acting.failure = RuntimeError("nobody expected this")
    shop.click()
    for _ in range(MAX_TRIES):
        with pytest.raises(RuntimeError):
            shop.inbox.step()
    assert read_position(shop.database) == 0
    shop.inbox.step()
    assert "could not be handled" in shop.told()[0]
    shop.acting.failure = None
    shop.click(action_ts="9.91")
    shop.inbox.step()
    assert len(shop.acting.done) == 1


def test_taking_an_incident_without_the_role_is_refused_told_and_recorded(shop: Shop) -> None:
    shop.acting.failure = NotAllowed("this needs one of the roles: responder, approver, owner")
    shop.click(action_id="acknowledge", value="INC")
    shop.inbox.step()
    assert "needs one of the roles" in shop.told()[0]
    assert [entry.type for entry in shop.records] == ["authz.denied"]


WRONG_ACCOUNTS = {
    "a guest": {"is_restricted": True},
    "a single-channel guest": {"is_ultra_restricted": True},
    "a bot": {"is_bot": True},
    "a deactivated account": {"deleted": True},
    "a stranger of a shared channel": {"is_stranger": True},
    "a member of another workspace": {"team_id": "T-else"},
}


@pytest.mark.parametrize("kind", sorted(WRONG_ACCOUNTS))
@pytest.mark.parametrize("action", ["approve", "acknowledge", "take_over", "feedback_wrong"])
def test_attack_17_only_full_members_of_the_workspace_act(
    shop: Shop, kind: str, action: str
) -> None:
    shop.accounts["U-ana"] = {"team_id": "T1", **WRONG_ACCOUNTS[kind]}
    shop.click(action_id=action)
    shop.inbox.step()
    assert shop.acting.done == []
    assert [entry.type for entry in shop.records] == ["authz.denied"]
    assert shop.told()[0].startswith("This was not counted")


@pytest.mark.parametrize("pinned", [{"team": "T2"}, {"app": "A-else"}, {"app": ""}])
def test_what_comes_from_another_workspace_or_app_is_refused_and_recorded(
    shop: Shop, pinned: dict[str, str]
) -> None:
    shop.click(**pinned)
    shop.inbox.step()
    assert shop.acting.done == []
    assert [entry.type for entry in shop.records] == ["authz.denied"]
    assert shop.asked == 0


def test_an_account_that_slack_does_not_know_decides_nothing(shop: Shop) -> None:
    shop.accounts["U-ana"] = {}
    shop.click()
    shop.inbox.step()
    assert shop.acting.done == []
    assert len(shop.records) == 1


@pytest.mark.parametrize("failure", [RetryLater("away"), PermanentFailure("missing_scope")])
def test_where_slack_cannot_vouch_for_an_account_nothing_is_done(
    shop: Shop, failure: Exception
) -> None:
    shop.accounts["U-ana"] = failure
    shop.click()
    shop.inbox.step()
    assert shop.acting.done == []
    assert shop.told()[0].startswith("Not done")
    shop.accounts.clear()
    shop.click(action_ts="9.91")
    shop.inbox.step()
    assert len(shop.acting.done) == 1


def test_slack_is_asked_about_an_account_at_most_once_a_minute(shop: Shop) -> None:
    for number in range(3):
        shop.click(action_ts=f"9.{number}")
        shop.inbox.step()
    assert shop.asked == 1
    shop.clock.advance_s(61)
    shop.accounts["U-ana"] = {"deleted": True}
    shop.click(action_ts="10.1")
    shop.inbox.step()
    assert len(shop.acting.done) == 3


def test_a_click_whose_form_could_not_be_opened_is_told_why_and_decides_nothing(
    shop: Shop,
) -> None:
    shop.click(action_id="reject", trouble="it is approved already")
    shop.click(action_id="approve_form", action_ts="9.91")
    shop.inbox.step()
    assert shop.acting.done == []
    assert shop.told() == [
        "Not done: it is approved already.",
        "Not done: it needs a written reason: press the button again.",
    ]


def test_a_sent_form_decides_with_the_written_reason(shop: Shop) -> None:
    shop.click(action_id="reject", action_ts="V1", reason="wrong region")
    shop.click(action_id="reject", action_ts="V1", reason="wrong region")
    shop.inbox.step()
    assert shop.acting.done == [("reject", "approval-1", "p-ana", "d" * 64, "wrong region")]


def test_a_command_acts_on_no_message_and_a_click_cannot_pretend_to_be_one(shop: Shop) -> None:
    shop.click(action_id="take_over", message_ts="", value="INC", action_ts="1.2.a")
    shop.click(action_id="approve", message_ts="", action_ts="1.3.a")
    shop.inbox.step()
    assert shop.acting.done == [("take_over", "INC", "p-ana", "", "")]
    assert [entry.type for entry in shop.records] == ["authz.denied"]
