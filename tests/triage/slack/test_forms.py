"""A button opens its form at once, or its click is stored with the reason why not."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from access.principal import Principal
from kernel.errors import NotFound
from kernel.outbox import PermanentFailure, RetryLater
from tests.triage.slack.test_acts import ANA
from tests.triage.slack.test_modals import CLICK
from triage.slack.forms import Forms
from triage.slack.interaction import Click, Pressed
from triage.slack.membership import Pins

APPROVAL = SimpleNamespace(
    id="approval-1",
    digest="d" * 64,
    what="Set flag payment-routing.eu-central to stripe.",
    undo="Set it back.",
    tier="R3",
    state="pending",
    expires_at="2026-12-01T14:22:10Z",
    decided_by="",
    simulated=False,
    waits_for="2 more people",
    votes=[],
    note="",
    kind="flag",
)


class Room:
    """People, approvals, incidents and Slack, with what was opened."""

    def __init__(self) -> None:
        self.approval_now: Any = APPROVAL
        self.failure: Exception | None = None
        self.opened: list[tuple[str, dict[str, Any]]] = []

    def person_by_slack(self, team_id: str, user_id: str) -> Principal | None:
        return ANA if (team_id, user_id) == ("T1", "U1") else None

    def approval(self, approval_id: str) -> Any:
        return self.approval_now

    def show(self, incident_id: str) -> Any:
        if incident_id != "INC":
            raise NotFound("there is no such incident")
        return SimpleNamespace(number="INC-41", title="Payments fail", severity="major")

    def open_form(self, trigger_id: str, view: dict[str, Any]) -> None:
        if self.failure is not None:
            raise self.failure
        self.opened.append((trigger_id, view))

    def press(self, click: Click, pins: Pins | None = None) -> Click | None:
        forms = Forms(self, self, self, self, pins or Pins())
        return forms.pressed(Pressed(click, "1.2.abc"))


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.mark.parametrize("action_id", ["reject", "approve_form"])
def test_a_decision_opens_a_form_that_shows_the_step_and_nothing_is_stored(
    room: Room, action_id: str
) -> None:
    assert room.press(replace(CLICK, action_id=action_id)) is None
    ((trigger, view),) = room.opened
    assert trigger == "1.2.abc"
    assert APPROVAL.what in str(view)
    assert view["callback_id"] == action_id


@pytest.mark.parametrize("action_id", ["silence", "severity", "not_incident"])
def test_a_button_of_the_incident_opens_its_form(room: Room, action_id: str) -> None:
    assert room.press(replace(CLICK, action_id=action_id, value="INC")) is None
    assert "INC-41: Payments fail" in str(room.opened)


def test_the_form_for_the_severity_begins_with_the_one_that_stands(room: Room) -> None:
    room.press(replace(CLICK, action_id="severity", value="INC"))
    ((_, view),) = room.opened
    (asked,) = [block for block in view["blocks"] if block.get("block_id") == "choice"]
    assert asked["element"]["initial_option"]["value"] == "major"


@pytest.mark.parametrize("action_id", ["approve", "acknowledge", "take_over", "feedback_wrong"])
def test_a_button_without_a_form_is_stored_as_it_is(room: Room, action_id: str) -> None:
    click = replace(CLICK, action_id=action_id)
    assert room.press(click) == click
    assert room.opened == []


@pytest.mark.parametrize("failure", [RetryLater("hangs"), PermanentFailure("expired_trigger_id")])
def test_where_slack_opens_no_form_the_person_hears_of_it(room: Room, failure: Exception) -> None:
    room.failure = failure
    stored = room.press(CLICK)
    assert stored is not None
    assert "press again" in stored.trouble


def test_for_what_is_decided_already_no_form_is_opened(room: Room) -> None:
    room.approval_now = SimpleNamespace(**{**vars(APPROVAL), "state": "rejected"})
    stored = room.press(CLICK)
    assert stored is not None
    assert stored.trouble == "it is rejected already"
    assert room.opened == []


@pytest.mark.parametrize(
    ("action_id", "state", "kind", "opens"),
    [
        ("revoke", "partially_approved", "flag", True),
        ("revoke", "approved", "flag", True),
        ("revoke", "pending", "flag", False),
        ("revoke", "executing", "flag", False),
        ("step_done", "executing", "manual", True),
        ("step_failed", "executing", "manual", True),
        ("step_done", "executing", "flag", False),
        ("step_failed", "succeeded", "manual", False),
    ],
)
def test_what_can_be_said_of_a_step_has_its_time(
    room: Room, action_id: str, state: str, kind: str, opens: bool
) -> None:
    room.approval_now = SimpleNamespace(**{**vars(APPROVAL), "state": state, "kind": kind})
    assert (room.press(replace(CLICK, action_id=action_id)) is None) == opens


def test_a_step_too_long_for_a_form_is_sent_to_its_page(room: Room) -> None:
    room.approval_now = SimpleNamespace(**{**vars(APPROVAL), "what": "x" * 4_000})
    stored = room.press(CLICK)
    assert stored is not None
    assert "page" in stored.trouble


def test_an_incident_that_is_gone_is_told(room: Room) -> None:
    stored = room.press(replace(CLICK, action_id="silence", value="gone"))
    assert stored is not None
    assert "no such incident" in stored.trouble


@pytest.mark.parametrize(
    ("changed", "pins"),
    [
        ({"user": "U-stranger"}, Pins()),
        ({"team": "T2"}, Pins()),
        ({"app": "A2"}, Pins(app="A1")),
        ({"enterprise": "E2"}, Pins(enterprise="E1")),
        ({}, Pins(team="T2")),
    ],
)
def test_strangers_get_no_form_and_their_click_is_stored_for_the_record(
    room: Room, changed: dict[str, str], pins: Pins
) -> None:
    click = replace(CLICK, **changed)
    assert room.press(click, pins) == click
    assert room.opened == []
