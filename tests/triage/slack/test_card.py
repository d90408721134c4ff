"""The card: true in every state, within Slack's limits, and deaf to what telemetry says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.slack.card import (
    CardView,
    ProposalView,
    button_value,
    escape,
    evidence_thread,
    incident_card,
    parse_button_value,
)

PROPOSAL = ProposalView(
    approval_id="0199f0c2-0000-7000-8000-000000000001",
    digest="a" * 64,
    what="Set flag payment-routing.eu-central to stripe (now balanced).",
    undo="Set it back to balanced.",
    tier="R2",
    state="pending",
    expires_at="14:22:10 UTC",
)
VIEW = CardView(
    incident_id="0199f0c2-0000-7000-8000-0000000000aa",
    number=41,
    state="open",
    severity="SEV1",
    title="Payments through adyen in eu-central fail",
    since="14:02:10 UTC",
    updated="14:02:31 UTC",
    text="41 of 46 attempts failed since 14:02:10. Elsewhere 0.4 % fail.",
    brief_by="code",
    url="https://tillwatch.example/incidents/INC-41",
    impact=("Not taken: about 1,920.00 EUR a minute", "Budget left: 41 %"),
    missing=("logs",),
    evidence=("E1 provider = adyen and region = eu-central: 41 of 46 fail",),
    proposals=(PROPOSAL,),
)
STATES = {
    "open": VIEW,
    "acknowledged": replace(VIEW, state="acknowledged", acknowledged_by="Ana"),
    "running": replace(VIEW, proposals=(replace(PROPOSAL, state="executing", decided_by="Ana"),)),
    "rejected": replace(VIEW, proposals=(replace(PROPOSAL, state="rejected", decided_by="Ana"),)),
    "resolved": replace(
        VIEW,
        state="resolved",
        resolution="Over after 4 min 12 s. 61 payments failed, 2,310.00 EUR were not taken.",
        proposals=(replace(PROPOSAL, state="recovered", decided_by="Ana"),),
    ),
}


def _texts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") in {"mrkdwn", "plain_text"}:
            yield node
        for child in node.values():
            yield from _texts(child)
    elif isinstance(node, (list, tuple)):
        for child in node:
            yield from _texts(child)


@pytest.mark.parametrize("name", sorted(STATES))
def test_the_card_in_each_state_is_as_its_golden_file_says(name: str) -> None:
    message = incident_card(STATES[name])
    document = {"text": message.text, "blocks": list(message.blocks)}
    path = Path(__file__).parent / "goldens" / f"card_{name}.json"
    if os.environ.get("TILLWATCH_WRITE_GOLDENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    assert document == json.loads(path.read_text())


def test_only_a_pending_step_of_an_open_incident_has_decision_buttons() -> None:
    with_buttons = {
        name
        for name, view in STATES.items()
        if '"action_id": "approve"' in json.dumps(list(incident_card(view).blocks))
    }
    assert with_buttons == {"open", "acknowledged"}


def test_the_button_carries_the_approval_and_what_was_shown() -> None:
    value = button_value(PROPOSAL.approval_id, PROPOSAL.digest)
    assert parse_button_value(value) == (PROPOSAL.approval_id, PROPOSAL.digest)


@pytest.mark.parametrize("value", ["", "x", ":", "id:", ":digest"])
def test_a_value_that_is_not_ours_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="not a decision button"):
        parse_button_value(value)


@given(st.text(max_size=8000), st.text(max_size=8000), st.lists(st.text(max_size=900), max_size=60))
def test_whatever_telemetry_says_the_card_stays_within_slacks_limits(
    text: str, what: str, evidence: list[str]
) -> None:
    view = replace(
        VIEW,
        text=text,
        title=what,
        evidence=tuple(evidence),
        proposals=tuple(replace(PROPOSAL, what=what) for _ in range(9)),
    )
    for message in (incident_card(view), evidence_thread(view)):
        assert 1 <= len(message.blocks) <= 50
        for block in message.blocks:
            limit = {"header": 150, "context": 500}.get(str(block["type"]), 3000)
            for node in _texts(block):
                assert 1 <= len(node["text"]) <= limit


@given(st.text(alphabet="<>!@#|&;abchttps:/. *", max_size=400))
def test_untrusted_text_can_neither_mention_nor_link(hostile: str) -> None:
    view = replace(VIEW, text=hostile, title=hostile, evidence=(hostile,), missing=(hostile,))
    for message in (incident_card(view), evidence_thread(view)):
        assert "<" not in message.text
        for node in _texts(list(message.blocks)):
            if node["type"] == "mrkdwn":
                assert "<" not in node["text"]
                assert ">" not in node["text"]
                assert node["verbatim"] is True


def test_a_step_too_long_to_be_shown_whole_is_not_decided_on_the_card() -> None:
    view = replace(VIEW, proposals=(replace(PROPOSAL, what="Send " + "x" * 3_000),))
    card = json.dumps(list(incident_card(view).blocks))
    assert "too long to show here" in card
    assert '"approve"' not in card


@given(st.text())
def test_escaping_loses_nothing(text: str) -> None:
    back = escape(text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert back == text
