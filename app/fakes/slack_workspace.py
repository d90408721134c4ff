"""The state of a Slack workspace: people, messages, open modals; answers of its API. Pure state.

The server (`slack_server`) brings calls to `answer`; tests and the demo look at what people see.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.fakes.slack_limits import message_problem, view_problem

TEAM = "T0SHOP"
APP = "A0TILLWATCH"
CHANNEL_ID = "C0RELIABILITY"
# How long a trigger lives, in seconds (docs.slack.dev, modals).
TRIGGER_LIVES_S = 3.0
_BAD_TOKENS = frozenset({"token_revoked", "account_inactive", "invalid_auth"})


@dataclass
class SlackMessage:
    """One message as people see it now."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str = ""
    updates: int = 0
    ephemeral_to: str = ""

    def button(self, action_id: str) -> dict[str, Any]:
        """The button with this action id; KeyError where the message has none."""
        for block in self.blocks:
            for element in block.get("elements", []):
                if element.get("action_id") == action_id:
                    return dict(element)
        raise KeyError(action_id)

    def buttons(self) -> list[str]:
        """The action ids of all buttons."""
        return [
            element["action_id"]
            for block in self.blocks
            for element in block.get("elements", [])
            if "action_id" in element
        ]


@dataclass(frozen=True)
class SlackUser:
    """A member as users.info tells it. `guest`: single- or multi-channel guest."""

    id: str
    team: str = TEAM
    guest: bool = False
    bot: bool = False
    deleted: bool = False
    stranger: bool = False

    def document(self) -> dict[str, Any]:
        """The `user` of users.info."""
        return {
            "id": self.id,
            "team_id": self.team,
            "name": "somebody",
            "deleted": self.deleted,
            "is_bot": self.bot,
            "is_restricted": self.guest,
            "is_ultra_restricted": False,
            "is_stranger": self.stranger,
        }


@dataclass
class Modal:
    """A form that stands open before a person. `view` is what we sent, with its id."""

    id: str
    user: str
    team: str
    view: dict[str, Any]
    submitted: bool = False


@dataclass(frozen=True)
class Fault:
    """One scripted answer: an HTTP status, a Slack error code, headers, and a delay before it.

    `method`: only for calls of that method; "" for whichever comes next.
    """

    status: int = 200
    error: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    hang_s: float = 0.0
    method: str = ""


@dataclass
class Trigger:
    """What a click or a command gives: it opens one modal, soon."""

    user: str
    team: str
    at_s: float
    used: bool = False


class SlackWorkspace:
    """Everything that stays. Not for several threads: the server holds a lock around it."""

    def __init__(self) -> None:
        self.messages: list[SlackMessage] = []
        self.users: dict[str, SlackUser] = {"U0BOT": SlackUser("U0BOT", bot=True)}
        self.modals: dict[str, Modal] = {}
        self.triggers: dict[str, Trigger] = {}
        self.faults: deque[Fault] = deque()
        self.calls: list[str] = []
        # Every call is refused with this error while it is set (an outage, a revoked token).
        self.out_of_order = ""
        self.archived = False
        self._last_ts = 0

    def answer(
        self, method: str, body: Mapping[str, Any], fault: Fault | None
    ) -> tuple[int, dict[str, str], dict[str, Any]]:
        """What the API says to one call: (status, headers, document)."""
        self.calls.append(method)
        if fault is not None and (fault.error or fault.status != 200):
            failed = {"ok": False, "error": fault.error or "internal_error"}
            return fault.status, fault.headers, failed
        if self.out_of_order:
            refused = self.out_of_order in _BAD_TOKENS
            status = 200 if refused else 503
            return status, {}, {"ok": False, "error": self.out_of_order}
        known: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "chat.postMessage": self._post,
            "chat.postEphemeral": self._whisper,
            "chat.update": self._update,
            "views.open": self._open_view,
            "views.update": self._update_view,
            "users.info": self._user,
            "auth.test": self._who,
        }
        handler = known.get(method)
        if handler is None:
            return 200, {}, _error("unknown_method")
        return 200, {}, handler(body)

    def next_fault(self, method: str) -> Fault | None:
        """Take the next scripted fault that is meant for this method."""
        if self.faults and self.faults[0].method in {"", method}:
            return self.faults.popleft()
        return None

    def new_trigger(self, user: str, team: str) -> str:
        """A trigger id, as a click of this user brings it."""
        name = f"{len(self.triggers) + 1}.{1_700_000_000}.abcdef"
        self.triggers[name] = Trigger(user, team, time.monotonic())
        return name

    def _post(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if refusal := self._cannot_be_said(body):
            return refusal
        message = self._add(body)
        return {"ok": True, "channel": message.channel, "ts": message.ts}

    def _whisper(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if refusal := self._cannot_be_said(body):
            return refusal
        user = str(body.get("user", ""))
        known = self.users.get(user)
        if known is None or known.deleted:
            return _error("user_not_in_channel")
        message = self._add(body)
        message.ephemeral_to = user
        return {"ok": True, "message_ts": message.ts}

    def _update(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if refusal := self._cannot_be_said(body):
            return refusal
        for message in self.messages:
            if message.ts == body.get("ts") and message.channel == body.get("channel"):
                message.text = str(body.get("text", ""))
                message.blocks = list(body.get("blocks") or [])
                message.updates += 1
                return {"ok": True, "channel": message.channel, "ts": message.ts}
        return _error("message_not_found")

    def _open_view(self, body: Mapping[str, Any]) -> dict[str, Any]:
        trigger = self.triggers.get(str(body.get("trigger_id", "")))
        if trigger is None:
            return _error("invalid_trigger_id")
        if trigger.used:
            return _error("exchanged_trigger_id")
        if time.monotonic() - trigger.at_s > TRIGGER_LIVES_S:
            return _error("expired_trigger_id")
        view = body.get("view")
        if not isinstance(view, dict):
            return _error("invalid_arguments")
        code, details = view_problem(view)
        if code:
            return _error(code, details)
        trigger.used = True
        found = Modal(f"V{len(self.modals) + 1:06d}", trigger.user, trigger.team, dict(view))
        self.modals[found.id] = found
        return {"ok": True, "view": {**view, "id": found.id, "team_id": trigger.team}}

    def _update_view(self, body: Mapping[str, Any]) -> dict[str, Any]:
        modal = self.modals.get(str(body.get("view_id", "")))
        view = body.get("view")
        if modal is None or modal.submitted:
            return _error("not_found")
        if not isinstance(view, dict):
            return _error("invalid_arguments")
        code, details = view_problem(view)
        if code:
            return _error(code, details)
        modal.view = dict(view)
        return {"ok": True, "view": {**view, "id": modal.id}}

    def _user(self, body: Mapping[str, Any]) -> dict[str, Any]:
        user = self.users.get(str(body.get("user", "")))
        return {"ok": True, "user": user.document()} if user else _error("user_not_found")

    @staticmethod
    def _who(_body: Mapping[str, Any]) -> dict[str, Any]:
        return {"ok": True, "team_id": TEAM, "user_id": "U0BOT", "bot_id": "B0BOT"}

    def _cannot_be_said(self, body: Mapping[str, Any]) -> dict[str, Any] | None:
        if body.get("channel") not in {CHANNEL_ID, "#reliability"}:
            return _error("channel_not_found")
        if self.archived:
            return _error("is_archived")
        code, details = message_problem(body)
        return _error(code, details) if code else None

    def _add(self, body: Mapping[str, Any]) -> SlackMessage:
        self._last_ts += 1
        message = SlackMessage(
            channel=CHANNEL_ID,
            ts=f"1700000000.{self._last_ts:06d}",
            text=str(body.get("text", "")),
            blocks=list(body.get("blocks") or []),
            thread_ts=str(body.get("thread_ts", "")),
        )
        self.messages.append(message)
        return message


def _error(code: str, details: list[str] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"ok": False, "error": code}
    if details:
        found["response_metadata"] = {"messages": [f"[ERROR] {one}" for one in details]}
    return found
