"""From Slack's payloads to what is stored: ids only, and the same act has the same key."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fakes.slack_requests import Filled, Press, Sender, block_actions, view_submission
from kernel.errors import BadInput
from tests.triage.slack.test_modals import CLICK, METADATA, form
from triage.slack.interaction import Click, Pressed, parse_interaction
from triage.slack.modals import MAX_REASON, modal

SENDER = Sender("U1", "T1", "A1", "E1")
PRESS = Press("C1", "1.1", "approve", "approval-1:abc", "9.9")


def payload(body: bytes) -> Any:
    return json.loads(parse_qs(body.decode())["payload"][0])


def pressed(press: Press = PRESS) -> Pressed:
    found = parse_interaction(payload(block_actions(SENDER, press, "1.2.abc")))
    assert isinstance(found, Pressed)
    return found


def sent(action_id: str = "reject", **typed: str) -> Click:
    view = modal(form(action_id))
    assert view is not None
    filled = Filled("V1", view, {"reason": typed.get("reason", "wrong region")}, {})
    found = parse_interaction(payload(view_submission(SENDER, filled)))
    assert isinstance(found, Click)
    return found


def test_a_click_keeps_ids_and_nothing_that_slack_says_of_people() -> None:
    found = pressed()
    assert found.trigger_id == "1.2.abc"
    assert found.click == Click(
        team="T1",
        user="U1",
        channel="C1",
        message_ts="1.1",
        action_id="approve",
        action_ts="9.9",
        value="approval-1:abc",
        app="A1",
        enterprise="E1",
    )
    stored = json.dumps(found.click.as_document())
    for secret in ("cto", "deprecated-verification-token", "never", "1.2.abc"):
        assert secret not in stored


def test_a_sent_form_is_the_button_that_opened_it_with_a_reason() -> None:
    found = sent()
    assert (found.action_id, found.reason, found.value) == ("reject", "wrong region", CLICK.value)
    assert (found.channel, found.message_ts, found.action_ts) == ("C1", "1.1", "V1")
    assert not found.asks_for_form


def test_a_reason_is_bounded_and_blanks_are_none() -> None:
    assert len(sent(reason="x" * 5_000).reason) == MAX_REASON
    assert sent(reason=" \n ").reason == ""


def test_a_form_brings_what_was_chosen() -> None:
    assert sent("silence").choice == "30"
    assert sent("severity").choice == "critical"


def test_the_same_act_has_the_same_key_and_another_one_another() -> None:
    assert pressed().click.key == pressed().click.key
    others = {
        pressed(Press("C1", "1.1", "approve", "a:b", "9.91")).click.key,
        pressed(Press("C1", "1.2", "approve", "a:b", "9.9")).click.key,
        pressed(Press("C1", "1.1", "reject", "a:b", "9.9")).click.key,
        sent().key,
    }
    assert len(others | {pressed().click.key}) == 5


def test_what_needs_no_work_is_nothing() -> None:
    opened = Press("C1", "1.1", "open", "page", "9.9")
    assert parse_interaction(payload(block_actions(SENDER, opened, "t"))) is None
    assert parse_interaction({"type": "view_closed"}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"type": "shortcut"},
        {"type": None},
        {"actions": []},
        {"actions": [{}, {}]},
        {"actions": [{"action_id": "execute", "value": "x", "action_ts": "1"}]},
        {"team": {"id": "T1 <!channel>"}},
        {"user": None},
        {"container": {"message_ts": ""}},
        {"channel": {"id": "C" * 400}},
        {"enterprise": {"id": 7}},
    ],
)
def test_anything_else_is_refused_with_its_place(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        parse_interaction(payload(block_actions(SENDER, PRESS, "t")) | change)
    assert caught.value.path.startswith("payload")


@pytest.mark.parametrize("metadata", ["", "{", "[]", '{"value": "x"}', '{"value": 1}', None])
def test_a_form_that_is_not_ours_is_refused(metadata: str | None) -> None:
    view = {"id": "V1", "callback_id": "reject", "private_metadata": metadata}
    with pytest.raises(BadInput):
        parse_interaction({**SENDER.document(), "type": "view_submission", "view": view})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
KEYS = ("type", "team", "user", "actions", "view", "channel", "container", "enterprise")


@given(JSON, st.sampled_from(KEYS), st.sampled_from(["block_actions", "view_submission"]))
def test_odd_payloads_are_refused_and_never_an_exception(odd: Any, key: str, kind: str) -> None:
    whole = payload(block_actions(SENDER, PRESS, "t"))
    whole |= {"view": {"id": "V1", "callback_id": "reject", "private_metadata": METADATA}}
    try:
        parse_interaction(whole | {"type": kind, key: odd})
        parse_interaction(odd)
    except BadInput:
        pass
