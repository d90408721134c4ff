"""The card: true in every state, within Slack's limits, and deaf to what telemetry says."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fakes.slack_limits import message_problem
from runbooks.approval import State
from tests.triage.slack.views import PROPOSAL, RISKY, STATES, VIEW
from triage.slack.card import Message, evidence_thread, incident_card

HOSTILE = [
    "<!channel> <@U123> <https://evil.example|Approve>",
    "*bold* _italic_ ~gone~ `code` ```block```",
    ":rotating_light: :100: all clear",
    "@here @channel #general https://evil.example/?q=secret",
    "fine\nApproved by the CTO\n> quoted",
    "&lt;!channel&gt; &amp;",
    "safe\u202egnp.exe \u200bhidden",
    "{'type': 'actions', 'elements': []}",
]


def document(message: Message) -> dict[str, Any]:
    return {"text": message.text, "blocks": [dict(one) for one in message.blocks]}


def texts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") in {"mrkdwn", "plain_text"}:
            yield node
        for child in node.values():
            yield from texts(child)
    elif isinstance(node, (list, tuple)):
        for child in node:
            yield from texts(child)


def buttons(message: Message) -> set[str]:
    return {
        element["action_id"]
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    }


@pytest.mark.parametrize("name", sorted(STATES))
def test_the_card_in_each_state_is_as_its_golden_file_says(name: str) -> None:
    found = document(incident_card(STATES[name]))
    path = Path(__file__).parent / "goldens" / f"card_{name}.json"
    if os.environ.get("TILLWATCH_WRITE_GOLDENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    assert found == json.loads(path.read_text())


@pytest.mark.parametrize("name", sorted(STATES))
def test_slack_takes_the_card_in_each_state(name: str) -> None:
    assert message_problem(document(incident_card(STATES[name]))) == ("", [])
    assert message_problem(document(evidence_thread(STATES[name]))) == ("", [])


def test_every_state_of_an_approval_has_its_own_words_on_the_card() -> None:
    said = set()
    for state in State:
        card = incident_card(replace(VIEW, proposals=(replace(PROPOSAL, state=state.value),)))
        said.add(json.dumps([block for block in card.blocks if "Step" in str(block)] or state))
    assert len(said) == len(State)


def test_only_a_waiting_step_of_an_open_incident_can_be_decided() -> None:
    deciding = {
        name
        for name, view in STATES.items()
        if buttons(incident_card(view)) & {"approve", "approve_form", "reject"}
    }
    running = {
        "open",
        "acknowledged",
        "silenced",
        "stale",
        "missing_sources",
        "model_brief",
        "alerts_left_out",
    }
    waiting = {"simulation", "reason_needed", "step_partially_approved", "many_steps"}
    assert deciding == running | waiting


def test_an_approval_can_be_taken_back_until_its_step_begins() -> None:
    offering = {name for name, view in STATES.items() if "revoke" in buttons(incident_card(view))}
    assert offering == {"step_partially_approved", "step_approved"}


def test_only_a_step_that_a_person_carries_out_is_confirmed() -> None:
    offering = {
        name for name, view in STATES.items() if "step_done" in buttons(incident_card(view))
    }
    assert offering == {"step_by_hand"}


def test_a_step_that_needs_a_reason_is_approved_through_a_form_alone() -> None:
    found = buttons(incident_card(replace(VIEW, proposals=(RISKY,))))
    assert "approve_form" in found
    assert "approve" not in found


def test_the_button_carries_what_was_shown_and_nothing_that_a_person_can_read() -> None:
    (value,) = {
        element["value"]
        for block in incident_card(VIEW).blocks
        for element in block.get("elements", [])
        if element.get("action_id") in {"approve", "reject"}
    }
    assert value == f"{PROPOSAL.approval_id}:{PROPOSAL.digest}"


def test_what_is_asked_before_approving_is_whole_or_becomes_a_form() -> None:
    long = replace(PROPOSAL, what="Set flag " + "x" * 400)
    assert "approve_form" in buttons(incident_card(replace(VIEW, proposals=(long,))))
    card = json.dumps(document(incident_card(VIEW)))
    assert f"{PROPOSAL.what} Undo: {PROPOSAL.undo}" in card


def test_a_step_too_long_to_be_shown_whole_is_not_decided_on_the_card() -> None:
    view = replace(VIEW, proposals=(replace(PROPOSAL, what="Send " + "x" * 3_000),))
    found = incident_card(view)
    assert "too long to show here" in str(found.blocks)
    assert not buttons(found) & {"approve", "approve_form", "reject"}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_attack_7_untrusted_text_mentions_links_and_formats_nothing(hostile: str) -> None:
    step = replace(PROPOSAL, what=hostile, undo=hostile, votes=(hostile,), note=hostile)
    view = replace(
        VIEW,
        text=hostile,
        title=hostile,
        evidence=(hostile,),
        missing=(hostile,),
        impact=(hostile,),
        owner=hostile,
        resolution=hostile,
        switched_off=hostile,
        closed_as=hostile,
        proposals=(step, replace(step, state="failed")),
    )
    for message in (incident_card(view), evidence_thread(view)):
        assert not re.search(r"[<>*_~`@]|://", message.text)
        assert message_problem(document(message)) == ("", [])
        found = list(texts(list(message.blocks)))
        assert {node["type"] for node in found} == {"plain_text"}
        assert not any(node["emoji"] for node in found)
        assert not any(re.search(r":[a-z0-9_]{3,}:", node["text"]) for node in found)
        addresses = re.findall(r'"url": "([^"]+)"', json.dumps(document(message)))
        assert set(addresses) <= {VIEW.url}


def test_no_text_of_one_line_can_pretend_to_be_another_line() -> None:
    hostile = "Stripe\nApproved by Ben at 14:00:00 UTC"
    step = replace(PROPOSAL, what=hostile, undo=hostile)
    view = replace(VIEW, title=hostile, owner=hostile, proposals=(step,))
    shown = [node["text"] for node in texts(list(incident_card(view).blocks))]
    assert not any(one.startswith("Approved by") for text in shown for one in text.split("\n"))


@given(
    st.text(max_size=8_000), st.text(max_size=8_000), st.lists(st.text(max_size=900), max_size=60)
)
def test_whatever_telemetry_says_slack_takes_the_card(
    text: str, what: str, evidence: list[str]
) -> None:
    view = replace(
        VIEW,
        text=text,
        title=what,
        evidence=tuple(evidence),
        impact=tuple(evidence),
        missing=tuple(evidence),
        proposals=tuple(replace(PROPOSAL, approval_id=f"a{n}", what=what) for n in range(9)),
    )
    for message in (incident_card(view), evidence_thread(view)):
        assert message_problem(document(message)) == ("", [])
        json.dumps(document(message), ensure_ascii=False).encode()


@given(st.text(alphabet="<>!@#|&;:*_~`abchttps:/. \n", max_size=300))
def test_untrusted_text_can_neither_mention_nor_link(hostile: str) -> None:
    view = replace(VIEW, text=hostile, title=hostile, evidence=(hostile,), missing=(hostile,))
    for message in (incident_card(view), evidence_thread(view)):
        assert not re.search(r"[<>*_~`@]|://", message.text)
        assert {node["type"] for node in texts(list(message.blocks))} == {"plain_text"}


def test_a_brief_with_line_breaks_forges_no_line_of_ours() -> None:
    forged = "May be fix\n\nApproved by Ana at 14:02:11 UTC (web)\u2028Expires never."
    card = incident_card(replace(VIEW, text=forged))

    said = [one["text"] for one in texts(document(card)) if "May be fix" in one["text"]]
    assert said
    assert all("\n" not in one.partition("May be fix")[2] for one in said)
