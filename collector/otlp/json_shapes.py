"""OTLP/JSON read in one typed pass: is this body right, and what are its ids?

What these shapes take, `json_decode` takes as well: they are narrower where a rule cannot be said
as a type (base64, numbers of 19 digits), and then the careful decoder has the last word. Unknown
keys are ignored, a null is an unset field, of equal keys the last one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from collector.otlp.signals import LOGS, TRACES, Signal
from collector.otlp.validate import remarks
from collector.otlp.worth import Held, is_debug

_Integer = (
    Annotated[str, Meta(pattern=r"^-?[0-9]{1,18}\Z")]
    | Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
    | None
)
_Enum = Annotated[int, Meta(ge=-(1 << 31), le=(1 << 31) - 1)] | None
_Count = Annotated[int, Meta(ge=0, le=(1 << 32) - 1)] | None
_Nanos = str | Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] | None
_Text = str | None


class _Shape(Struct, gc=False, rename="camel"):
    """Keys are lowerCamelCase (OTLP/JSON)."""


def _value_shape(levels: int) -> type[Struct]:
    """An AnyValue that nests at most so deep: deeper ones are for the careful decoder."""
    found: Any = None
    for _ in range(levels + 1):
        fields: list[Any] = [
            ("string_value", _Text, None),
            ("bool_value", bool | None, None),
            ("int_value", _Integer, None),
            ("double_value", float | None, None),
            ("bytes_value", None, None),  # base64 is for the careful decoder
            ("array_value", None, None),
            ("kvlist_value", None, None),
        ]
        if found is not None:
            pair = _shape("_Pair", [("key", _Text, None), ("value", found | None, None)])
            values = _shape("_Array", [("values", list[found] | None, None)])
            pairs = _shape("_Map", [("values", list[pair] | None, None)])  # type: ignore[valid-type]
            fields[-2:] = [
                ("array_value", values | None, None),
                ("kvlist_value", pairs | None, None),
            ]
        found = _shape("_AnyValue", fields)
    shape: type[Struct] = found
    return shape


def _shape(name: str, fields: list[Any]) -> type[Struct]:
    return msgspec.defstruct(name, fields, bases=(_Shape,))


_MAX_NESTED = 3
_AnyValue: Any = _value_shape(_MAX_NESTED)
_KeyValue: Any = _shape("_KeyValue", [("key", _Text, None), ("value", _AnyValue | None, None)])
_Attributes = list[_KeyValue] | None


class _EntityRef(_Shape):
    schema_url: _Text = None
    type: _Text = None
    id_keys: list[str] | None = None
    description_keys: list[str] | None = None


class _Resource(_Shape):
    attributes: _Attributes = None
    dropped_attributes_count: _Count = None
    entity_refs: list[_EntityRef] | None = None


class _Scope(_Shape):
    name: _Text = None
    version: _Text = None
    attributes: _Attributes = None
    dropped_attributes_count: _Count = None


class _Event(_Shape):
    time_unix_nano: _Nanos = None
    name: _Text = None
    attributes: _Attributes = None
    dropped_attributes_count: _Count = None


class _Link(_Shape):
    trace_id: _Text = None
    span_id: _Text = None
    trace_state: _Text = None
    attributes: _Attributes = None
    dropped_attributes_count: _Count = None
    flags: _Count = None


class _Status(_Shape):
    message: _Text = None
    code: _Enum = None


class _Span(_Shape):
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: _Text = None
    trace_state: _Text = None
    flags: _Count = None
    name: _Text = None
    kind: _Enum = None
    start_time_unix_nano: _Nanos = None
    end_time_unix_nano: _Nanos = None
    attributes: _Attributes = None
    dropped_attributes_count: _Count = None
    events: list[_Event] | None = None
    dropped_events_count: _Count = None
    links: list[_Link] | None = None
    dropped_links_count: _Count = None
    status: _Status | None = None


class _LogRecord(_Shape):
    time_unix_nano: _Nanos = None
    observed_time_unix_nano: _Nanos = None
    severity_number: _Enum = None
    severity_text: _Text = None
    body: _AnyValue | None = None
    attributes: _Attributes = None
    dropped_attributes_count: _Count = None
    flags: _Count = None
    trace_id: _Text = None
    span_id: _Text = None
    event_name: _Text = None


class _ScopeSpans(_Shape):
    scope: _Scope | None = None
    spans: list[_Span] | None = None
    schema_url: _Text = None


class _ScopeLogs(_Shape):
    scope: _Scope | None = None
    log_records: list[_LogRecord] | None = None
    schema_url: _Text = None


class _ResourceSpans(_Shape):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] | None = None
    schema_url: _Text = None


class _ResourceLogs(_Shape):
    resource: _Resource | None = None
    scope_logs: list[_ScopeLogs] | None = None
    schema_url: _Text = None


class _Traces(_Shape):
    resource_spans: list[_ResourceSpans] | None = None


class _Logs(_Shape):
    resource_logs: list[_ResourceLogs] | None = None


_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    TRACES.name: msgspec.json.Decoder(_Traces),
    LOGS.name: msgspec.json.Decoder(_Logs),
}
_TIME_SIZES = frozenset(range(1, 20))
_TIMES_END = "922"  # nanoseconds of 2262; of 19 digits not all are 63 bits
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16
# No random bytes: somebody wrote a number of a card's length there.
_CARD_LIKE = re.compile(rb"[0-9][0-9 +\-]{11,}[0-9]")


@dataclass(frozen=True)
class Items:
    """What a body holds, all of it valid, and what is odd about some of it."""

    held: Held
    remarks: list[str]


def items_in(signal: Signal, body: bytes) -> Items | None:
    """The items of the body; None: somebody has to look closely."""
    decoder = _DECODERS.get(signal.name)
    if decoder is None or not (body.isascii() or _is_utf8(body)):
        return None
    try:
        request = decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    found = _Found()
    if signal is TRACES:
        found.spans(request)
    else:
        found.logs(request)
    held = Held(found.items, found.only_debug)
    return Items(held, remarks(request)) if found.are_sound() else None


def _is_utf8(body: bytes) -> bool:
    """Texts under unknown keys are passed over by the decoder, whatever they are."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Found:
    """Ids and times of a body, judged all together: that is quicker than one by one."""

    def __init__(self) -> None:
        self._trace_ids: list[str] = []
        self._span_ids: list[str] = []
        self._times: list[str | int | None] = []
        self.items = 0
        self.only_debug = False

    def spans(self, request: _Traces) -> None:
        for group in request.resource_spans or ():
            for scope in group.scope_spans or ():
                self._spans(scope.spans or [])

    def logs(self, request: _Logs) -> None:
        self.only_debug = True
        for group in request.resource_logs or ():
            for scope in group.scope_logs or ():
                self._records(scope.log_records or [])

    def _spans(self, spans: list[_Span]) -> None:
        """The hot loop."""
        trace_ids, span_ids, times = self._trace_ids, self._span_ids, self._times
        self.items += len(spans)
        for span in spans:
            trace_ids.append(span.trace_id)
            span_ids.append(span.span_id)
            if span.parent_span_id:
                span_ids.append(span.parent_span_id)
            times += (span.start_time_unix_nano, span.end_time_unix_nano)
            if span.events:
                times += [event.time_unix_nano for event in span.events]
            if span.links:
                trace_ids += [link.trace_id or "" for link in span.links]
                span_ids += [link.span_id or "" for link in span.links]

    def _records(self, records: list[_LogRecord]) -> None:
        self.items += len(records)
        self.only_debug &= all(is_debug(record.severity_number) for record in records)
        for record in records:
            self._trace_ids += filter(None, (record.trace_id,))
            self._span_ids += filter(None, (record.span_id,))
            self._times += (record.time_unix_nano, record.observed_time_unix_nano)

    def are_sound(self) -> bool:
        """Ids are hex of 8 or 16 bytes, not zero and no text; times are at most 63 bits."""
        if not (set(map(len, self._trace_ids)) <= {32} and set(map(len, self._span_ids)) <= {16}):
            return False
        if _NO_TRACE in self._trace_ids or _NO_SPAN in self._span_ids:
            return False
        digits = "".join([*self._trace_ids, *self._span_ids])
        try:
            raw = bytes.fromhex(digits)
            # White space is passed over, so the length is asked too.
            if 2 * len(raw) != len(digits) or _CARD_LIKE.search(raw):
                return False
        except ValueError:
            return False
        texts = [one for one in self._times if type(one) is str]
        return not texts or (
            set(map(len, texts)) <= _TIME_SIZES
            and max(texts) < _TIMES_END
            and (joined := "".join(texts)).isascii()
            and joined.isdigit()
        )


class RawScope(Struct, omit_defaults=True, rename="camel"):
    """A scope group whose parts are left as they are written."""

    scope: Raw | msgspec.UnsetType = msgspec.UNSET
    spans: list[Raw] | msgspec.UnsetType | None = msgspec.UNSET
    log_records: list[Raw] | msgspec.UnsetType | None = msgspec.UNSET
    schema_url: Raw | msgspec.UnsetType = msgspec.UNSET


class RawGroup(Struct, omit_defaults=True, rename="camel"):
    """A resource group, the same way."""

    resource: Raw | msgspec.UnsetType = msgspec.UNSET
    scope_spans: list[RawScope] | msgspec.UnsetType | None = msgspec.UNSET
    scope_logs: list[RawScope] | msgspec.UnsetType | None = msgspec.UNSET
    schema_url: Raw | msgspec.UnsetType = msgspec.UNSET


class RawRequest(Struct, omit_defaults=True, rename="camel"):
    """A request of traces or logs, the same way. Keys that OTLP does not know are left out."""

    resource_spans: list[RawGroup] | msgspec.UnsetType | None = msgspec.UNSET
    resource_logs: list[RawGroup] | msgspec.UnsetType | None = msgspec.UNSET

    def groups(self) -> Iterator[RawGroup]:
        """All resource groups."""
        for groups in (self.resource_spans, self.resource_logs):
            yield from groups or ()
