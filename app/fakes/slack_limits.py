"""Slack's limits on messages and modals, checked as Slack checks them. Pure.

Figures: docs.slack.dev, Block Kit reference (blocks, elements, composition objects, views).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MAX_TEXT = 40_000
MAX_MESSAGE_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
MAX_VIEW_BYTES = 250_000
_MAX_ID = 255
_KINDS = frozenset({"header", "section", "context", "actions", "input", "divider"})
_ELEMENTS = frozenset({"button", "static_select", "plain_text_input"})
_OF_TEXT = {"plain_text", "mrkdwn"}


def message_problem(body: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Slack's error code for a message, and its details; ("", []) where Slack would take it."""
    text, blocks = body.get("text") or "", body.get("blocks") or []
    if not text and not blocks:
        return "no_text", []
    if len(text) > MAX_TEXT:
        return "msg_too_long", []
    if not isinstance(blocks, list):
        return "invalid_blocks_format", []
    found = list(_blocks(blocks, MAX_MESSAGE_BLOCKS))
    return ("invalid_blocks", found) if found else ("", [])


def view_problem(view: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Slack's error code for a modal, and its details; ("", []) where Slack would take it."""
    if len(json.dumps(view).encode()) > MAX_VIEW_BYTES:
        return "view_too_large", []
    found = [*_blocks(view.get("blocks") or [], MAX_VIEW_BLOCKS)]
    if view.get("type") != "modal":
        found.append("unsupported type [json-pointer:/view/type]")
    for name in ("title", "submit", "close"):
        if name in view or name == "title":
            found += _text(view.get(name), 24, f"/view/{name}", plain=True)
    if any(block.get("type") == "input" for block in view.get("blocks") or []):
        found += [] if "submit" in view else ["missing required field: submit"]
    found += _longer(view.get("callback_id", ""), _MAX_ID, "/view/callback_id")
    found += _longer(view.get("private_metadata", ""), 3_000, "/view/private_metadata")
    return ("invalid_arguments", found) if found else ("", [])


def _blocks(blocks: Sequence[Any], most: int) -> Iterator[str]:
    if len(blocks) > most:
        yield f"no more than {most} items allowed [json-pointer:/blocks]"
    ids = [block.get("block_id") for block in blocks if isinstance(block, dict)]
    named = [one for one in ids if one is not None]
    if len(named) != len(set(named)):
        yield "block_id is not unique [json-pointer:/blocks]"
    for number, block in enumerate(blocks):
        where = f"/blocks/{number}"
        if not isinstance(block, dict) or block.get("type") not in _KINDS:
            yield f"unsupported type [json-pointer:{where}/type]"
            continue
        yield from _longer(block.get("block_id", ""), _MAX_ID, f"{where}/block_id")
        yield from _block(block, where)


def _block(block: Mapping[str, Any], where: str) -> Iterator[str]:
    match block["type"]:
        case "header":
            yield from _text(block.get("text"), 150, f"{where}/text", plain=True)
        case "section":
            yield from _section(block, where)
        case "context":
            yield from _count(block.get("elements"), 10, f"{where}/elements")
            for number, one in enumerate(block.get("elements") or []):
                yield from _text(one, 3_000, f"{where}/elements/{number}")
        case "actions":
            yield from _count(block.get("elements"), 25, f"{where}/elements")
            ids = [one.get("action_id") for one in block.get("elements") or []]
            if len(ids) != len(set(ids)):
                yield f"action_id is not unique [json-pointer:{where}/elements]"
            for number, one in enumerate(block.get("elements") or []):
                yield from _element(one, f"{where}/elements/{number}")
        case "input":
            yield from _text(block.get("label"), 2_000, f"{where}/label", plain=True)
            yield from _element(block.get("element"), f"{where}/element")


def _section(block: Mapping[str, Any], where: str) -> Iterator[str]:
    if "text" not in block and "fields" not in block:
        yield f"missing required field: text [json-pointer:{where}]"
    if "text" in block:
        yield from _text(block["text"], 3_000, f"{where}/text")
    if "fields" in block:
        yield from _count(block["fields"], 10, f"{where}/fields")
        for number, one in enumerate(block["fields"]):
            yield from _text(one, 2_000, f"{where}/fields/{number}")


def _element(element: Any, where: str) -> Iterator[str]:
    if not isinstance(element, dict) or element.get("type") not in _ELEMENTS:
        yield f"unsupported type [json-pointer:{where}/type]"
        return
    yield from _longer(element.get("action_id", ""), _MAX_ID, f"{where}/action_id")
    if element["type"] == "button":
        yield from _button(element, where)
    elif element["type"] == "static_select":
        yield from _select(element, where)
    elif not 0 < element.get("max_length", 3_000) <= 3_000:
        yield f"must be between 1 and 3000 [json-pointer:{where}/max_length]"


def _button(element: Mapping[str, Any], where: str) -> Iterator[str]:
    yield from _text(element.get("text"), 75, f"{where}/text", plain=True)
    yield from _longer(element.get("value", ""), 2_000, f"{where}/value")
    yield from _longer(element.get("url", ""), 3_000, f"{where}/url")
    if element.get("style", "primary") not in {"primary", "danger"}:
        yield f"unsupported style [json-pointer:{where}/style]"
    confirm = element.get("confirm")
    if confirm is not None:
        for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            yield from _text(confirm.get(name), most, f"{where}/confirm/{name}")


def _select(element: Mapping[str, Any], where: str) -> Iterator[str]:
    options = element.get("options")
    yield from _count(options, 100, f"{where}/options")
    for number, one in enumerate(options or []):
        yield from _text(one.get("text"), 75, f"{where}/options/{number}/text", plain=True)
        yield from _longer(one.get("value", ""), 150, f"{where}/options/{number}/value")
    first = element.get("initial_option")
    if first is not None and first not in (options or []):
        yield f"initial_option is none of the options [json-pointer:{where}/initial_option]"


def _text(node: Any, most: int, where: str, *, plain: bool = False) -> Iterator[str]:
    if not isinstance(node, dict) or node.get("type") not in _OF_TEXT:
        yield f"missing or wrong text object [json-pointer:{where}]"
        return
    if plain and node["type"] != "plain_text":
        yield f"must be plain_text [json-pointer:{where}/type]"
    if not node.get("text"):
        yield f"must be more than 0 characters [json-pointer:{where}/text]"
    if len(node.get("text") or "") > most:
        yield f"must be less than {most + 1} characters [json-pointer:{where}/text]"
    if node["type"] == "mrkdwn" and "emoji" in node:
        yield f"invalid additional property: emoji [json-pointer:{where}]"
    if node["type"] == "plain_text" and "verbatim" in node:
        yield f"invalid additional property: verbatim [json-pointer:{where}]"


def _count(items: Any, most: int, where: str) -> Iterator[str]:
    if not isinstance(items, list) or not 1 <= len(items) <= most:
        yield f"must have 1 to {most} items [json-pointer:{where}]"


def _longer(text: Any, most: int, where: str) -> Iterator[str]:
    if not isinstance(text, str) or len(text) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{where}]"
