"""The Slack app's manifest names exactly what Tillwatch offers, calls and reads."""

from __future__ import annotations

import ast
from urllib.parse import urlsplit

import yaml

from tests.architecture.project import ROOT
from triage.slack.command import NAME, WORDS
from triage.slack.endpoints import build_router

MANIFEST = yaml.safe_load((ROOT / "deploy/slack-manifest.yaml").read_text())
CLIENT = ast.parse((ROOT / "triage/slack/client.py").read_text())
# Slack's methods and the bot scope that each needs (docs.slack.dev, methods).
SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.update": "chat:write",
    "users.info": "users:read",
    "views.open": "",
}


def called() -> set[str]:
    """The methods of Slack's API that the client names."""
    texts = {node.value for node in ast.walk(CLIENT) if isinstance(node, ast.Constant)}
    return {
        text
        for text in texts
        if isinstance(text, str) and text.split(".")[0] in {"chat", "users", "views", "auth"}
        if text.count(".") == 1 and " " not in text
    }


def test_the_routes_are_exactly_those_that_slack_may_call() -> None:
    (command,) = MANIFEST["features"]["slash_commands"]
    named = [MANIFEST["settings"]["interactivity"]["request_url"], command["url"]]
    offered = {route.path for route in build_router(None).routes}  # type: ignore[arg-type, attr-defined]
    assert {urlsplit(url).path for url in named} == offered
    assert len({urlsplit(url).netloc for url in named}) == 1


def test_the_command_and_its_words_are_those_that_are_understood() -> None:
    (command,) = MANIFEST["features"]["slash_commands"]
    assert command["command"] == NAME
    assert command["usage_hint"].split(" | ") == list(WORDS)
    # A mention arrives as an id of Slack's, not as a name that anybody may take.
    assert command["should_escape"] is True


def test_the_scopes_are_those_of_the_methods_that_are_called_and_no_more() -> None:
    assert called() == set(SCOPES)
    needed = {scope for scope in SCOPES.values() if scope} | {"commands"}
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == needed


def test_no_message_of_anybody_is_subscribed_to() -> None:
    assert "event_subscriptions" not in MANIFEST["settings"]
    assert MANIFEST["settings"]["socket_mode_enabled"] is False
