"""Small fixes to an item: JSON merge patches (RFC 7396), and their short form `data.currency=EUR`.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kernel import strict_json
from kernel.errors import BadInput


def apply(target: Any, patch: Any) -> Any:
    """The target with the patch merged into it; null takes a member away (RFC 7396, section 2)."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = apply(merged.get(name), value)
    return merged


def from_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """The patch of `path=value` texts; a value that is no JSON is a text.

    Raises BadInput where one has no path or two contradict each other.
    """
    patch: dict[str, Any] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        names = path.split(".")
        if not equals or not all(names):
            raise BadInput(
                f"not an assignment: {assignment[:80]!r}",
                path="--set",
                hint="write --set data.currency=EUR",
            )
        place = patch
        for name in names[:-1]:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise BadInput(f"{path[:80]} is set twice", path="--set")
        if names[-1] in place:
            raise BadInput(f"{path[:80]} is set twice", path="--set")
        place[names[-1]] = _value(text)
    return patch


def _value(text: str) -> Any:
    try:
        return strict_json.loads(text)
    except BadInput:
        return text
