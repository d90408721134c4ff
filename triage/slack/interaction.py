"""What a person did in Slack, as far as we need it. Pure.

Only these fields are kept; Slack's tokens, names and response addresses never reach the journal.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, Final

from kernel import strict_json
from kernel.errors import BadInput
from triage.slack import modals
from triage.slack.modals import CHOICE, FORMS, MAX_REASON, REASON

FEEDBACK: Final = {
    "feedback_helpful": "helpful",
    "feedback_partly": "partly",
    "feedback_wrong": "wrong",
}
# Of what is said about a step, its own feature keeps the record, refusals too.
OF_STEPS: Final = frozenset({"approve"}) | modals.OF_STEPS
# What a slash command may ask for is worked on like a click, in the same order.
COMMANDED: Final = frozenset({"take_over", "hand_over"})
PLAIN: Final = frozenset({"acknowledge", "take_over", "end_silence", "open"})
BUTTONS: Final = OF_STEPS | FORMS | PLAIN | frozenset(FEEDBACK)
_ID: Final = re.compile(r"[A-Za-z0-9._:#-]{1,300}\Z")


@dataclass(frozen=True)
class Click:
    """Who pressed which button of which message, and when.

    `action_ts`: Slack's time of the click, the id of the form that was sent, or the trigger of the
    command: it tells one act from the next. `message_ts` "" : a command, on no message.
    `reason` and `choice` come from a form; `trouble`: why no form could be opened.
    """

    team: str
    user: str
    channel: str
    message_ts: str
    action_id: str
    action_ts: str
    value: str
    app: str = ""
    enterprise: str = ""
    reason: str = ""
    choice: str = ""
    trouble: str = ""

    @property
    def key(self) -> bytes:
        """The identity of the act: a redelivery or replay has the same."""
        parts = (self.team, self.user, self.channel, self.message_ts, self.action_id)
        text = "\0".join((*parts, self.action_ts))
        return blake2b(f"slack\0{text}".encode(), digest_size=16).digest()

    @property
    def asks_for_form(self) -> bool:
        """True for a button whose work begins with a form."""
        return self.action_id in FORMS and not self.reason

    def as_document(self) -> dict[str, str]:
        """What is stored."""
        return asdict(self)


@dataclass(frozen=True)
class Pressed:
    """A click together with the trigger that may open a form for it, for about three seconds."""

    click: Click
    trigger_id: str


def parse_interaction(payload: Any) -> Pressed | Click | None:
    """A pressed button, a sent form, or None for what needs no work of ours.

    Raises BadInput, naming the path, for anything else.
    """
    if not isinstance(payload, dict):
        raise BadInput("the payload is not a JSON object", path="payload")
    kind = payload.get("type")
    if kind == "block_actions":
        return _pressed(payload)
    if kind == "view_submission":
        return _sent(payload)
    if kind == "view_closed":
        return None
    raise BadInput(f"no handler for interactions of type {str(kind)[:80]!r}", path="payload.type")


def form_metadata(click: Click) -> str:
    """What a form carries back to us: the button that opened it."""
    document = {"value": click.value, "channel": click.channel, "message_ts": click.message_ts}
    return json.dumps(document)


def _pressed(payload: dict[str, Any]) -> Pressed | None:
    actions = payload.get("actions")
    if not isinstance(actions, list) or len(actions) != 1:
        raise BadInput("exactly one action is expected", path="payload.actions")
    action_id = _id(actions[0], "action_id", "payload.actions[0]")
    if action_id not in BUTTONS:
        raise BadInput(f"no such button: {action_id[:80]!r}", path="payload.actions[0].action_id")
    if action_id == "open":
        return None
    click = Click(
        **_sender(payload),
        channel=_id(payload.get("channel"), "id", "payload.channel"),
        message_ts=_id(payload.get("container"), "message_ts", "payload.container"),
        action_id=action_id,
        action_ts=_id(actions[0], "action_ts", "payload.actions[0]"),
        value=_id(actions[0], "value", "payload.actions[0]"),
    )
    trigger = payload.get("trigger_id")
    return Pressed(click, trigger if isinstance(trigger, str) else "")


def _sent(payload: dict[str, Any]) -> Click:
    view = payload.get("view")
    if not isinstance(view, dict):
        raise BadInput("the form is missing", path="payload.view")
    action_id = _id(view, "callback_id", "payload.view")
    if action_id not in FORMS:
        raise BadInput(f"no such form: {action_id[:80]!r}", path="payload.view.callback_id")
    metadata = view.get("private_metadata")
    ours = strict_json.loads(metadata) if isinstance(metadata, str) else None
    return Click(
        **_sender(payload),
        channel=_id(ours, "channel", "payload.view.private_metadata"),
        message_ts=_id(ours, "message_ts", "payload.view.private_metadata"),
        action_id=action_id,
        action_ts=_id(view, "id", "payload.view"),
        value=_id(ours, "value", "payload.view.private_metadata"),
        reason=_typed(view),
        choice=_chosen(view),
    )


def _sender(payload: dict[str, Any]) -> dict[str, str]:
    enterprise = payload.get("enterprise")
    return {
        "team": _id(payload.get("team"), "id", "payload.team"),
        "user": _id(payload.get("user"), "id", "payload.user"),
        "app": _id(payload, "api_app_id", "payload") if payload.get("api_app_id") else "",
        "enterprise": _id(enterprise, "id", "payload.enterprise") if enterprise else "",
    }


def _typed(view: dict[str, Any]) -> str:
    """What was written as the reason, without blanks around it; "" where nothing was."""
    text = _input(view, REASON).get("value")
    return text.strip()[:MAX_REASON] if isinstance(text, str) else ""


def _chosen(view: dict[str, Any]) -> str:
    option = _input(view, CHOICE).get("selected_option")
    value = option.get("value") if isinstance(option, dict) else None
    return value if isinstance(value, str) and _ID.match(value) else ""


def _input(view: dict[str, Any], name: str) -> dict[str, Any]:
    found: Any = view
    for step in ("state", "values", name, name):
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _id(holder: Any, key: str, path: str) -> str:
    """An id of Slack's or ours: no text that a person wrote can pass."""
    value = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(value, str) or not _ID.match(value):
        raise BadInput(
            "an id of up to 300 letters, digits and . _ : - is needed", path=f"{path}.{key}"
        )
    return value
