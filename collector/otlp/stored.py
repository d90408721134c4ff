"""How OTLP lies in the journal: as it came where it was clean, compressed, in either form.

Decoding is here alone. Whoever reads a record need not know whether it came as JSON.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import zstandard
from google.protobuf.message import DecodeError

from collector.bodies import decompress
from collector.otlp.json_decode import fill
from collector.otlp.signals import BY_FORMAT
from kernel.errors import BadInput, TillwatchError
from kernel.journal import JournalRecord

FORM: Final = "form"
ENCODING: Final = "encoding"
JSON: Final = "json"
# Below this a frame's head is most of the gain; the level costs half of level 1 for a third more.
_WORTH_IT_BYTES = 1024
_LEVEL = -3
_MAX_BYTES = 128 * 1024**2
_threads = threading.local()


def packed(body: bytes, *, as_json: bool) -> tuple[bytes, dict[str, str]]:
    """The bytes to store, and the record's detail that tells how to read them."""
    detail = {FORM: JSON} if as_json else {}
    if len(body) < _WORTH_IT_BYTES:
        return body, detail
    return _compressor().compress(body), {**detail, ENCODING: "zstd"}


def plain(record: JournalRecord) -> bytes:
    """The record's body as it was packed. Raises BadInput where it is damaged."""
    try:
        return decompress(record.body, record.detail.get(ENCODING, ""), _MAX_BYTES)
    except TillwatchError as error:
        raise BadInput(error.message) from None


def message_of(record: JournalRecord, body: bytes | None = None) -> Any:
    """The Export*ServiceRequest of an OTLP record. Raises BadInput where no rule can read it.

    `body`: what `plain` gave, where it is already at hand.
    """
    body = plain(record) if body is None else body
    message = BY_FORMAT[record.format].request()
    if is_json(record.detail):
        return _filled(message, body)
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise BadInput(f"not a protobuf {message.DESCRIPTOR.name}: {str(error)[:120]}") from None
    return message


def _filled(message: Any, body: bytes) -> Any:
    """What the door took is not judged again: what stands under unknown keys does not matter."""
    try:
        fill(message, msgspec.json.decode(body), "$")
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadInput(f"not OTLP/JSON: {str(error)[:120]}") from None
    return message


def is_json(detail: Mapping[str, str]) -> bool:
    """Whether the record's body is OTLP/JSON."""
    return detail.get(FORM) == JSON


def _compressor() -> zstandard.ZstdCompressor:
    """One for each thread: it may not be shared."""
    found: zstandard.ZstdCompressor | None = getattr(_threads, "compressor", None)
    if found is None:
        found = _threads.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    return found
