"""Dead letters as the API, the pages and the commands show them. Pure."""

from __future__ import annotations

from typing import Any

from kernel import strict_json
from kernel.clock import rfc3339
from kernel.errors import BadInput
from kernel.journal import Letter
from kernel.telemetry_store.meta import DeadLetter

WAITING = "waiting"
REPLAYED = "replayed"
Document = dict[str, Any]


def of_item(letter: Letter) -> Document:
    """An item rejected at the door."""
    return {
        "id": letter.id,
        "kind": "item",
        "at": rfc3339(letter.received_us),
        "stream": letter.stream,
        "format": letter.format,
        "source": letter.source,
        "sender": letter.sender,
        "receipt": letter.receipt,
        "index": letter.item,
        "rule": letter.rule,
        "schema": letter.kept.schema,
        "path": letter.path,
        "reason": letter.reason,
        "length": letter.kept.length,
        "digest": letter.kept.digest,
        "tries": letter.tries,
        **_state(letter.replayed_us, letter.replayed_as),
    }


def of_record(letter: DeadLetter, replayed: tuple[int, str] | None) -> Document:
    """A stored record that could not be projected."""
    return {
        "id": f"record:{letter.position}",
        "kind": "record",
        "at": rfc3339(letter.at_us),
        "stream": letter.stream,
        "format": letter.format,
        "source": letter.source,
        "position": letter.position,
        "rule": letter.rule,
        "schema": letter.format,
        "path": "",
        "reason": letter.reason,
        "length": letter.length,
        "digest": letter.digest,
        "tries": 0,
        **_state(*(replayed or (0, ""))),
    }


def item_of(letter: Letter) -> Any:
    """The redacted item; None where nothing but its length and digest is kept."""
    if letter.kept.body is None:
        return None
    try:
        return strict_json.loads(letter.kept.body, max_depth=_MAX_DEPTH)
    except BadInput:
        return None


# OTLP nests: each attribute value within a value costs five levels.
_MAX_DEPTH = 400


def _state(replayed_us: int, replayed_as: str) -> Document:
    if not replayed_us:
        return {"state": WAITING}
    return {"state": REPLAYED, "replayed_at": rfc3339(replayed_us), "replayed_as": replayed_as}
