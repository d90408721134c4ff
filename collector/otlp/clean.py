"""From the bytes of an export to what of them may be stored: checked, and clean of secrets.

The quick way takes most bodies: they are valid, the sieve finds nothing in them, and they are
stored as they came. Where it points at some items, these alone are looked at. What is unusual in
any way goes the careful way: made an object, stripped of invalid items, judged value by value.
Both ways end alike: nothing is stored that the redactor would have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.otlp import json_shapes
from collector.otlp.json_decode import decode_json
from collector.otlp.json_encode import encode_json
from collector.otlp.redact import Walk, redact
from collector.otlp.signals import LOGS, METRICS, TRACES, Signal
from collector.otlp.validate import Refused, drop_invalid, remarks
from collector.otlp.wire import Layout, layout_of
from collector.otlp.worth import Held, held_by
from collector.redaction import Redactor
from collector.redaction.redactor import failing_closed
from collector.redaction.sieve import Form, sieve_for
from kernel.errors import BadInput

_NO_TRACE = b"\x0a\x10" + bytes(16)
_NO_SPAN = b"\x12\x08" + bytes(8)
_RAW = msgspec.json.Decoder(json_shapes.RawRequest)


@dataclass(frozen=True)
class Clean:
    """`body`: what may be stored, b"" for nothing; `held`: items in it; `refused`: left out.

    `remarks`: what is odd about items that are kept.
    """

    body: bytes
    held: Held
    as_json: bool = False
    refused: Sequence[Refused] = ()
    remarks: Sequence[str] = ()


_NOTHING = Clean(b"", Held(0))


class Cleaner:
    """Safe to share between threads. CPU-bound and without I/O."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._protobuf = sieve_for(Form.PROTOBUF)
        self._json = sieve_for(Form.JSON)

    def protobuf(self, signal: Signal, body: bytes) -> Clean:
        """Raises BadInput where the body is none, RedactionFailed where it cannot be judged."""
        message = signal.request()
        try:
            message.ParseFromString(body)
        except DecodeError as error:
            raise BadInput(
                f"not a protobuf {message.DESCRIPTOR.name}: {str(error)[:120]}", path="body"
            ) from None
        if signal is METRICS:
            refused = drop_invalid(message)
            layout = None if refused else layout_of(body, has_ids=False)
        else:
            refused = []
            layout = (
                None if _has_zero_ids(signal, body) else layout_of(body, has_ids=signal is TRACES)
            )
        if layout is None:
            return self._carefully(signal, message, refused or drop_invalid(message))
        if not layout.starts:
            return _NOTHING
        held = held_by(signal, message)
        found = self._protobuf.places(body)
        places = [one.last for one in found if not layout.is_noise(one.first, one.last)]
        if not places:
            return Clean(body, held, remarks=remarks(message))
        items = {layout.item_at(place) for place in places}
        with failing_closed():
            self._judge_items(message, signal, layout, items)
        # Never as it came: a field that stands there twice, or is unknown, may be what was seen.
        return Clean(_serialized(message), held, remarks=remarks(message))

    def json(self, signal: Signal, body: bytes) -> Clean:
        """The same for OTLP/JSON. What is stored is JSON, or protobuf after the careful way."""
        items = json_shapes.items_in(signal, body)
        if items is None:
            message = signal.request()
            if body.strip():
                decode_json(body, message)
            return self._carefully(signal, message, drop_invalid(message))
        if not items.held.items:
            return _NOTHING
        if self._json.is_clean(body):
            return Clean(body, items.held, as_json=True, remarks=items.remarks)
        request = _RAW.decode(body)
        with failing_closed():
            for group in request.groups():
                self._group(group)
        stored = msgspec.json.encode(request)
        return Clean(stored, items.held, as_json=True, remarks=items.remarks)

    def _carefully(self, signal: Signal, message: Any, refused: list[Refused]) -> Clean:
        redact(message, self._redactor)
        held = held_by(signal, message)
        return Clean(_serialized(message), held, refused=refused, remarks=remarks(message))

    def _judge_items(
        self, message: Any, signal: Signal, layout: Layout, items: Iterable[int | None]
    ) -> None:
        """Judge these items alone (None: what they share)."""
        walk = Walk(self._redactor)
        judge: Judge = {TRACES: Walk.span, LOGS: Walk.log, METRICS: Walk.metric}[signal]
        groups_name, scopes_name, items_name = signal.items
        groups = getattr(message, groups_name)
        for item in items:
            if item is None:
                message.DiscardUnknownFields()
                walk.request(message, items=False)
                continue
            group, scope, index = layout.address(item)
            found = getattr(getattr(groups[group], scopes_name)[scope], items_name)[index]
            found.DiscardUnknownFields()
            judge(walk, found)

    def _group(self, group: json_shapes.RawGroup) -> None:
        """Judge the parts of a resource group that the sieve points at."""
        self._replace(group, "resource", Resource, Walk.resource)
        self._replace_text(group)
        for scope in (*(group.scope_spans or ()), *(group.scope_logs or ())):
            self._replace(scope, "scope", InstrumentationScope, Walk.scope)
            self._replace_text(scope)
            self._replace_items(scope.spans or [], Span, Walk.span)
            self._replace_items(scope.log_records or [], LogRecord, Walk.log)

    def _replace_items(self, items: list[msgspec.Raw], kind: Any, judge: Judge) -> None:
        for index, item in enumerate(items):
            if not self._json.is_clean(bytes(item)):
                items[index] = self._judged(item, kind, judge)

    def _replace(self, holder: Any, name: str, kind: Any, judge: Judge) -> None:
        value = getattr(holder, name)
        if value and not self._json.is_clean(bytes(value)):
            setattr(holder, name, self._judged(value, kind, judge))

    def _replace_text(self, holder: json_shapes.RawGroup | json_shapes.RawScope) -> None:
        value = holder.schema_url
        if value and not self._json.is_clean(bytes(value)):
            text = msgspec.json.decode(value, type=str | None) or ""
            holder.schema_url = msgspec.Raw(msgspec.json.encode(self._redactor.text(text)))

    def _judged(self, part: msgspec.Raw, kind: Any, judge: Judge) -> msgspec.Raw:
        """The part as it may be stored, without keys that OTLP does not know."""
        message = decode_json(bytes(part), kind())
        judge(Walk(self._redactor), message)
        return msgspec.Raw(encode_json(message))


Judge = Callable[[Walk, Any], None]


def _has_zero_ids(signal: Signal, body: bytes) -> bool:
    return signal is TRACES and (_NO_TRACE in body or _NO_SPAN in body)


def _serialized(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))
