"""Each act reaches the feature that owns it, with exactly what was shown and written."""

from __future__ import annotations

from typing import Any

import pytest

from access.principal import Principal, Role
from kernel.clock import MINUTE_US, FrozenClock
from kernel.errors import BadInput
from tests.triage.slack.acting import Acting
from tests.triage.slack.test_modals import CLICK
from triage.slack.acts import Acts
from triage.slack.interaction import Click

ANA = Principal("p-ana", "Ana", "person", frozenset({Role.APPROVER}), "slack")


def done(**changed: Any) -> tuple[tuple[str, ...], str]:
    acting, clock = Acting(), FrozenClock()
    told = Acts(acting, acting, acting, clock).do(Click(**(CLICK.as_document() | changed)), ANA)
    (found,) = acting.done
    return found, told


@pytest.mark.parametrize("action_id", ["approve", "approve_form"])
def test_approving_names_what_was_shown(action_id: str) -> None:
    found, told = done(action_id=action_id, reason="a clear fault")
    approval_id, _, digest = CLICK.value.partition(":")
    assert found == ("approve", approval_id, "p-ana", digest, "a clear fault")
    assert told == ""


@pytest.mark.parametrize(
    ("action_id", "act", "detail"),
    [
        ("revoke", "revoke", ""),
        ("step_done", "confirm", "done"),
        ("step_failed", "confirm", "failed"),
    ],
)
def test_what_is_said_of_a_step_after_its_approval(action_id: str, act: str, detail: str) -> None:
    found, told = done(action_id=action_id, reason="so it is")
    assert found == (act, CLICK.value.partition(":")[0], "p-ana", detail, "so it is")
    assert told == ""


def test_a_reason_that_nobody_wrote_is_not_made_up() -> None:
    assert done(action_id="approve")[0][-1] == ""


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"action_id": "acknowledge"}, ("acknowledge", "INC", "p-ana", "", "")),
        ({"action_id": "take_over"}, ("take_over", "INC", "p-ana", "", "")),
        ({"action_id": "end_silence"}, ("end_silence", "INC", "p-ana", "", "")),
        (
            {"action_id": "hand_over", "choice": "p-ben", "reason": "lunch"},
            ("hand_over", "INC", "p-ana", "p-ben", "lunch"),
        ),
        (
            {"action_id": "severity", "choice": "major", "reason": "less"},
            ("severity", "INC", "p-ana", "major", "less"),
        ),
        (
            {"action_id": "not_incident", "reason": "a load test"},
            ("not_an_incident", "INC", "p-ana", "", "a load test"),
        ),
    ],
)
def test_acts_on_the_incident(changed: dict[str, str], found: tuple[str, ...]) -> None:
    assert done(value="INC", **changed) == (found, "")


def test_a_silence_ends_after_the_chosen_time() -> None:
    found, told = done(action_id="silence", value="INC", choice="60", reason="known")
    until_us = FrozenClock().now_us() + 60 * MINUTE_US
    assert found == ("silence", "INC", "p-ana", str(until_us), "known")
    assert told.startswith("Silenced until")


@pytest.mark.parametrize("verdict", ["helpful", "partly", "wrong"])
def test_feedback_names_the_brief_that_was_shown(verdict: str) -> None:
    found, told = done(action_id=f"feedback_{verdict}", value="INC:3")
    assert found == ("grade", "INC", "p-ana", f"3 {verdict}", "")
    assert "brief 3" in told


@pytest.mark.parametrize(
    "changed",
    [
        {"action_id": "silence", "choice": "999999"},
        {"action_id": "severity", "choice": "harmless"},
        {"action_id": "feedback_wrong", "value": "INC:x"},
        {"action_id": "approve", "value": "no-digest"},
        {"action_id": "open"},
    ],
)
def test_what_was_never_offered_is_refused(changed: dict[str, str]) -> None:
    acting = Acting()
    with pytest.raises((BadInput, ValueError)):
        Acts(acting, acting, acting, FrozenClock()).do(
            Click(**(CLICK.as_document() | changed)), ANA
        )
    assert acting.done == []
