"""OTLP/JSON becomes protobuf messages, by the messages' own descriptors.

Not protobuf's json_format: OTLP/JSON writes ids in hex instead of base64, allows enums only as
integers and knows only lowerCamelCase keys. Unknown keys are ignored, as are references into the
string table that profiles alone have. Of equal keys, and of the fields of a choice, the last one
counts.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from kernel import strict_json
from kernel.errors import BadInput

# Readers of protobuf stop at 100 levels, and what is taken has to be read again: a map within a map
# costs three of these and four of JSON, a list in a list two and three.
_MAX_DEPTH = 128
HEX_FIELDS = frozenset({"trace_id", "span_id", "parent_span_id", "profile_id"})
_INTEGERS = {
    FieldDescriptor.TYPE_INT32: (-(1 << 31), 1 << 31),
    FieldDescriptor.TYPE_SINT32: (-(1 << 31), 1 << 31),
    FieldDescriptor.TYPE_SFIXED32: (-(1 << 31), 1 << 31),
    FieldDescriptor.TYPE_UINT32: (0, 1 << 32),
    FieldDescriptor.TYPE_FIXED32: (0, 1 << 32),
    FieldDescriptor.TYPE_INT64: (-(1 << 63), 1 << 63),
    FieldDescriptor.TYPE_SINT64: (-(1 << 63), 1 << 63),
    FieldDescriptor.TYPE_SFIXED64: (-(1 << 63), 1 << 63),
    FieldDescriptor.TYPE_UINT64: (0, 1 << 64),
    FieldDescriptor.TYPE_FIXED64: (0, 1 << 64),
}
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_STRING_TABLE = "_strindex"
_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Convert = Callable[[Any, str], Any]


def decode_json(body: bytes, message: Any) -> Any:
    """Fill `message` (an empty Export*ServiceRequest) from OTLP/JSON.

    Raises BadInput with the path of the fault.
    """
    document = strict_json.loads(body, max_depth=_MAX_DEPTH, unique_keys=False)
    fill(message, document, "$")
    return message


def fill(message: Any, document: Any, path: str) -> None:
    """Fill `message` from a decoded document. Raises BadInput with the path of the fault."""
    if not isinstance(document, Mapping):
        raise BadInput("expected an object", path=path)
    fields = _fields(message.DESCRIPTOR)
    for key, value in document.items():
        found = fields.get(key)
        if found is None or value is None:
            continue
        name, is_repeated, convert = found
        here = f"{path}.{key}"
        if is_repeated:
            _fill_repeated(getattr(message, name), value, convert, here)
        elif convert is None:
            child = getattr(message, name)
            child.SetInParent()
            fill(child, value, here)
        else:
            setattr(message, name, convert(value, here))


def _fill_repeated(target: Any, values: Any, convert: Convert | None, path: str) -> None:
    if not isinstance(values, list):
        raise BadInput("expected an array", path=path)
    for index, value in enumerate(values):
        here = f"{path}[{index}]"
        if convert is None:
            fill(target.add(), value, here)
        else:
            target.append(convert(value, here))


@lru_cache(maxsize=256)
def _fields(descriptor: Descriptor) -> dict[str, tuple[str, bool, Convert | None]]:
    """LowerCamelCase key -> (field name, repeated, conversion; None for a message)."""
    return {
        field.json_name: (field.name, bool(field.is_repeated), _conversion(field))
        for field in descriptor.fields
        if not field.name.endswith(_STRING_TABLE)
    }


def _conversion(field: FieldDescriptor) -> Convert | None:
    kind = field.type
    if kind == FieldDescriptor.TYPE_MESSAGE:
        return None
    if kind in _INTEGERS:
        low, high = _INTEGERS[kind]
        return lambda value, path: _integer(value, path, low, high)
    if kind == FieldDescriptor.TYPE_ENUM:
        return _enum
    if kind == FieldDescriptor.TYPE_STRING:
        return _string
    if kind == FieldDescriptor.TYPE_BOOL:
        return _boolean
    if kind == FieldDescriptor.TYPE_BYTES:
        return _hex if field.name in HEX_FIELDS else _bytes
    return _float


def _string(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise BadInput("expected a string", path=path)
    return value


def _boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise BadInput("expected true or false", path=path)
    return value


def _integer(value: Any, path: str, low: int, high: int) -> int:
    """A number without fraction, or its decimal text."""
    number: Any = value
    if isinstance(value, str) and len(value) <= 21:
        digits = value.removeprefix("-")
        number = int(value) if digits.isascii() and digits.isdigit() else None
    elif isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int):
        raise BadInput("expected an integer or its decimal string", path=path)
    if not low <= number < high:
        raise BadInput("the integer is out of range", path=path)
    return number


def _enum(value: Any, path: str) -> int:
    """Integers alone, also of values that are not known yet; no names, no decimal strings."""
    if isinstance(value, str):
        raise BadInput("expected the integer of the enum, not its name", path=path)
    return _integer(value, path, -(1 << 31), 1 << 31)


def _float(value: Any, path: str) -> float:
    if isinstance(value, bool):
        raise BadInput("expected a number", path=path)
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        if value in _FLOATS:
            return _FLOATS[value]
        number = float(value) if _NUMBER.fullmatch(value) else math.inf
        if math.isfinite(number):
            return number
    raise BadInput("expected a number", path=path)


def _hex(value: Any, path: str) -> bytes:
    text = _string(value, path)
    if not _HEX.fullmatch(text):
        raise BadInput("expected an id in hex (base64 is not OTLP/JSON)", path=path)
    return bytes.fromhex(text)


def _bytes(value: Any, path: str) -> bytes:
    try:
        return base64.b64decode(_string(value, path), validate=True)
    except (binascii.Error, ValueError):
        raise BadInput("expected base64", path=path) from None
