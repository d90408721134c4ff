"""From an OTLP body to what is appended and answered; shared by HTTP and gRPC."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from collector.bodies import decompress
from collector.otlp.json_decode import decode_json
from collector.otlp.redact import redact
from collector.otlp.signals import Signal
from collector.otlp.status import response_of
from collector.otlp.validate import drop_invalid, remarks
from collector.redaction import Redactor
from kernel.clock import MINUTE_US
from kernel.errors import BadInput
from kernel.journal import Append, Item, Stream

MAX_BYTES = 64 * 1024**2
# Longer than any SDK retries one batch; shorter than the life of a repeated true batch.
DEDUP_HORIZON_US = 10 * MINUTE_US
_MAX_NOTED = 100


@dataclass(frozen=True)
class Prepared:
    """`append` is None where the request held nothing to store. `response` is the message."""

    append: Append | None
    response: Any


class OtlpIntake:
    """Decodes, refuses single bad items, redacts. CPU-bound and without I/O: run it in a thread."""

    def __init__(self, redactor: Redactor, max_bytes: int = MAX_BYTES) -> None:
        """`max_bytes` bounds a body before and after decompression."""
        self.max_bytes = max_bytes
        self._redactor = redactor

    def prepare(
        self, signal: Signal, body: bytes, *, as_json: bool, encoding: str, sender: str
    ) -> Prepared:
        """Raises BadInput, TooLarge or UnsupportedFormat for the whole request."""
        plain = decompress(body, encoding, self.max_bytes)
        message = self._decode(signal, plain, as_json=as_json)
        refused = drop_invalid(message)
        redact(message, self._redactor)
        response = response_of(signal, refused, remarks(message))
        stored = message.SerializeToString(deterministic=True)
        if not stored and not refused:
            return Prepared(None, response)
        append = Append(
            stream=Stream.RAW,
            source=sender,
            format=signal.format,
            items=[Item(stored, self._digest(signal, sender, stored))] if stored else [],
            whole=True,
            horizon_us=DEDUP_HORIZON_US,
            rejected=[
                {"index": one.index, "path": f"$[{one.index}]", "reason": one.reason}
                for one in refused[:_MAX_NOTED]
            ],
        )
        return Prepared(append, response)

    @staticmethod
    def _decode(signal: Signal, plain: bytes, *, as_json: bool) -> Any:
        message = signal.request()
        if as_json:
            return decode_json(plain, message) if plain.strip() else message
        try:
            message.ParseFromString(plain)
        except DecodeError as error:
            raise BadInput(
                f"not a protobuf {message.DESCRIPTOR.name}: {str(error)[:120]}", path="body"
            ) from None
        return message

    @staticmethod
    def _digest(signal: Signal, sender: str, stored: bytes) -> bytes:
        """Of the redacted bytes: an unkeyed digest of card data would give it away."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{signal.name}\0{sender}\0".encode())
        digest.update(stored)
        return digest.digest()
