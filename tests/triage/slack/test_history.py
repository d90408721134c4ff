"""The thread's lines: true to the turn, plain, and quiet where silence is wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.fakes.slack_limits import message_problem
from tests.triage.slack.test_card import HOSTILE, document, texts
from tests.triage.slack.views import PROPOSAL, VIEW
from triage.slack.history import INCIDENT_TURNS, STEP_TURNS, turn_of_incident, turn_of_step

OWNED = replace(VIEW, state="acknowledged", owner="Ana")


@pytest.mark.parametrize("what", sorted(INCIDENT_TURNS))
@pytest.mark.parametrize("hostile", HOSTILE)
def test_every_turn_of_an_incident_is_a_plain_line(what: str, hostile: str) -> None:
    said = turn_of_incident(
        replace(OWNED, owner=hostile, severity=hostile, closed_as=hostile), what
    )
    assert said is not None
    assert message_problem(document(said)) == ("", [])
    assert {node["type"] for node in texts(list(said.blocks))} == {"plain_text"}
    assert "<" not in said.text


def test_the_turns_say_who_and_what() -> None:
    closed = replace(OWNED, state="resolved", closed_as="merged into INC-40: the same outage")
    told = {
        "acknowledged": ("Ana has it", OWNED),
        "severity": ("Severity is critical", OWNED),
        "merged": ("merged into INC-40", closed),
    }
    for what, (words, view) in told.items():
        said = turn_of_incident(view, what)
        assert said is not None
        assert words in said.text


@pytest.mark.parametrize("state", sorted(STEP_TURNS))
def test_a_turn_of_a_step_is_told_as_it_was_then_whatever_it_is_now(state: str) -> None:
    now = replace(OWNED, proposals=(replace(PROPOSAL, state="executing"),))
    said = turn_of_step(now, PROPOSAL.approval_id, state)
    assert said is not None
    assert "running now" not in said.text
    assert turn_of_step(now, "another", state) is None


def test_while_it_is_silenced_only_the_silence_and_the_end_are_told() -> None:
    quiet = replace(OWNED, silenced_until="15:00 UTC")
    heard = {what for what in INCIDENT_TURNS if turn_of_incident(quiet, what)}
    assert heard == {"silenced", "resolved", "closed", "not_an_incident", "merged"}
    assert turn_of_step(quiet, PROPOSAL.approval_id, "failed") is None
