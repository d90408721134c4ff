"""The common shape of a shop event in one typed step: the careful way's verdict, or none.

What is taken here, `decode`, the redactor and `item` would take as well, and store as the same
bytes. Where anything is odd there is no answer, and the careful way decides. A property test holds
both against each other.

Three questions make it safe, each asked of all bytes together:

- the typed decoder takes known fields of the right types and sizes, and nothing else;
- written again, a document has as many quotes as it had: so no key stood in it twice (the decoder
  would take the last one) or is unknown. It is asked of ASCII without escapes, where only the
  strings' own quotes can be quotes;
- the sieve finds no place in what is to be stored: so redaction would change nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from collector.events.item import (
    MAX_AGE_US,
    MAX_AHEAD_US,
    MAX_AMOUNT,
    MAX_ATTRIBUTE_NAME,
    MAX_ATTRIBUTE_TEXT,
    MAX_ATTRIBUTES,
    MAX_IDENTIFIER,
    Context,
    is_taken_type,
)
from kernel.clock import parse_rfc3339
from kernel.money import is_currency

# An empty text is stored as if it were not there: that is left to the careful way.
_Text = Annotated[str, Meta(min_length=1, max_length=MAX_IDENTIFIER)] | UnsetType
_Amount = Annotated[int, Meta(ge=0, lt=MAX_AMOUNT)]
_Latency = Annotated[float, Meta(ge=0, lt=1e12)]
_DeclineClass = Literal["issuer", "fraud", "authentication", "customer", "technical"]
_Value = (
    Annotated[str, Meta(max_length=MAX_ATTRIBUTE_TEXT)]
    | Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
    | float
    | bool
)
_Attributes = Annotated[
    dict[Annotated[str, Meta(max_length=MAX_ATTRIBUTE_NAME)], _Value],
    Meta(min_length=1, max_length=MAX_ATTRIBUTES),
]


class CommonData(msgspec.Struct, gc=False):
    """The data fields, in the order of the stored form: written again they are its second half."""

    origin: Literal["backend", "browser"] | UnsetType = UNSET
    checkout_id: _Text = UNSET
    order_id: _Text = UNSET
    payment_id: _Text = UNSET
    session_id: _Text = UNSET
    amount_minor: _Amount | UnsetType = UNSET
    currency: _Text = UNSET
    provider: _Text = UNSET
    method: _Text = UNSET
    country: _Text = UNSET
    region: _Text = UNSET
    channel: _Text = UNSET
    release: _Text = UNSET
    step: _Text = UNSET
    outcome: _Text = UNSET
    decline_class: _DeclineClass | UnsetType = UNSET
    decline_code: _Text = UNSET
    error_type: _Text = UNSET
    latency_ms: _Latency | UnsetType = UNSET
    trace_id: _Text = UNSET
    span_id: _Text = UNSET
    attributes: _Attributes | UnsetType = UNSET


class CommonEvent(msgspec.Struct, gc=False):
    """An envelope that names the event, with its fields under `data`."""

    id: Annotated[str, Meta(min_length=1, max_length=MAX_IDENTIFIER)]
    type: Annotated[str, Meta(max_length=MAX_IDENTIFIER)]
    data: CommonData
    source: _Text = UNSET
    time: str | UnsetType = UNSET
    specversion: Literal["1.0"] | UnsetType = UNSET
    datacontenttype: Literal["application/json"] | UnsetType = UNSET


class Checked(msgspec.Struct, frozen=True, gc=False):
    """An event as it may be stored: its identity, its type, and its canonical bytes."""

    source: str
    id: str
    type: str
    data: bytes


_array = msgspec.json.Decoder(list[CommonEvent])
_one = msgspec.json.Decoder(CommonEvent)
_Read = TypeVar("_Read")
_is_currency = lru_cache(maxsize=1024)(is_currency)
_write = msgspec.json.Encoder().encode


def read_array(body: bytes) -> list[CommonEvent] | None:
    """All events of an array, or None where one of them is odd."""
    return _read(_array.decode, body)


def read_one(text: bytes | str) -> CommonEvent | None:
    """One event, or None where it is odd."""
    return _read(_one.decode, text) if isinstance(text, bytes) else None


def check(
    events: Sequence[CommonEvent | None],
    context: Context,
    places: Callable[[bytes], Sequence[int]],
) -> list[Checked | None]:
    """What may be stored of each event; None where the careful way has to decide.

    `places(data)`: indices of bytes where redaction might have something to do (the sieve).
    """
    checked = [None if event is None else _checked(event, context) for event in events]
    written = [one.data if one else b"" for one in checked]
    found = places(b"\n".join(written))
    if found:
        ends = list(accumulate(len(data) + 1 for data in written))
        for place in found:
            checked[bisect_right(ends, place)] = None
    return checked


def _read(decode: Callable[[bytes], _Read], text: bytes) -> _Read | None:
    if not text.isascii() or b"\\" in text or b"\x7f" in text:
        return None
    try:
        found = decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if _write(found).count(b'"') == text.count(b'"') else None


def _checked(event: CommonEvent, context: Context) -> Checked | None:
    """The rules that the types do not say."""
    data = event.data
    if context.strict and (event.source is UNSET or event.specversion is UNSET):
        return None
    if not (is_taken_type(event.type) and _has_currency(data) and _is_lower(data.trace_id)):
        return None
    time_us = context.now_us
    if event.time is not UNSET:
        try:
            time_us = parse_rfc3339(event.time)
        except (ValueError, OverflowError):
            return None
        if not -MAX_AGE_US <= time_us - context.now_us <= MAX_AHEAD_US:
            return None
    if data.origin == "backend":
        data.origin = UNSET  # the default is not written
    source, named = event.source, f'"{event.source}"'
    if source is UNSET:
        # The texts that were sent need no escape here; our own name for the sender might.
        source, named = context.default_source, _write(context.default_source).decode()
    head = f'{{"id":"{event.id}","source":{named},"type":"{event.type}","time_us":{time_us}'
    rest = _write(data)
    joint = b"," if len(rest) > 2 else b""
    return Checked(source, event.id, event.type, head.encode() + joint + rest[1:])


def _has_currency(data: CommonData) -> bool:
    """An amount needs a currency, and a currency is three capitals."""
    if data.currency is UNSET:
        return data.amount_minor is UNSET
    return _is_currency(data.currency)


def _is_lower(trace_id: str | UnsetType) -> bool:
    return trace_id is UNSET or trace_id == trace_id.lower()
