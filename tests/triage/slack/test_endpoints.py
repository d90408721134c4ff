"""The door to Slack: only signed bodies come in, nothing is decided there, nothing is lost."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.fakes.slack_requests import (
    Filled,
    Press,
    Sender,
    block_actions,
    signed,
    slash_command,
    view_submission,
)
from collector.redaction import Redactor
from kernel.clock import SECOND_US, FrozenClock
from kernel.errors import TillwatchError
from kernel.journal import JournalReader, JournalWriter, Stream
from tests.triage.slack.test_modals import form
from triage.slack import answers
from triage.slack.card import Message
from triage.slack.command import Command
from triage.slack.endpoints import SlackDoor, build_router
from triage.slack.interaction import Click, Pressed
from triage.slack.modals import modal
from triage.slack.settings import SlackSettings

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SENDER = Sender("U1", "T1", "A1")
PRESS = Press("C1", "1.1", "approve", "approval-1:" + "4" * 64, "9.9")
CLICK_BODY = block_actions(SENDER, PRESS, "1.2.abc")
FORM_PRESS = replace(PRESS, action_id="reject")


class Asked:
    """Forms and desk that note what reached them."""

    def __init__(self) -> None:
        self.opened: list[Pressed] = []
        self.commands: list[Command] = []
        self.click: Click | None = None

    def pressed(self, pressed: Pressed) -> Click | None:
        self.opened.append(pressed)
        return None

    def answer(self, command: Command) -> tuple[Message, Click | None]:
        self.commands.append(command)
        return answers.answer(["No incident is open."]), self.click


class Door:
    """The routes over a real journal."""

    def __init__(self, folder: Path) -> None:
        self.clock = FrozenClock()
        self.journal = JournalWriter(folder / "journal.db", self.clock)
        self.reader = JournalReader(folder / "journal.db")
        self.asked = Asked()
        configured = SlackSettings(SLACK_SIGNING_SECRET=SECRET)  # type: ignore[call-arg, arg-type]
        door = SlackDoor(
            self.journal,
            configured,
            self.clock,
            Redactor(b"a key of sixteen bytes or more"),
            self.asked,  # type: ignore[arg-type]
            self.asked,  # type: ignore[arg-type]
        )
        app = FastAPI()
        app.include_router(build_router(door))

        @app.exception_handler(TillwatchError)
        def answer(_: Request, error: TillwatchError) -> JSONResponse:
            return JSONResponse({"code": error.code, "error": error.message}, error.status)

        self.client = TestClient(app)

    @property
    def now_s(self) -> int:
        return self.clock.now_us() // SECOND_US

    def post(self, body: bytes, path: str = "interactions", **headers: str) -> Any:
        given_headers = signed(SECRET, body, self.now_s) | headers
        return self.client.post(f"/slack/{path}", content=body, headers=given_headers)

    def stored(self) -> list[dict[str, str]]:
        import json

        return [json.loads(one.body) for one in self.reader.read([Stream.SLACK], 0, limit=100)]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    found = Door(tmp_path)
    yield found
    found.journal.close()
    found.reader.close()


def test_a_click_is_stored_and_acknowledged_and_a_repeat_changes_nothing(door: Door) -> None:
    for retry in ("0", "1", "2"):
        answer = door.post(CLICK_BODY, **{"X-Slack-Retry-Num": retry})
        assert (answer.status_code, answer.content) == (200, b"")
    (stored,) = door.stored()
    # A digest that looks like a card number is one of ours and stays as it is.
    assert stored["value"] == PRESS.value
    assert door.asked.opened == []


def test_attack_15_a_click_of_six_minutes_ago_is_refused(door: Door) -> None:
    old = signed(SECRET, CLICK_BODY, door.now_s - 360)
    answer = door.client.post("/slack/interactions", content=CLICK_BODY, headers=old)
    assert answer.status_code == 401
    assert door.stored() == []


def test_a_button_with_a_form_opens_it_and_stores_nothing(door: Door) -> None:
    assert door.post(block_actions(SENDER, FORM_PRESS, "1.2.abc")).status_code == 200
    assert [one.trigger_id for one in door.asked.opened] == ["1.2.abc"]
    assert door.stored() == []


def sent(typed: dict[str, str], action_id: str = "silence", chosen: str = "60") -> bytes:
    view = modal(form(action_id))
    assert view is not None
    return view_submission(SENDER, Filled("V1", view, typed, {"choice": chosen}))


def test_a_sent_form_is_stored_once_with_its_reason_redacted(door: Door) -> None:
    body = sent({"reason": "told by ada@shop.example, card 4111 1111 1111 1111"})
    for _ in range(2):
        answer = door.post(body)
        assert (answer.status_code, answer.content) == (200, b"")
    (stored,) = door.stored()
    assert stored["choice"] == "60"
    assert "ada@shop.example" not in stored["reason"]
    assert "4111" not in stored["reason"]


@pytest.mark.parametrize(
    ("typed", "chosen", "faults"),
    [
        ({}, "60", ["reason"]),
        ({"reason": "  "}, "60", ["reason"]),
        ({"reason": "known"}, "100000", ["choice"]),
        ({}, "", ["choice", "reason"]),
    ],
)
def test_a_form_that_is_not_filled_in_is_shown_again(
    door: Door, typed: dict[str, str], chosen: str, faults: list[str]
) -> None:
    answer = door.post(sent(typed, chosen=chosen)).json()
    assert answer["response_action"] == "errors"
    assert sorted(answer["errors"]) == faults
    assert door.stored() == []


def command(text: str) -> bytes:
    return slash_command(SENDER, "/tillwatch", text, "1.2.abc", "C1")


def test_a_command_is_answered_to_the_asker_alone(door: Door) -> None:
    answer = door.post(command("status"), "commands").json()
    assert answer["response_type"] == "ephemeral"
    assert "No incident is open." in str(answer["blocks"])
    assert door.asked.commands[0].word == "status"
    assert door.stored() == []


def test_a_command_that_cannot_be_meant_is_answered_too(door: Door) -> None:
    answer = door.post(command("why <!channel>"), "commands").json()
    assert "INC-7" in str(answer["blocks"])
    assert door.asked.commands == []


def test_a_command_that_acts_is_stored_once_however_often_it_is_delivered(door: Door) -> None:
    door.asked.click = Click("T1", "U1", "C1", "", "take_over", "1.2.abc", "INC")
    for _ in range(3):
        assert door.post(command("takeover INC-7"), "commands").status_code == 200
    assert [one["action_id"] for one in door.stored()] == ["take_over"]


def test_attack_5_what_people_write_in_the_thread_has_no_way_in(door: Door) -> None:
    """A message is no evidence and no decision, because none is ever read."""
    assert door.post(b'{"type": "event_callback"}', "events").status_code == 404


BODIES = [CLICK_BODY, sent({"reason": "known"}), command("status")]
PATHS = ["interactions", "interactions", "commands"]
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@SLOW
@given(
    which=st.integers(0, 2),
    timestamp=st.one_of(st.none(), st.text(max_size=20), st.just("9" * 5_000)),
    signature=st.one_of(st.none(), st.text(max_size=80)),
    cut=st.integers(0, 3),
    tail=st.binary(max_size=20),
)
def test_t3_whatever_is_signed_wrongly_is_refused_and_never_an_error(
    door: Door,
    caplog: pytest.LogCaptureFixture,
    which: int,
    timestamp: str | None,
    signature: str | None,
    cut: int,
    tail: bytes,
) -> None:
    body = BODIES[which]
    headers: dict[str, bytes] = {
        name: value.encode() for name, value in signed(SECRET, body, door.now_s).items()
    }
    if timestamp is not None:
        headers["X-Slack-Request-Timestamp"] = _header(timestamp)
    if signature is not None:
        headers["X-Slack-Signature"] = _header(signature)
    changed = body[: len(body) - cut] + tail
    caplog.set_level(logging.DEBUG)
    answer = door.client.post(f"/slack/{PATHS[which]}", content=changed, headers=headers)
    good = timestamp is None and signature is None and changed == body
    assert answer.status_code == (200 if good else 401)
    assert "deprecated-verification-token" not in caplog.text


def _header(text: str) -> bytes:
    """As a client may send it: no line ends."""
    return text.encode("utf-8", "replace").replace(b"\r", b"").replace(b"\n", b"").strip()


@SLOW
@given(st.binary(max_size=200), st.sampled_from(["interactions", "commands"]))
def test_signed_nonsense_is_refused_as_such(door: Door, body: bytes, path: str) -> None:
    assert door.post(body, path).status_code in {200, 400}
    assert door.stored() == []
