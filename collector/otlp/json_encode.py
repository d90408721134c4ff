"""Protobuf messages become OTLP/JSON: the inverse of `json_decode`."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from collector.otlp.json_decode import HEX_FIELDS

Convert = Callable[[Any], Any]
# 64-bit integers are decimal strings (OTLP/JSON after the proto3 mapping).
_LONG = frozenset(
    {
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_SFIXED64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_FIXED64,
    }
)


def encode_json(message: Any) -> bytes:
    """One message as OTLP/JSON; unset fields are left out."""
    return msgspec.json.encode(_document(message))


def _document(message: Any) -> dict[str, Any]:
    converts = _converts(message.DESCRIPTOR)
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        convert = converts[field.name]
        if field.is_repeated:
            found[field.json_name] = [convert(one) for one in value]
        else:
            found[field.json_name] = convert(value)
    return found


@lru_cache(maxsize=256)
def _converts(descriptor: Descriptor) -> dict[str, Convert]:
    return {field.name: _convert(field) for field in descriptor.fields}


def _convert(field: FieldDescriptor) -> Convert:
    kind = field.type
    if kind == FieldDescriptor.TYPE_MESSAGE:
        return _document
    if kind in _LONG:
        return str
    if kind == FieldDescriptor.TYPE_BYTES:
        return bytes.hex if field.name in HEX_FIELDS else _base64
    if kind in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        return _float
    return lambda value: value


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _float(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
