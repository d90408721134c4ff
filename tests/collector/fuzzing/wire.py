"""OTLP requests written byte by byte, as no SDK would: valid protobuf in all its ways of writing.

Made from the messages' own descriptors, so that a field that is new in the schema is written too.
Varints have more bytes than they need, fields come out of order and more than once, unknown ones
stand between them, and the texts and numbers are those that matter here. One thing is left out: a
span has each of its ids once. The quick way looks at the first of two; it is no SDK that writes
two, and what comes of it is a row without a trace.
"""

from __future__ import annotations

import struct
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from collector.otlp.signals import Signal
from tests.collector.fuzzing.choices import Choices

CARD, MAIL = "4111111111111111", "ada@example.org"
_AT_NS = 1_795_000_000_000_000_000
_MAX_DEPTH = 14
_TEXTS = (
    "charge", "", "a" * 70, "POST /checkout", "München", "\U0001f600", CARD, "4111 1111 1111 1111",
    f"card {CARD}, thanks", MAIL, f"mail to {MAIL} now", f"{CARD} was charged. " + "x " * 3_100,
    f"{MAIL} wrote: " + "y " * 4_100, "password=hunter2!", "100%25", "\\u0034", "\x00", "x" * 8_400,
)  # fmt: skip
_KEYS = (
    "http.route", "note", "service.name", "payment_id", "", "user.email", "enduser.id", "password",
    "card_number", "pin", "cvv", "b" * 66 + ".pin", f"paid with {CARD}", f"pan.{'y' * 8_400}",
)  # fmt: skip
_BYTES = (b"", b"\x00" * 16, b"\xff\xfe", CARD.encode(), MAIL.encode())
_INTEGERS = (0, 1, 5, -1, 2, 9, 127, 128, int(CARD), -int(CARD), 1 << 31, (1 << 63) - 1, _AT_NS)
_DOUBLES = (0.0, 1.5, float(CARD), -float(CARD), 4.2e15, float("nan"), float("inf"), -0.0, 5e-324)
_VARINTS = frozenset(
    {
        FieldDescriptor.TYPE_INT32,
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT32,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_BOOL,
        FieldDescriptor.TYPE_ENUM,
    }
)
_SIZED = frozenset(
    {FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}
)
_FIXED_32 = frozenset({FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_SFIXED32})
_FIXED_64 = frozenset({FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64})
_IDS = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
# Written first most of the time, or hardly any item would be valid.
_NEEDED = ("trace_id", "span_id", "time_unix_nano", "aggregation_temporality")
# What holds the items is written more often than what stands beside it.
_FRAMES = frozenset(
    {"resource_spans", "scope_spans", "spans", "resource_logs", "scope_logs", "log_records"}
    | {"resource_metrics", "scope_metrics", "metrics", "data_points", "gauge", "sum", "histogram"}
)


def request(signal: Signal, choices: Choices) -> bytes:
    """A valid body of this signal."""
    return _message(signal.request.DESCRIPTOR, choices, 0)


def _message(kind: Descriptor, choices: Choices, depth: int) -> bytes:
    parts = []
    fields = [field for field in kind.fields if depth < _MAX_DEPTH or field.message_type is None]
    if not choices.once_in(6):
        needed = [kind.fields_by_name[name] for name in _NEEDED if name in kind.fields_by_name]
        parts += [_field(field, choices, depth) for field in needed]
        fields = [field for field in fields if field not in needed]
    fields += [field for field in kind.fields if field.name in _FRAMES] * 3
    for _ in range(choices.below(7) if fields else 0):
        parts.append(_field(choices.of(fields), choices, depth))
        if choices.once_in(40):
            parts.append(_unknown(choices))
    return b"".join(parts)


def _field(field: FieldDescriptor, choices: Choices, depth: int) -> bytes:
    is_twice = choices.once_in(12) and field.name not in _IDS
    count = 1 + choices.below(3) if field.is_repeated or is_twice else 1
    if field.is_repeated and field.type not in _SIZED and choices.below(2):
        values = b"".join(_value(field, choices, depth)[1] for _ in range(count))
        return _tag(field.number, 2, choices) + _varint(len(values), choices, 5) + values
    written = b""
    for _ in range(count):
        wire_type, value = _value(field, choices, depth)
        length = _varint(len(value), choices, 5) if wire_type == 2 else b""
        written += _tag(field.number, wire_type, choices) + length + value
    return written


def _value(field: FieldDescriptor, choices: Choices, depth: int) -> tuple[int, bytes]:
    """Wire type and bytes, without a length."""
    kind = field.type
    if kind == FieldDescriptor.TYPE_MESSAGE:
        return 2, _message(field.message_type, choices, depth + 1)
    if kind == FieldDescriptor.TYPE_STRING:
        return 2, choices.of(_KEYS if field.name == "key" else _TEXTS).encode()
    if kind == FieldDescriptor.TYPE_BYTES:
        return 2, _bytes(field, choices)
    if kind in _VARINTS:
        # Times and counts are numbers of their own, which nobody judges.
        value = choices.of(_INTEGERS if field.name == "int_value" else _INTEGERS[:8])
        return 0, _varint(value % (1 << 64), choices)
    if kind in _FIXED_64:
        return 1, struct.pack("<Q", choices.of((_AT_NS, 0, 1, (1 << 64) - 1)))
    if kind in _FIXED_32:
        return 5, struct.pack("<I", choices.of((0, 1, (1 << 32) - 1)))
    if kind == FieldDescriptor.TYPE_SINT32:
        return 0, _varint(choices.below(256), choices)
    assert kind == FieldDescriptor.TYPE_DOUBLE, field.full_name
    return 1, struct.pack(
        "<d", choices.of(_DOUBLES if field.name == "double_value" else _DOUBLES[:2])
    )


def _bytes(field: FieldDescriptor, choices: Choices) -> bytes:
    """An id is random bytes, or too short, or zero, or a card number."""
    size = _IDS.get(field.name, 0)
    if size and not choices.once_in(8):
        return b"\xab" + choices.some(size - 1)
    return choices.of(_BYTES[:4] if size else _BYTES)


def _unknown(choices: Choices) -> bytes:
    """A field that no message has, with a secret in it now and then."""
    text = choices.of(_TEXTS).encode()
    return _tag(500 + choices.below(9), 2, choices) + _varint(len(text), choices, 5) + text


def _tag(number: int, wire_type: int, choices: Choices) -> bytes:
    return _varint(number << 3 | wire_type, choices, 5)


def _varint(value: int, choices: Choices, widest: int = 10) -> bytes:
    """Now and then with more bytes than it needs."""
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    padding = choices.below(4) if choices.once_in(30) else 0
    for _ in range(min(padding, widest - len(found))):
        found[-1] |= 0x80
        found.append(0)
    return bytes(found)


def counted(signal: Signal, message: Any) -> int:
    """Spans, log records or data points of a request, counted by its descriptors alone."""
    last = {"spans", "log_records", "data_points"}
    found = 0
    for field, value in message.ListFields():
        if field.name in last:
            found += len(value)
        elif field.name in {*signal.items, "gauge", "sum", "histogram", "summary"} | {
            "exponential_histogram"
        }:
            children = value if field.is_repeated else [value]
            found += sum(counted(signal, child) for child in children)
    return found
