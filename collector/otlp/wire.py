"""Where the items of an export request lie in its bytes, found without making an object for each.

All three signals have the same frame: resource groups (field 1), in each of them scope groups
(field 2), in each of these the items (field 2). Ids and a span's parent are random bytes in which
anything can be seen, so a copy with zeros in their place is made for the sieve.

The bytes are known to be a valid message. What does not look as every SDK writes it (an unknown
field in a frame, ids that do not come first) is None: then somebody has to look closely.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

_GROUP = 0x0A  # field 1: a resource group; a resource or a scope inside of one
_ITEMS = 0x12  # field 2: a scope group, or an item
_SCHEMA_URL = 0x1A
# A span begins with trace_id (16 bytes) and span_id (8); parent_span_id often follows.
_IDS = 28
_WITH_PARENT = 38
_NO_IDS = bytes(_IDS)
_NO_IDS_AND_PARENT = bytes(_WITH_PARENT)


@dataclass(frozen=True)
class Scope:
    """One scope group: which one of which resource group, and the ordinal of its first item."""

    group: int
    scope: int
    first: int


@dataclass(frozen=True)
class Layout:
    """`starts` and `ends` of all items, in order; `masked`: the body without its ids."""

    starts: Sequence[int]
    ends: Sequence[int]
    scopes: Sequence[Scope]
    masked: bytes

    def item_at(self, place: int) -> int | None:
        """Ordinal of the item in which this byte lies; None for what items share."""
        item = bisect_right(self.starts, place) - 1
        return item if item >= 0 and place < self.ends[item] else None

    def address(self, item: int) -> tuple[int, int, int]:
        """Indices of the item's resource group, of its scope group therein, and of itself."""
        at = bisect_right(self.scopes, item, key=lambda scope: scope.first) - 1
        scope = self.scopes[at]
        return scope.group, scope.scope, item - scope.first


def layout_of(body: bytes, *, has_ids: bool) -> Layout | None:
    """The layout of a valid request. `has_ids`: its items are spans, which begin with their ids."""
    starts: list[int] = []
    ends: list[int] = []
    scopes: list[Scope] = []
    at, size, group = 0, len(body), 0
    while at < size:
        if body[at] != _GROUP:
            return None
        length, at = _length(body, at + 1)
        if not _walk_group(body, (at, at + length), group, (starts, ends, scopes)):
            return None
        at += length
        group += 1
    masked = _without_ids(body, starts, ends) if has_ids else body
    return None if masked is None else Layout(starts, ends, scopes, masked)


def _walk_group(
    body: bytes,
    place: tuple[int, int],
    group: int,
    found: tuple[list[int], list[int], list[Scope]],
) -> bool:
    starts, ends, scopes = found
    at, end = place
    scope = 0
    while at < end:
        tag = body[at]
        length, at = _length(body, at + 1)
        if tag == _ITEMS:
            scopes.append(Scope(group, scope, len(starts)))
            scope += 1
            if not _walk_scope(body, at, at + length, starts, ends):
                return False
        elif tag not in (_GROUP, _SCHEMA_URL):
            return False
        at += length
    return True


def _walk_scope(body: bytes, at: int, end: int, starts: list[int], ends: list[int]) -> bool:
    """The hot loop: one turn an item."""
    while at < end:
        tag = body[at]
        length = body[at + 1]
        at += 2
        if length >= 0x80:
            more = body[at]
            at += 1
            length += (more - 1) << 7
            if more >= 0x80:
                length, at = _length(body, at - 2)
        if tag == _ITEMS:
            starts.append(at)
            at += length
            ends.append(at)
        elif tag in (_GROUP, _SCHEMA_URL):
            at += length
        else:
            return False
    return True


def _without_ids(body: bytes, starts: Sequence[int], ends: Sequence[int]) -> bytes | None:
    """None where a span does not begin with ids of the right size."""
    masked = bytearray(body)
    masked += _NO_IDS_AND_PARENT  # a look behind the last span must not end outside
    for at, end in zip(starts, ends, strict=True):
        if not (
            end - at >= _IDS
            and masked[at] == 0x0A
            and masked[at + 1] == 0x10
            and masked[at + 18] == 0x12
            and masked[at + 19] == 0x08
        ):
            return None
        if masked[at + 28] == 0x22 and masked[at + 29] == 0x08:
            masked[at : at + _WITH_PARENT] = _NO_IDS_AND_PARENT
        else:
            masked[at : at + _IDS] = _NO_IDS
    return bytes(masked)


def _length(body: bytes, at: int) -> tuple[int, int]:
    """A varint (at most five bytes of it matter here) and the index behind it."""
    value = shift = 0
    while True:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
