"""A Slack that takes nothing is noticed and announced elsewhere, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import Session

from kernel.clock import FrozenClock
from kernel.database import Database
from kernel.outbox import Delivery, Outbox, PermanentFailure, RetryLater, enqueue
from triage.slack.publisher import CHANNEL
from triage.slack.watch import SlackWatch


class Room:
    def __init__(self, path: Path) -> None:
        self.clock = FrozenClock()
        self.database = Database(f"sqlite:///{path / 'control.db'}")
        self.database.create_all()
        self.outbox = Outbox(self.database, self.clock)
        self.failure: Exception | None = None
        self.outbox.register(CHANNEL, self._deliver)
        self.announced: dict[str, str] = {}
        self.watch = SlackWatch(self.database, self.clock, self._announce)

    def _deliver(self, delivery: Delivery) -> Callable[[Session], None] | None:
        if self.failure is not None:
            raise self.failure
        return None

    def _announce(self, session: Session, key: str, text: str) -> None:
        self.announced[key] = text

    def send(self, key: str, lane: str = "INC") -> None:
        with self.database.unit_of_work() as session:
            enqueue(
                session,
                channel=CHANNEL,
                lane=lane,
                idempotency_key=key,
                payload={},
                clock=self.clock,
            )
        self.outbox.step()


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_an_outage_of_a_minute_is_announced_and_a_shorter_one_is_not(room: Room) -> None:
    room.failure = RetryLater("Slack cannot be reached")
    room.send("a")
    room.clock.advance_s(59)
    room.watch.run()
    assert room.announced == {}
    room.clock.advance_s(2)
    room.watch.run()
    room.watch.run()
    assert len(room.announced) == 1
    assert "Slack has taken no message" in next(iter(room.announced.values()))


@pytest.mark.parametrize("code", ["token_revoked", "channel_not_found", "missing_scope"])
def test_what_no_waiting_mends_is_announced_at_once_with_the_next_step(
    room: Room, code: str
) -> None:
    room.failure = PermanentFailure(f"chat.postMessage: Slack answered {code}")
    room.send("a")
    room.watch.run()
    (text,) = room.announced.values()
    assert code in text
    assert "Next: " in text
    assert "Slack itself is away" not in text
    room.announced.clear()
    room.failure = None
    room.send("b")
    room.watch.run()
    assert room.announced == {}


def test_a_message_of_wrong_form_is_announced_after_a_minute(room: Room) -> None:
    room.failure = PermanentFailure("chat.postMessage: Slack answered msg_too_long")
    room.send("a")
    room.watch.run()
    assert room.announced == {}
    room.clock.advance_s(61)
    room.watch.run()
    assert len(room.announced) == 1


def test_a_message_to_one_person_that_fails_is_no_outage(room: Room) -> None:
    room.failure = PermanentFailure("chat.postEphemeral: Slack answered channel_not_found")
    room.send("a", lane="user:U0MALLORY")
    room.clock.advance_s(61)
    room.watch.run()
    assert room.announced == {}


def test_a_healthy_slack_is_never_announced(room: Room) -> None:
    room.send("a")
    room.clock.advance_s(3600)
    room.watch.run()
    assert room.announced == {}
