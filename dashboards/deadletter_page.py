"""What the pages of dead letters show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from dashboards.readers import Readers, document

_REPLAYABLE: Final = frozenset({"stored", "duplicate", "reading"})
_WOULD: Final = {
    "stored": "It would be stored and counted, at the time it had.",
    "duplicate": "Its sender has sent it since: a replay adds nothing and closes this letter.",
    "reading": "Today's rules can read the record: it would be read again.",
    "rejected": "It would be rejected again.",
    "replayed": "It was put right.",
    "impossible": "It cannot be replayed.",
}
# What the last batch came to, in the order in which it is told.
_CAME_TO: Final = {
    "stored": "stored",
    "duplicate": "known already",
    "reading": "to be read again",
    "rejected": "still bad",
    "impossible": "not possible",
    "replayed": "put right before",
}
_MAX_DIGITS: Final = 6


def list_values(readers: Readers, query: Mapping[str, str]) -> dict[str, Any]:
    """Values of the list: the letters of a rule and a source, and what a batch just came to."""
    rule, source = query.get("rule", "")[:120], query.get("source", "")[:200]
    found = readers.deadletters(rule, source)
    letters = found["deadletters"]
    return {
        **found,
        "alerts": document(readers.alert_health()),
        "rule": rule,
        "source": source,
        "waiting": sum(one["state"] == "waiting" for one in letters),
        "came_to": {
            word: int(query[name])
            for name, word in _CAME_TO.items()
            if _is_count(query.get(name, ""))
        },
    }


def letter_values(readers: Readers, letter_id: str) -> dict[str, Any]:
    """Values of one letter's page."""
    letter = readers.deadletter(letter_id)
    outcome = letter["now"]["outcome"]
    item = letter["item"]
    return {
        "letter": letter,
        "would": _WOULD[outcome],
        "replayable": outcome in _REPLAYABLE,
        "mendable": letter["kind"] == "item" and item is not None and outcome == "rejected",
        "text": "" if item is None else json.dumps(item, indent=2, ensure_ascii=False),
    }


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
