"""What is kept of a notification: the fields that a shape names, and nothing else. Pure.

An allow-list, not a list of what to drop: a provider may add a field with a name, an address or a
phone number in it at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.quoting import cut

MAX_TEXT = 500
_MAX_ITEMS = 50
_MAX_IDENTIFIER = 200

# A field's name and what is kept of it: True for a scalar, a shape for an object or its list.
Shape = Mapping[str, Any]


def kept(document: Any, shape: Shape) -> dict[str, Any]:
    """The named fields of an object, recursively; {} for what is no object.

    Texts are cut before 500 characters, lists at 50 items; a scalar where a shape is expected (or
    the other way round) is left out.
    """
    if not isinstance(document, Mapping):
        return {}
    found: dict[str, Any] = {}
    for name, inner in shape.items():
        value = document.get(name)
        if isinstance(inner, Mapping):
            found |= _nested(name, value, inner)
        elif isinstance(value, str):
            found[name] = cut(value, MAX_TEXT)
        elif isinstance(value, bool | int | float):
            found[name] = value
    return found


def identifiers(candidates: Mapping[str, Any]) -> dict[str, str]:
    """Those that are identifiers: texts or integers of at most 200 characters, not empty.

    One that is too long is left out whole: cut to size it could join what does not belong together.
    """
    found: dict[str, str] = {}
    for name, value in candidates.items():
        is_number = isinstance(value, int) and not isinstance(value, bool)
        text = str(value) if is_number else value
        if isinstance(text, str) and 0 < len(text) <= _MAX_IDENTIFIER and text.isprintable():
            found[name] = text
    return found


def at(document: Any, *path: str) -> Any:
    """The value at a path of keys; None where something on the way is missing or no object."""
    for name in path:
        if not isinstance(document, Mapping):
            return None
        document = document.get(name)
    return document


def text_at(document: Any, *path: str) -> str:
    """The text at a path; "" for everything else."""
    value = at(document, *path)
    return value if isinstance(value, str) else ""


def _nested(name: str, value: Any, shape: Shape) -> dict[str, Any]:
    if isinstance(value, Mapping):
        inner = kept(value, shape)
        return {name: inner} if inner else {}
    if isinstance(value, list):
        parts = [kept(one, shape) for one in value[:_MAX_ITEMS]]
        return {name: [part for part in parts if part]}
    return {}
