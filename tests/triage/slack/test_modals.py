"""Forms: whole, bounded, and deaf to what telemetry says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fakes.slack_limits import view_problem
from tests.triage.slack.test_card import HOSTILE, texts
from tests.triage.slack.views import PROPOSAL, RISKY
from triage.slack.interaction import Click, form_metadata
from triage.slack.modals import FORMS, FormOf, choices_of, modal
from triage.slack.proposal_blocks import button_value

CLICK = Click(
    team="T1",
    user="U1",
    channel="C1",
    message_ts="1.1",
    action_id="reject",
    action_ts="9.9",
    value=button_value(PROPOSAL.approval_id, PROPOSAL.digest),
)
METADATA = form_metadata(CLICK)


def form(action_id: str, text: str = "Payments fail", what: str = PROPOSAL.what) -> FormOf:
    proposal = replace(RISKY, what=what)
    return FormOf(action_id, METADATA, f"INC-41: {text}", proposal=proposal)


@pytest.mark.parametrize("action_id", sorted(FORMS))
def test_every_form_asks_for_a_reason_and_slack_takes_it(action_id: str) -> None:
    view = modal(form(action_id))
    assert view is not None
    assert view_problem(view) == ("", [])
    asked = [block["block_id"] for block in view["blocks"] if block["type"] == "input"]
    assert asked[-1] == "reason"
    assert ("choice" in asked) == bool(choices_of(action_id))
    assert view["callback_id"] == action_id
    assert view["private_metadata"] == METADATA


@pytest.mark.parametrize("action_id", ["approve_form", "reject"])
def test_a_decision_shows_the_same_words_as_the_card(action_id: str) -> None:
    view = modal(form(action_id))
    assert view is not None
    shown = " ".join(node["text"] for node in texts(view))
    for word in (PROPOSAL.what, PROPOSAL.undo, "risk R3", "2 more people", PROPOSAL.expires_at):
        assert word in shown


def test_a_step_that_does_not_fit_has_no_form() -> None:
    assert modal(form("approve_form", what="x" * 3_000)) is None
    assert modal(FormOf("approve_form", METADATA)) is None


@pytest.mark.parametrize("action_id", ["acknowledge", "approve", "nonsense"])
def test_other_buttons_have_no_form(action_id: str) -> None:
    assert modal(form(action_id)) is None


@pytest.mark.parametrize("action_id", sorted(FORMS))
@given(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=2_500)))
def test_whatever_telemetry_says_a_form_only_says_it(action_id: str, hostile: str) -> None:
    view = modal(form(action_id, hostile, hostile))
    if view is not None:
        assert view_problem(view) == ("", [])
        assert {node["type"] for node in texts(view)} == {"plain_text"}
