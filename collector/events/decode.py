"""Bodies of `POST /api/events` become items: JSON, NDJSON, and the modes of CloudEvents over HTTP.

Mode after the CloudEvents HTTP binding section 3: `application/cloudevents-batch` is asked for
before `application/cloudevents`, since the second is a prefix of the first.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from kernel import strict_json
from kernel.errors import BadInput, TooLarge, UnsupportedFormat

MAX_ITEMS = 1_000
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\Z')
_GAP = re.compile(r"[ \t\n\r]*")
# Only finds where an item ends: numbers stay text, so that none is too large to be read.
_LENIENT = json.JSONDecoder(parse_int=str, parse_float=str)
_STRUCTURED = "application/cloudevents"
_BATCH = "application/cloudevents-batch"


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
    media_type = headers.get("content-type", "application/json").split(";")[0].strip().lower()
    if media_type.startswith(_BATCH):
        return _batch(body, strict=True)
    if media_type.startswith(_STRUCTURED):
        return Decoded([RawItem(0, _unbase64(_json_of(body)))], single=True, strict=True)
    if "ce-specversion" in headers:
        return Decoded([RawItem(0, _binary(body, headers, media_type))], single=True, strict=True)
    if media_type in {"application/x-ndjson", "application/ndjson", "application/jsonl"}:
        return _lines(body)
    if media_type not in {"application/json", "text/json", "text/plain", ""}:
        raise UnsupportedFormat(
            f"the content type {media_type[:80]!r} is not supported",
            hint="send application/json, application/x-ndjson or application/cloudevents+json",
        )
    if body.lstrip().startswith(b"["):
        return _batch(body, strict=False)
    return Decoded([RawItem(0, _json_of(body))], single=True, strict=False)


def _json_of(body: bytes) -> Any:
    if not body.strip():
        raise BadInput("the body is empty", hint="send a JSON object, an array or NDJSON")
    return strict_json.loads(body)


def _array(document: Any, *, strict: bool) -> Decoded:
    if not isinstance(document, list):
        raise BadInput("a batch is a JSON array")
    _bound(len(document))
    items = [RawItem(index, _unbase64(value)) for index, value in enumerate(document)]
    return Decoded(items, single=False, strict=strict)


def _batch(body: bytes, *, strict: bool) -> Decoded:
    """An array. Items that break a rule of strict JSON are bad items, and their neighbours good."""
    try:
        return _array(_json_of(body), strict=strict)
    except BadInput:
        texts = _item_texts(body)
        if texts is None:
            raise
    return Decoded([_loaded(*one) for one in enumerate(texts)], single=False, strict=strict)


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


def _loaded(index: int, text: str | bytes) -> RawItem:
    try:
        return RawItem(index, _unbase64(strict_json.loads(text)))
    except BadInput as error:
        return RawItem(index, error=error.message, raw=text)


def _lines(body: bytes) -> Decoded:
    """One item per line that is not blank; a bad line is a bad item."""
    lines = [line for line in body.splitlines() if line.strip()]
    _bound(len(lines))
    return Decoded([_loaded(*one) for one in enumerate(lines)], single=False, strict=False)


def _bound(count: int) -> None:
    if count > MAX_ITEMS:
        raise TooLarge(
            f"{count} items in one request, {MAX_ITEMS} are allowed", hint="send smaller batches"
        )


def _binary(body: bytes, headers: Mapping[str, str], media_type: str) -> dict[str, Any]:
    """Attributes from `ce-` headers, data from the body."""
    if "ce-datacontenttype" in headers:
        raise BadInput("the data content type belongs into Content-Type", path="ce-datacontenttype")
    event: dict[str, Any] = {
        name[3:]: header_value(value, name)
        for name, value in headers.items()
        if name.startswith("ce-")
    }
    if body.strip():
        if not (media_type.endswith("json") or media_type == ""):
            raise UnsupportedFormat(f"event data of type {media_type[:80]!r} is not supported")
        event["data"] = strict_json.loads(body)
    return event


def header_value(value: str, name: str) -> str:
    """A `ce-` header's value: unquoted, then percent-decoded once, strictly as UTF-8."""
    quoted = _QUOTED.match(value.strip())
    plain = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value
    try:
        return unquote_to_bytes(plain).decode("utf-8")
    except UnicodeDecodeError:
        raise BadInput("a header is not percent-encoded UTF-8", path=name) from None


def _unbase64(event: Any) -> Any:
    """`data_base64` holding JSON counts as `data`; both at once are left to be refused."""
    if not isinstance(event, dict) or "data_base64" not in event or "data" in event:
        return event
    try:
        data = base64.b64decode(str(event["data_base64"]), validate=True)
        decoded = strict_json.loads(data)
    except (binascii.Error, BadInput):
        return event
    rest = {name: value for name, value in event.items() if name != "data_base64"}
    return {**rest, "data": decoded}
