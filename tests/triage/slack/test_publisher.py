"""Facts to one message in Slack, through the real slack_sdk against a server with state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from app.fakes.slack_server import FakeSlack, Fault
from kernel.clock import FrozenClock
from kernel.database import Database
from kernel.errors import NotConfigured
from kernel.facts import Fact, FactDispatcher, publish
from kernel.facts.runbooks import ApprovalChanged, ApprovalUnanswered
from kernel.facts.triage import BriefReady, IncidentChanged, IncidentOpened
from kernel.outbox import DeliveryRow, Outbox
from tests.triage.slack.views import PROPOSAL, VIEW
from triage.slack.asking import Called
from triage.slack.card import CardView
from triage.slack.client import SlackClient
from triage.slack.publisher import CHANNEL, SlackPublisher
from triage.slack.settings import SlackSettings

INCIDENT = VIEW.incident_id


class Room:
    """A database, a dispatcher, an outbox and a workspace, wired as the engine does it."""

    def __init__(self, path: Path, slack: FakeSlack) -> None:
        self.slack = slack
        self.clock = FrozenClock()
        self.database = Database(f"sqlite:///{path / 'control.db'}")
        self.database.create_all()
        self.view: CardView | None = VIEW
        settings = SlackSettings(
            SLACK_BOT_TOKEN="xoxb-test",  # type: ignore[call-arg, arg-type]
            slack_channel="#reliability",
            slack_api_url=slack.url,
            slack_timeout_s=1,
        )
        publisher = SlackPublisher(
            self.database,
            self.clock,
            SlackClient(settings),
            "#reliability",
            lambda _: self.view,
            Called("U0ONCALL", "S0SECOND"),
        )
        self.errors: list[str] = []
        self.dispatcher = FactDispatcher(
            self.database, self.clock, lambda _, text: self.errors.append(text)
        )
        self.dispatcher.subscribe(publisher.subscription())
        self.outbox = Outbox(self.database, self.clock)
        self.outbox.register(CHANNEL, publisher.deliver)

    def tell(self, *facts: Fact) -> None:
        with self.database.unit_of_work() as session:
            for fact in facts:
                publish(session, fact, self.clock.now_us())
        self.dispatcher.step()

    def drain(self) -> None:
        for _ in range(20):
            self.outbox.step()

    def deliveries(self) -> list[DeliveryRow]:
        with self.database.reading() as session:
            return list(session.exec(select(DeliveryRow)))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with FakeSlack() as slack:
        found = Room(tmp_path, slack)
        yield found
        found.database.close()


def _opened(incident_id: str = INCIDENT) -> IncidentOpened:
    return IncidentOpened(
        incident_id=incident_id,
        number=41,
        service="payments",
        objective_ids=["payment-success"],
        onset_us=1,
        opened_us=2,
        severity="SEV1",
    )


def _changed(what: str) -> IncidentChanged:
    return IncidentChanged(incident_id=INCIDENT, what=what)


def _brief(revision: int) -> BriefReady:
    return BriefReady(
        incident_id=INCIDENT,
        revision=revision,
        service="payments",
        objective_ids=["payment-success"],
        labels={},
        onset_us=1,
    )


def test_an_incident_has_one_message_which_is_updated_in_place(room: Room) -> None:
    room.tell(_opened())
    room.drain()
    room.view = replace(VIEW, state="acknowledged", owner="Ana")
    room.tell(_changed("acknowledged"))
    room.clock.advance_s(1)
    room.drain()
    (card,) = room.slack.cards()
    assert card.updates == 1
    assert "Owner: Ana" in str(card.blocks)
    assert room.errors == []


def test_changes_that_come_while_one_waits_are_folded_into_it(room: Room) -> None:
    room.tell(_opened(), _changed("a"), _changed("b"), _changed("c"))
    room.drain()
    assert room.slack.calls == ["chat.postMessage"]


def test_the_evidence_goes_into_the_thread_once_per_revision(room: Room) -> None:
    room.tell(_opened(), _brief(1))
    room.drain()
    room.tell(_brief(1))
    room.drain()
    (card,) = room.slack.cards()
    assert len(room.slack.thread(card.ts)) == 1


def test_a_change_while_slack_is_being_called_is_sent_after_it(room: Room) -> None:
    room.tell(_opened())
    views = iter([VIEW, replace(VIEW, title="the newest truth")])
    first = next(views)

    def changing() -> CardView:
        room.tell(_changed("while sending"))
        return first

    publisher_view = room.view
    assert publisher_view is not None
    room.view = None
    calls = {"n": 0}

    def view(_: str) -> CardView:
        calls["n"] += 1
        return changing() if calls["n"] == 1 else replace(VIEW, title="the newest truth")

    settings = SlackSettings(
        SLACK_BOT_TOKEN="xoxb-test",  # type: ignore[call-arg, arg-type]
        slack_channel="#reliability",
        slack_api_url=room.slack.url,
    )
    publisher = SlackPublisher(
        room.database, room.clock, SlackClient(settings), "#reliability", view
    )
    room.outbox.register(CHANNEL, publisher.deliver)
    room.drain()
    room.clock.advance_s(1)
    room.drain()
    (card,) = room.slack.cards()
    assert "the newest truth" in card.text


def test_a_rate_limit_is_waited_for_as_long_as_slack_says(room: Room) -> None:
    room.slack.faults.append(Fault(429, "ratelimited", {"Retry-After": "30"}))
    room.tell(_opened())
    room.drain()
    assert room.slack.cards() == []
    room.clock.advance_s(29)
    room.drain()
    assert room.slack.cards() == []
    room.clock.advance_s(2)
    room.drain()
    assert len(room.slack.cards()) == 1


def test_where_slack_asks_to_wait_no_message_at_all_is_sent_until_then(room: Room) -> None:
    room.slack.faults.append(Fault(429, "ratelimited", {"Retry-After": "30"}))
    room.tell(_opened(), _opened("another-incident"))
    room.drain()
    room.clock.advance_s(29)
    room.drain()
    assert room.slack.calls == ["chat.postMessage"]
    room.clock.advance_s(2)
    room.drain()
    assert len(room.slack.cards()) == 2


def test_a_card_is_written_at_most_once_a_second_and_ends_with_the_newest_state(
    room: Room,
) -> None:
    room.tell(_opened())
    room.drain()
    for number in range(20):
        room.view = replace(VIEW, title=f"state {number}")
        room.tell(_changed(str(number)))
        room.drain()
    assert room.slack.calls == ["chat.postMessage"]
    room.clock.advance_s(1)
    room.drain()
    assert room.slack.calls == ["chat.postMessage", "chat.update"]
    assert "state 19" in room.slack.cards()[0].text


def test_a_message_that_slack_refuses_for_its_form_is_given_up_and_readable(room: Room) -> None:
    room.slack.faults.append(Fault(200, "msg_too_long"))
    room.tell(_opened())
    room.drain()
    (delivery,) = room.deliveries()
    assert (delivery.state, delivery.last_error.split()[-1]) == ("failed", "msg_too_long")


def test_a_hanging_slack_is_given_up_on_and_tried_again(room: Room) -> None:
    room.slack.faults.append(Fault(hang_s=1.5, status=500, method="chat.postMessage"))
    room.tell(_opened())
    room.drain()
    (delivery,) = room.deliveries()
    assert (delivery.state, delivery.attempts) == ("waiting", 1)
    room.clock.advance_s(60)
    room.drain()
    assert len(room.slack.cards()) == 1


def test_a_silenced_incident_adds_nothing_to_its_thread(room: Room) -> None:
    room.view = replace(VIEW, silenced_until="15:00 UTC")
    room.tell(_opened(), _brief(1))
    room.drain()
    (card,) = room.slack.cards()
    assert room.slack.thread(card.ts) == []
    room.view = VIEW
    room.tell(_brief(2))
    room.drain()
    room.clock.advance_s(1)
    room.drain()
    assert len(room.slack.thread(card.ts)) == 1


def test_a_server_error_is_tried_again_and_nothing_is_posted_twice(room: Room) -> None:
    room.slack.faults.append(Fault(500))
    room.tell(_opened())
    room.drain()
    room.clock.advance_s(5)
    room.drain()
    assert len(room.slack.cards()) == 1


def test_a_revoked_token_is_given_up_and_readable(room: Room) -> None:
    room.slack.faults.append(Fault(200, "token_revoked"))
    room.tell(_opened())
    room.drain()
    (delivery,) = room.deliveries()
    assert delivery.state == "failed"
    assert "token_revoked" in delivery.last_error


def test_a_deleted_message_is_posted_anew(room: Room) -> None:
    room.tell(_opened())
    room.drain()
    room.slack.messages.clear()
    room.tell(_changed("x"))
    room.clock.advance_s(1)
    room.drain()
    assert len(room.slack.cards()) == 1


def _unanswered(rung: str, waited_s: int) -> ApprovalUnanswered:
    return ApprovalUnanswered(
        approval_id=PROPOSAL.approval_id,
        incident_id=INCIDENT,
        state="pending",
        tier="R1",
        rung=rung,
        waited_s=waited_s,
        expires_us=1,
        at_us=1,
    )


@pytest.mark.parametrize(
    ("rung", "waited_s", "called"),
    [("on_call", 120, "<@U0ONCALL>"), ("secondary", 300, "<!subteam^S0SECOND>")],
)
def test_an_unanswered_step_calls_whom_the_settings_name_in_the_thread_once(
    room: Room, rung: str, waited_s: int, called: str
) -> None:
    room.tell(_opened())
    room.drain()
    for _ in range(2):
        room.tell(_unanswered(rung, waited_s))
        room.drain()
    (card,) = room.slack.cards()
    (asked,) = room.slack.thread(card.ts)
    assert asked.blocks[0]["text"] == {"type": "mrkdwn", "text": called}
    assert asked.text.startswith(called)
    assert f"for {waited_s // 60} min" in str(asked.blocks)


@pytest.mark.parametrize("rung", ["channel", "paging"])
def test_other_rungs_call_nobody_by_name(room: Room, rung: str) -> None:
    room.tell(_opened(), _unanswered(rung, 600))
    room.drain()
    (card,) = room.slack.cards()
    (asked,) = room.slack.thread(card.ts)
    assert "<" not in asked.text
    assert {block["text"]["type"] for block in asked.blocks} == {"plain_text"}


def test_nobody_is_called_for_what_is_decided_or_silenced_meanwhile(room: Room) -> None:
    room.tell(_opened())
    room.drain()
    decided = (replace(PROPOSAL, state="approved"),)
    for view in (replace(VIEW, proposals=decided), replace(VIEW, silenced_until="15:00 UTC")):
        room.view = view
        room.tell(_unanswered("on_call" if view.silenced_until else "secondary", 120))
        room.drain()
    (card,) = room.slack.cards()
    assert room.slack.thread(card.ts) == []


@pytest.mark.parametrize("name", ["ada", "@here", "<!channel>", "U0 <!here>", "C0CHANNEL"])
def test_only_an_id_of_slacks_can_be_called(name: str) -> None:
    with pytest.raises(NotConfigured):
        Called(on_call=name)


def _step(state: str) -> ApprovalChanged:
    return ApprovalChanged(
        approval_id=PROPOSAL.approval_id, incident_id=INCIDENT, state=state, by="p-ana", at_us=1
    )


def test_the_thread_keeps_the_turns_of_the_incident_and_of_its_steps_in_order(room: Room) -> None:
    room.tell(_opened())
    room.drain()
    room.view = replace(VIEW, state="acknowledged", owner="Ana")
    room.tell(_changed("impact"), _changed("acknowledged"), _step("executing"), _step("recovered"))
    room.clock.advance_s(1)
    room.drain()
    (card,) = room.slack.cards()
    said = [str(one.blocks) for one in room.slack.thread(card.ts)]
    assert len(said) == 2
    assert "Acknowledged: Ana has it." in said[0]
    assert "recovery verified" in said[1]


def test_a_flapping_incident_adds_at_most_one_line_of_a_kind_a_minute(room: Room) -> None:
    room.tell(_opened())
    room.drain()
    for _ in range(5):
        room.tell(_changed("resolved"), _changed("reopened"), _step("failed"))
        room.clock.advance_s(1)
        room.drain()
    (card,) = room.slack.cards()
    assert len(room.slack.thread(card.ts)) == 3
