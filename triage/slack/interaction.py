"""A click in Slack, as far as we need it. Pure.

Only these fields are kept; Slack's tokens, names and response addresses never reach the journal.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, Final

from kernel.errors import BadInput

BUTTONS: Final = frozenset({"approve", "reject", "acknowledge", "open"})
_MAX_TEXT: Final = 300


@dataclass(frozen=True)
class Click:
    """Who pressed which button of which message, and when (Slack's action_ts)."""

    team: str
    user: str
    channel: str
    message_ts: str
    action_id: str
    action_ts: str
    value: str

    @property
    def key(self) -> bytes:
        """The identity of the click: a redelivery or replay has the same."""
        parts = (self.team, self.user, self.channel, self.message_ts, self.action_id)
        text = "\0".join((*parts, self.action_ts))
        return blake2b(f"slack\0{text}".encode(), digest_size=16).digest()

    def as_document(self) -> dict[str, str]:
        """What is stored."""
        return asdict(self)


def parse_click(payload: Any) -> Click | None:
    """The click of a `block_actions` payload; None for a button that needs no work of ours.

    Raises BadInput, naming the path, for anything that is not a click.
    """
    if not isinstance(payload, dict):
        raise BadInput("the payload is not a JSON object", path="payload")
    kind = payload.get("type")
    if kind != "block_actions":
        raise BadInput(f"no handler for interactions of type {kind!r}", path="payload.type")
    actions = payload.get("actions")
    if not isinstance(actions, list) or len(actions) != 1:
        raise BadInput("exactly one action is expected", path="payload.actions")
    action_id = _text(actions[0], "action_id", "payload.actions[0]")
    if action_id not in BUTTONS:
        raise BadInput(f"no such button: {action_id[:80]!r}", path="payload.actions[0].action_id")
    if action_id == "open":
        return None
    container = payload.get("container")
    return Click(
        team=_text(payload.get("team"), "id", "payload.team"),
        user=_text(payload.get("user"), "id", "payload.user"),
        channel=_text(payload.get("channel"), "id", "payload.channel"),
        message_ts=_text(container, "message_ts", "payload.container"),
        action_id=action_id,
        action_ts=_text(actions[0], "action_ts", "payload.actions[0]"),
        value=_text(actions[0], "value", "payload.actions[0]"),
    )


def _text(holder: Any, key: str, path: str) -> str:
    value = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(value, str) or not value or len(value) > _MAX_TEXT:
        raise BadInput("a short non-empty string is needed", path=f"{path}.{key}")
    return value
