"""FakeSlack refuses what Slack refuses: each limit once just kept, once just broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.fakes.slack_limits import message_problem, view_problem


def plain(size: int = 1) -> dict[str, Any]:
    return {"type": "plain_text", "text": "x" * size}


def button(text: int = 5, value: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "a", "text": plain(text), "value": "v" * value, **more}


def section(size: int) -> dict[str, Any]:
    return {"type": "section", "text": plain(size)}


def actions(*elements: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def confirm(title: int = 1, text: int = 1, yes: int = 1, no: int = 1) -> dict[str, Any]:
    parts = {"title": title, "text": text, "confirm": yes, "deny": no}
    return actions(button(confirm={name: plain(size) for name, size in parts.items()}))


def many(count: int) -> dict[str, Any]:
    return actions(*(button() | {"action_id": f"a{n}"} for n in range(count)))


BLOCKS: dict[str, tuple[Callable[[int], dict[str, Any]], int]] = {
    "header": (lambda n: {"type": "header", "text": plain(n)}, 150),
    "section": (section, 3_000),
    "field": (lambda n: {"type": "section", "fields": [plain(n)]}, 2_000),
    "fields": (lambda n: {"type": "section", "fields": [plain()] * n}, 10),
    "context": (lambda n: {"type": "context", "elements": [plain()] * n}, 10),
    "actions": (many, 25),
    "button text": (lambda n: actions(button(text=n)), 75),
    "button value": (lambda n: actions(button(value=n)), 2_000),
    "button url": (lambda n: actions(button(url="u" * n)), 3_000),
    "confirm title": (lambda n: confirm(title=n), 100),
    "confirm text": (lambda n: confirm(text=n), 300),
    "confirm yes": (lambda n: confirm(yes=n), 30),
    "block id": (lambda n: section(1) | {"block_id": "b" * n}, 255),
}


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_a_block_at_its_limit_is_taken_and_one_beyond_it_is_not(name: str) -> None:
    build, limit = BLOCKS[name]
    assert message_problem({"blocks": [build(limit)]}) == ("", [])
    code, details = message_problem({"blocks": [build(limit + 1)]})
    assert code == "invalid_blocks"
    assert "json-pointer:/blocks/0" in details[0]


def test_a_message_has_at_most_fifty_blocks_and_forty_thousand_characters() -> None:
    assert message_problem({"blocks": [section(1)] * 50}) == ("", [])
    assert message_problem({"blocks": [section(1)] * 51})[0] == "invalid_blocks"
    assert message_problem({"text": "x" * 40_000}) == ("", [])
    assert message_problem({"text": "x" * 40_001})[0] == "msg_too_long"
    assert message_problem({})[0] == "no_text"


@pytest.mark.parametrize(
    "block",
    [
        section(0),
        {"type": "section"},
        {"type": "video"},
        {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
        actions(),
        actions(button(), button()),
        actions(button(style="loud")),
        {"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": False}},
    ],
)
def test_what_is_no_block_of_slacks_is_refused(block: dict[str, Any]) -> None:
    assert message_problem({"blocks": [block]})[0] == "invalid_blocks"


def view(**changed: Any) -> dict[str, Any]:
    found = {"type": "modal", "title": plain(), "submit": plain(), "blocks": [section(1)]}
    return found | changed


def typed(most: int) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "a", "max_length": most}
    return {"type": "input", "block_id": "b", "label": plain(), "element": element}


def select(**changed: Any) -> dict[str, Any]:
    options = [{"text": plain(), "value": "1"}]
    element = {"type": "static_select", "action_id": "a", "options": options} | changed
    return {"type": "input", "block_id": "b", "label": plain(), "element": element}


@pytest.mark.parametrize(
    ("kept", "broken"),
    [
        (view(title=plain(24)), view(title=plain(25))),
        (view(submit=plain(24)), view(submit=plain(25))),
        (view(private_metadata="x" * 3_000), view(private_metadata="x" * 3_001)),
        (view(callback_id="x" * 255), view(callback_id="x" * 256)),
        (view(blocks=[section(1)] * 100), view(blocks=[section(1)] * 101)),
        (view(blocks=[typed(3_000)]), view(blocks=[typed(3_001)])),
        (view(blocks=[select()]), view(blocks=[select(options=[])])),
        (view(), view(type="home")),
        (
            view(blocks=[select(initial_option={"text": plain(), "value": "1"})]),
            view(blocks=[select(initial_option={"text": plain(), "value": "2"})]),
        ),
    ],
)
def test_a_form_within_its_limits_is_taken_and_one_beyond_them_is_not(
    kept: dict[str, Any], broken: dict[str, Any]
) -> None:
    assert view_problem(kept) == ("", [])
    assert view_problem(broken)[0] == "invalid_arguments"


def test_a_form_that_asks_needs_a_button_to_send_it_and_no_form_is_endless() -> None:
    asking = view(blocks=[typed(10)])
    del asking["submit"]
    assert view_problem(asking)[0] == "invalid_arguments"
    assert view_problem(view(blocks=[section(3_000)] * 100))[0] == "view_too_large"
