"""Bodies of `POST /api/events` become items: JSON, NDJSON, and the modes of CloudEvents over HTTP.

Mode after the CloudEvents HTTP binding section 3: `application/cloudevents-batch` is asked for
before `application/cloudevents`, since the second is a prefix of the first.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from collector.events.envelope import is_json_type
from collector.events.headers import attributes_of, is_binary
from kernel import strict_json
from kernel.errors import BadInput, TooLarge, UnsupportedFormat

MAX_ITEMS = 1_000
_GAP = re.compile(r"[ \t\n\r]*")
# Only finds where an item ends: numbers stay text, so that none is too large to be read.
_LENIENT = json.JSONDecoder(parse_int=str, parse_float=str)
_STRUCTURED = "application/cloudevents"
_BATCH = "application/cloudevents-batch"
_LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
_PLAIN = frozenset({"application/json", "text/json", "text/plain"})
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Form(Enum):
    """How items lie in a body."""

    ONE = "one"
    ARRAY = "array"
    LINES = "lines"
    BINARY = "binary"


@dataclass(frozen=True)
class Shape:
    """The form of a body. `strict`: its items are held to the rules of CloudEvents."""

    form: Form
    strict: bool


@dataclass(frozen=True)
class RawItem:
    """One decoded item, or why there is none (`error`) and what came instead (`raw`)."""

    index: int
    value: Any = None
    error: str = ""
    raw: str | bytes = b""


@dataclass(frozen=True)
class Decoded:
    """All items of a body. `single`: it was one event; `strict`: CloudEvents rules hold."""

    items: list[RawItem]
    single: bool
    strict: bool


def decode(body: bytes, headers: Mapping[str, str]) -> Decoded:
    """Items of a decompressed body. `headers` have lower-case names.

    Raises BadInput where nothing of the body can be read, TooLarge beyond 1,000 items.
    """
    shape = shape_of(body, headers)
    if shape.form is Form.BINARY:
        items = [RawItem(0, binary_event(body, headers))]
    elif shape.form is Form.ONE:
        items = [RawItem(0, value_of(body))]
    else:
        items = [loaded(*one) for one in enumerate(texts_of(body, shape.form))]
    return Decoded(items, shape.form in {Form.ONE, Form.BINARY}, shape.strict)


def shape_of(body: bytes, headers: Mapping[str, str]) -> Shape:
    """What the headers say of a body. Raises UnsupportedFormat."""
    given = headers.get("content-type", "")
    media_type = given.split(";", 1)[0].strip().lower()
    for prefix, form in ((_BATCH, Form.ARRAY), (_STRUCTURED, Form.ONE)):
        if media_type in {prefix, f"{prefix}+json"}:
            return Shape(form, strict=True)
        if media_type.startswith(prefix):
            raise _unsupported(media_type)
    if is_binary(headers):
        return Shape(Form.BINARY, strict=True)
    if media_type in _LINES:
        return Shape(Form.LINES, strict=False)
    if media_type not in _PLAIN:
        raise _unsupported(media_type)
    is_array = body.lstrip()[:1] == b"["
    return Shape(Form.ARRAY if is_array else Form.ONE, strict=False)


def texts_of(body: bytes, form: Form) -> Sequence[bytes | str]:
    """The JSON text of each item; what breaks a rule inside of an item is that item's fault.

    Raises BadInput where the body does not fall into items, TooLarge beyond 1,000 of them.
    """
    if form is Form.ONE:
        return [body]
    if form is Form.LINES:
        lines = [line for line in body.splitlines() if line.strip()]
        _bound(len(lines))
        return lines
    try:
        raws = _split(body)
    except (msgspec.DecodeError, RecursionError):
        return _odd_array(body)
    _bound(len(raws))
    return [bytes(raw) for raw in raws]


def value_of(text: bytes | str) -> Any:
    """One item from its text. Raises BadInput."""
    if not text.strip():
        raise BadInput("the body is empty", hint="send a JSON object, an array or NDJSON")
    return _unbase64(strict_json.loads(text))


def loaded(index: int, text: str | bytes) -> RawItem:
    """The same, with the fault instead of the item where there is one."""
    try:
        return RawItem(index, value_of(text))
    except BadInput as error:
        return RawItem(index, error=error.message, raw=text)


def binary_event(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """An event in binary mode: attributes from `ce-` headers, data from the body."""
    event: dict[str, Any] = dict(attributes_of(headers))
    if body:
        content_type = headers.get("content-type", "")
        if not is_json_type(content_type.strip()):
            raise _unsupported(content_type)
        event["data"] = strict_json.loads(body)
    return event


def _unsupported(media_type: str) -> UnsupportedFormat:
    if not media_type:
        return UnsupportedFormat(
            "the body has no Content-Type", hint="say what it is, for example application/json"
        )
    return UnsupportedFormat(
        f"the content type {media_type[:80]!r} is not supported",
        hint="send application/json, application/x-ndjson or application/cloudevents+json",
    )


def _odd_array(body: bytes) -> list[str]:
    """The items of an array that our quick splitter does not take, found by its grammar alone."""
    texts = _item_texts(body)
    if texts is not None:
        return texts
    if not isinstance(strict_json.loads(body), list):
        raise BadInput("a batch is a JSON array")
    raise BadInput("the array cannot be taken apart")


def _item_texts(body: bytes) -> list[str] | None:
    """The text of each item of an array, found by its grammar alone; None where that is broken."""
    found: list[str] = []
    try:
        text = strict_json.decode_utf8(body)
        at = _skip(text, 0)
        while text[at] == "[" if not found else text[at] == ",":
            start = _skip(text, at + 1)
            end = _LENIENT.raw_decode(text, start)[1]
            found.append(text[start:end])
            _bound(len(found))
            at = _skip(text, end)
        whole = text[at] == "]" and _skip(text, at + 1) == len(text)
    except (BadInput, ValueError, IndexError, RecursionError):
        return None
    return found if whole else None


def _skip(text: str, at: int) -> int:
    """Where the white space at this place ends."""
    match = _GAP.match(text, at)
    return match.end() if match else at


def _bound(count: int) -> None:
    if count > MAX_ITEMS:
        raise TooLarge(
            f"{count} items in one request, {MAX_ITEMS} are allowed", hint="send smaller batches"
        )


def _unbase64(event: Any) -> Any:
    """`data_base64` holding JSON counts as `data`; both at once are left to be refused."""
    if not isinstance(event, dict) or "data_base64" not in event:
        return event
    given = event["data_base64"]
    rest = {name: value for name, value in event.items() if name != "data_base64"}
    if given is None:
        return rest
    if "data" in event:
        return event
    try:
        return {**rest, "data": strict_json.loads(base64.b64decode(str(given), validate=True))}
    except (ValueError, BadInput):  # no base64, or of something else
        return event
