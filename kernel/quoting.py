"""Cutting what somebody sent, before anybody could look for secrets in it.

Half a card number is not known for one any more: a text is cut before the word, or the groups of
digits, that would not fit. Pure.
"""

from __future__ import annotations

import re

# What may go on behind the cut: groups of digits with one separator, and letters up to a space.
_OPEN_END = re.compile(r"(?:[0-9][^0-9A-Za-z]?)*\S*\Z")
# A number is no longer than this in any spelling.
_LOOK_BACK = 160


def cut(text: str, limit: int) -> str:
    """At most `limit` characters of the text, without a word that would be cut in two."""
    if len(text) <= limit:
        return text
    head = text[:limit]
    at = max(0, limit - _LOOK_BACK)
    match = _OPEN_END.search(head, at)
    return head[: match.start()] if match else head


def quoted(text: str, limit: int = 80) -> str:
    """The text for a message: in quotes, cut where it is longer than `limit`."""
    shown = cut(text, limit)
    return repr(shown) if shown == text else f"{shown!r}..."
