"""Requests as Slack sends them: clicks, submitted forms, slash commands; and their signature. Pure.

Payload fields after docs.slack.dev (interaction payloads, slash commands), with what an app must
not rely on: names, a verification token, a response address.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from app.fakes.slack_workspace import APP, TEAM


@dataclass(frozen=True)
class Sender:
    """Who acts, and from where. `enterprise`: the organisation of an Enterprise Grid."""

    user: str
    team: str = TEAM
    app: str = APP
    enterprise: str = ""

    def document(self) -> dict[str, Any]:
        """The fields that all interaction payloads share."""
        return {
            "team": {"id": self.team, "domain": "shop"},
            "enterprise": {"id": self.enterprise, "name": "grid"} if self.enterprise else None,
            "user": {"id": self.user, "username": "cto", "name": "cto", "team_id": self.team},
            "api_app_id": self.app,
            "token": "deprecated-verification-token",
        }


@dataclass(frozen=True)
class Press:
    """A button and where it stands."""

    channel: str
    message_ts: str
    action_id: str
    value: str
    action_ts: str
    thread_ts: str = ""


def block_actions(sender: Sender, press: Press, trigger_id: str) -> bytes:
    """The body of a click on a button of a message."""
    container = {"type": "message", "message_ts": press.message_ts, "channel_id": press.channel}
    if press.thread_ts:
        container["thread_ts"] = press.thread_ts
    return _payload(
        sender.document()
        | {
            "type": "block_actions",
            "trigger_id": trigger_id,
            "response_url": "http://127.0.0.1:9/never",
            "channel": {"id": press.channel, "name": "reliability"},
            "container": container,
            "message": {"ts": press.message_ts, "text": "as it stood"},
            "state": {"values": {}},
            "actions": [
                {
                    "type": "button",
                    "action_id": press.action_id,
                    "block_id": "b",
                    "value": press.value,
                    "action_ts": press.action_ts,
                }
            ],
        }
    )


@dataclass(frozen=True)
class Filled:
    """A form that is sent. `typed`: block id -> text; `chosen`: block id -> value of an option."""

    view_id: str
    view: Mapping[str, Any]
    typed: Mapping[str, str] = field(default_factory=dict)
    chosen: Mapping[str, str] = field(default_factory=dict)


def view_submission(sender: Sender, filled: Filled) -> bytes:
    """The body of a submitted modal."""
    values: dict[str, Any] = {}
    for block in filled.view.get("blocks", []):
        if block.get("type") != "input":
            continue
        name, element = block["block_id"], block["element"]
        if element["type"] == "plain_text_input":
            state: dict[str, Any] = {"value": filled.typed.get(name)}
        else:
            first = element.get("initial_option", {}).get("value", "")
            state = {"selected_option": {"value": filled.chosen.get(name, first)}}
        values[name] = {element["action_id"]: {"type": element["type"], **state}}
    view = {**filled.view, "id": filled.view_id, "team_id": sender.team, "hash": "1.abc"}
    view |= {"state": {"values": values}, "app_id": sender.app}
    return _payload(sender.document() | {"type": "view_submission", "view": view})


def slash_command(sender: Sender, command: str, text: str, trigger_id: str, channel: str) -> bytes:
    """The body of a slash command."""
    fields = {
        "token": "deprecated-verification-token",
        "team_id": sender.team,
        "team_domain": "shop",
        "channel_id": channel,
        "channel_name": "reliability",
        "user_id": sender.user,
        "user_name": "cto",
        "command": command,
        "text": text,
        "api_app_id": sender.app,
        "is_enterprise_install": "false",
        "response_url": "http://127.0.0.1:9/never",
        "trigger_id": trigger_id,
    }
    if sender.enterprise:
        fields["enterprise_id"] = sender.enterprise
    return urlencode(fields).encode()


def signed(secret: str, body: bytes, at_s: int, retry: int = 0) -> dict[str, str]:
    """Slack's headers for this body; `retry`: how often it was sent before."""
    base = b"v0:" + str(at_s).encode() + b":" + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": str(at_s),
        "X-Slack-Signature": f"v0={digest}",
    }
    if retry:
        headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_timeout"}
    return headers


def _payload(document: Mapping[str, Any]) -> bytes:
    return urlencode({"payload": json.dumps(document)}).encode()
