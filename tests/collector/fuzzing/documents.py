"""JSON documents as nobody should send them: mutated good ones, and some of nothing known."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from tests.collector.fuzzing.choices import Choices

_NAMES = (
    "id", "type", "time", "data", "object", "amount", "currency", "a", "", "attributes", "source",
    "subject", "note", "card_number", "user.email", "x" * 300, "\ud800", "state", "created",
    "flags",
)  # fmt: skip
_SCALARS = (
    "", "a", "payment.succeeded", "2026-11-20T10:00:00Z", "0001-01-01T00:00:00+14:00", "x" * 600,
    "4111 1111 1111 1111", "ada@example.org", "\x00", "\ud800", "\u0663", "-1", "1e400", "NaN",
    None, True, False, 0, -1, 1, 1 << 53, (1 << 64) - 1, -(1 << 64) + 1, 1 << 64, 10**25, 1.5,
    1e308, float("nan"), float("inf"), 4111111111111111, -0.0,
)  # fmt: skip


def anything(choices: Choices, depth: int = 0) -> Any:
    """A document of nothing that is known."""
    if depth > 5 or choices.below(3) < 2:
        return choices.of(_SCALARS)
    if choices.below(2):
        return [anything(choices, depth + 1) for _ in range(choices.below(4))]
    return {choices.of(_NAMES): anything(choices, depth + 1) for _ in range(choices.below(4))}


def bent(document: Any, choices: Choices) -> Any:
    """The document with one to four of its members gone, renamed, added or anything."""
    found = copy.deepcopy(document)
    for _ in range(1 + choices.below(4)):
        holders = list(_holders(found))
        if not holders:
            return found
        _bend(choices.of(holders), choices)
    return found


def text_of(document: Any) -> bytes:
    """Python's own JSON: it writes NaN and lone surrogates too."""
    return json.dumps(document, ensure_ascii=True).encode()


def _bend(holder: Any, choices: Choices) -> None:
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    if not keys or choices.once_in(5):
        if isinstance(holder, dict):
            holder[choices.of(_NAMES)] = anything(choices)
        else:
            holder.append(anything(choices))
        return
    key = choices.of(keys)
    match choices.below(4):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[choices.of(_NAMES)] = holder.pop(key)
        case _:
            holder[key] = anything(choices)


def _holders(node: Any) -> Iterator[Any]:
    if isinstance(node, dict | list):
        yield node
        for child in node.values() if isinstance(node, dict) else node:
            yield from _holders(child)
