"""The one door to slack_sdk: sends messages, opens forms, and tells retry from refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from kernel.outbox import PermanentFailure, RetryLater
from triage.slack.card import Message
from triage.slack.settings import SlackSettings
from triage.slack.text import MAX_SECTION, notification, section

_NO_RETRY_HELPS = frozenset(
    {
        "account_inactive",
        "channel_not_found",
        "invalid_auth",
        "invalid_blocks",
        "is_archived",
        "missing_scope",
        "msg_too_long",
        "no_permission",
        "not_authed",
        "not_in_channel",
        "token_expired",
        "no_text",
        "token_revoked",
        "user_not_in_channel",
    }
)
# The message to update is gone: it is posted anew.
_MESSAGE_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_NOBODY = frozenset({"user_not_found", "user_not_visible"})
_LONGEST_WAIT_S = 300.0
# A trigger lives about 3 s, and Slack waits as long for our answer to the click.
_FORM_TIMEOUT_S = 2


class MessageGone(Exception):
    """The message cannot be updated any more."""


class SlackClient:
    """Posts and updates. Raises RetryLater, PermanentFailure or MessageGone, nothing else."""

    def __init__(self, settings: SlackSettings) -> None:
        self._client = _client(settings, settings.slack_timeout_s)
        self._quick = _client(settings, min(_FORM_TIMEOUT_S, settings.slack_timeout_s))

    def post(
        self, channel: str, message: Message, thread_ts: str = "", *, broadcast: bool = False
    ) -> tuple[str, str]:
        """Post a message; returns Slack's channel id and message ts.

        `broadcast`: a reply that the channel sees too.
        """
        arguments = _arguments(channel, message)
        if thread_ts:
            arguments |= {"thread_ts": thread_ts, "reply_broadcast": broadcast}
        answer = self._say("chat.postMessage", arguments)
        return str(answer["channel"]), str(answer["ts"])

    def update(self, channel: str, ts: str, message: Message) -> None:
        """Write the message anew, in place."""
        self._say("chat.update", {**_arguments(channel, message), "ts": ts})

    def tell(self, channel: str, user: str, text: str) -> None:
        """Show a line to one person only."""
        said = Message(text=notification(text, MAX_SECTION), blocks=[section(text)])
        self._say("chat.postEphemeral", {**_arguments(channel, said), "user": user})

    def open_form(self, trigger_id: str, view: Mapping[str, Any]) -> None:
        """Open a modal for whoever made the trigger, within two seconds."""
        sent = {"trigger_id": trigger_id, "view": dict(view)}
        _asked("views.open", lambda: self._quick.api_call("views.open", json=sent))

    def account(self, user: str) -> Mapping[str, Any] | None:
        """What Slack knows of a user; None where it knows nobody of that id."""
        try:
            # A reading method takes no JSON.
            answer = _asked("users.info", lambda: self._client.users_info(user=user))
        except _Nobody:
            return None
        account = answer.get("user")
        return account if isinstance(account, dict) else None

    def _say(self, method: str, arguments: Mapping[str, Any]) -> SlackResponse:
        try:
            return _asked(method, lambda: self._client.api_call(method, json=dict(arguments)))
        except _Nobody as error:
            raise PermanentFailure(f"{method}: Slack knows no such user ({error})") from None


class _Nobody(Exception):
    """Slack knows no such user."""


def _client(settings: SlackSettings, timeout_s: int) -> WebClient:
    return WebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=timeout_s,
        retry_handlers=[],
    )


def _asked(method: str, call: Callable[[], SlackResponse]) -> SlackResponse:
    try:
        return call()
    except SlackApiError as error:
        raise _outcome(method, error) from None
    except (SlackClientError, OSError, HTTPException, ValueError) as error:
        raise RetryLater(f"{method}: Slack cannot be reached: {error!r}"[:300]) from None


def _arguments(channel: str, message: Message) -> dict[str, Any]:
    return {
        "channel": channel,
        "text": message.text,
        "blocks": [dict(block) for block in message.blocks],
        "unfurl_links": False,
        "unfurl_media": False,
        "link_names": False,
        "parse": "none",
    }


def _outcome(method: str, error: SlackApiError) -> Exception:
    """Slack's answer as an instruction: later, never, or what it was about is gone."""
    response = error.response
    status = getattr(response, "status_code", 0)
    code = str(response.get("error", "")) if hasattr(response, "get") else ""
    if code in _MESSAGE_GONE:
        return MessageGone(code)
    if code in _NOBODY:
        return _Nobody(code)
    if code in _NO_RETRY_HELPS:
        return PermanentFailure(f"{method}: Slack answered {code}")
    headers = getattr(response, "headers", {}) or {}
    after = str(headers.get("Retry-After", headers.get("retry-after", "")))
    wait_s = min(float(after), _LONGEST_WAIT_S) if after.isdigit() else None
    return RetryLater(f"{method}: Slack answered {status} {code}", wait_s)
