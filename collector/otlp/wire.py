"""Where the items of an export request lie in its bytes, found without making an object for each.

All three signals have the same frame: resource groups (field 1), in each of them scope groups
(field 2), in each of these the items (field 2). A span's ids and times are bytes in which anything
can be seen; the layout tells what is seen in them alone.

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
_TRACE_ID, _SPAN_ID, _PARENT = b"\x0a\x10", b"\x12\x08", b"\x22\x08"
_IDS = 28
_PARENT_BYTES = 10
# Then name, kind, start and end.
_NAME, _KIND, _START, _END = 0x2A, 0x30, 0x39, 0x41
_TIMES = 18


@dataclass(frozen=True)
class Scope:
    """One scope group: which one of which resource group, and the ordinal of its first item."""

    group: int
    scope: int
    first: int


@dataclass(frozen=True)
class Layout:
    """`starts` and `ends` of all items of the body, in order. `has_ids`: the items are spans."""

    body: bytes
    starts: Sequence[int]
    ends: Sequence[int]
    scopes: Sequence[Scope]
    has_ids: bool

    def item_at(self, place: int) -> int | None:
        """Ordinal of the item in which this byte lies; None for what items share."""
        item = bisect_right(self.starts, place) - 1
        return item if item >= 0 and place < self.ends[item] else None

    def is_noise(self, first: int, last: int) -> bool:
        """True where these bytes lie in the ids or in the times of a span, and nowhere else."""
        item = self.item_at(last) if self.has_ids else None
        if item is None:
            return False
        start, end = self.starts[item], self.ends[item]
        ids_end, times = _noise_of(self.body, start, end)
        return (start <= first and last < ids_end) or (times <= first and last < times + _TIMES)

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
    if has_ids and not _begin_with_ids(body, starts, ends):
        return None
    return Layout(body, starts, ends, scopes, has_ids)


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


def _begin_with_ids(body: bytes, starts: Sequence[int], ends: Sequence[int]) -> bool:
    for at, end in zip(starts, ends, strict=True):
        if body[at : at + 2] != _TRACE_ID or body[at + 18 : at + 20] != _SPAN_ID or end - at < _IDS:
            return False
    return True


def _noise_of(body: bytes, at: int, end: int) -> tuple[int, int]:
    """Where the ids of a span end, and where its times begin (`end` where that is not told)."""
    at += _IDS
    if body[at : at + 2] == _PARENT and at + _PARENT_BYTES <= end:
        at += _PARENT_BYTES
    ids_end = at
    if at + 2 < end and body[at] == _NAME and body[at + 1] < 0x80:
        at += 2 + body[at + 1]
    if at + 2 < end and body[at] == _KIND and body[at + 1] < 0x80:
        at += 2
    has_times = at + _TIMES <= end and body[at] == _START and body[at + 9] == _END
    return ids_end, at if has_times else end


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
