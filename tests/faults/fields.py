"""A text in every field of an OTLP export, found by reflection: fields to come are filled too.

Each message gets all its text fields, each `oneof` all its branches (one message a branch), each
list of attributes a text as string, bytes, list, nested list and key, a pair that is known by its
name, and numbers; a trace id is a card number now and then, and beside the known fields stands one
that nobody knows. Times and numbers stay what a receiver needs to take the item.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Protocol

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict

from collector.otlp.signals import Signal

NOW_NS = 1_795_000_000_000_000_000
_DEEP = 2
# The tag of field 1000, holding text: no message of OTLP has it.
_UNKNOWN = b"\xc2\x3e"
_IDS = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
_HEX_KEYS = frozenset({"traceId", "spanId", "parentSpanId"})


class Filling(Protocol):
    """What goes into the fields: always the next one."""

    def text(self) -> str:
        """For a field that holds text."""

    def pair(self) -> tuple[str, str]:
        """A name, and the value that is known by it."""

    def number(self) -> int:
        """A card number."""


class Filler:
    """Adds resource groups to an export."""

    def __init__(self, signal: Signal, *, valid: bool = True) -> None:
        """`valid`: the items are; else they lack their ids and times, and are refused alone."""
        self._valid = valid
        self.message: Any = signal.request()
        self._groups = getattr(self.message, self.message.DESCRIPTOR.fields[0].name)
        self._count = 0

    def add(self, filling: Filling) -> None:
        """One more group with a text in every field."""
        self._count += 1
        self._fill(self._groups.add(), filling)

    def _fill(self, message: Any, filling: Filling) -> None:
        for field in message.DESCRIPTOR.fields:
            if field.containing_oneof is None:
                self._fill_field(message, field, filling)
        text = filling.text().encode()
        message.MergeFromString(_UNKNOWN + _length(len(text)) + text)

    def _fill_field(self, message: Any, field: FieldDescriptor, filling: Filling) -> None:
        repeated = field.is_repeated
        if field.message_type is not None:
            self._fill_messages(message, field, filling)
        elif field.type == FieldDescriptor.TYPE_STRING:
            value: Any = [filling.text()] if repeated else filling.text()
            _put(message, field.name, value, repeated=repeated)
        elif field.type == FieldDescriptor.TYPE_BYTES:
            setattr(message, field.name, self._id(_IDS.get(field.name, 8), filling))
        elif not repeated:
            setattr(message, field.name, _number(field) if self._valid else 0)

    def _fill_messages(self, message: Any, field: FieldDescriptor, filling: Filling) -> None:
        name = field.message_type.name
        target = getattr(message, field.name)
        if name == "KeyValue":
            _fill_attributes(target, filling)
        elif name == "AnyValue":
            _nest(target, filling, 0)
        elif field.is_repeated:
            for branch in _branches(field.message_type):
                child = target.add()
                self._fill(child, filling)
                if branch is not None:
                    self._fill_branch(child, branch, filling)
        else:
            target.SetInParent()
            self._fill(target, filling)

    def _fill_branch(self, message: Any, branch: FieldDescriptor, filling: Filling) -> None:
        if branch.message_type is None:
            setattr(message, branch.name, 1)
        else:
            child = getattr(message, branch.name)
            child.SetInParent()
            self._fill(child, filling)

    def _id(self, size: int, filling: Filling) -> bytes:
        self._count += 1
        if not self._valid:
            return str(filling.number()).encode()
        card = str(filling.number()).encode()
        if self._count % 3 == 0 and len(card) <= size:
            return card.rjust(size, b"\n")
        return (self._count | 0xA0 << 8 * (size - 1)).to_bytes(size, "big")


def _put(message: Any, name: str, value: Any, *, repeated: bool) -> None:
    if repeated:
        getattr(message, name).extend(value)
    else:
        setattr(message, name, value)


def _branches(descriptor: Any) -> list[FieldDescriptor | None]:
    """One branch of each oneof a message; [None] where it has none."""
    found = [
        field
        for oneof in descriptor.oneofs
        for field in oneof.fields
        if not field.has_presence or len(oneof.fields) > 1
    ]
    return list(found) or [None]


def _number(field: FieldDescriptor) -> Any:
    if "time" in field.name:
        return NOW_NS
    return 1 if field.enum_type is not None else 0


def _fill_attributes(attributes: Any, filling: Filling) -> None:
    name, value = filling.pair()
    attributes.add(key=name).value.string_value = value
    name, value = filling.pair()
    attributes.add(key=name).value.bytes_value = value.encode()
    name, value = filling.pair()
    attributes.add(key=name).value.array_value.values.add().string_value = value
    attributes.add(key="as.text").value.string_value = filling.text()
    attributes.add(key="as.bytes").value.bytes_value = filling.text().encode()
    attributes.add(key=filling.text()).value.bool_value = True
    _nest(attributes.add(key="nested").value, filling, 0)
    attributes.add(key="as.integer").value.int_value = filling.number()
    attributes.add(key="in.list").value.array_value.values.add().int_value = filling.number()
    number = filling.number()
    if int(float(number)) == number:
        attributes.add(key="as.double").value.double_value = float(number)


def _nest(value: Any, filling: Filling, depth: int) -> None:
    """Lists in maps in lists."""
    value.array_value.values.add().string_value = filling.text()
    value.array_value.values.add().bytes_value = filling.text().encode()
    value.array_value.values.add().int_value = filling.number()
    inner = value.array_value.values.add().kvlist_value
    inner.values.add(key="as.text").value.string_value = filling.text()
    name, named = filling.pair()
    inner.values.add(key=name).value.string_value = named
    if depth < _DEEP:
        _nest(inner.values.add(key="deeper").value, filling, depth + 1)


def _length(size: int) -> bytes:
    """A varint."""
    found = bytearray()
    while size > 0x7F:
        found.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*found, size])


def as_json(message: Any) -> bytes:
    """The export as OTLP/JSON: ids are hexadecimal, all else is protobuf's JSON."""
    return json.dumps(_hexed(MessageToDict(message, use_integers_for_enums=True))).encode()


def _hexed(node: Any) -> Any:
    if isinstance(node, list):
        return [_hexed(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: base64.b64decode(value).hex()
        if key in _HEX_KEYS and isinstance(value, str)
        else _hexed(value)
        for key, value in node.items()
    }
