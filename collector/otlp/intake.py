"""From an OTLP body to what is appended and answered; shared by HTTP and gRPC."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from collector.bodies import decompress
from collector.otlp.json_decode import decode_json
from collector.otlp.redact import redact
from collector.otlp.refused import letters_of
from collector.otlp.signals import Signal
from collector.otlp.validate import Refused, drop_invalid
from collector.redaction import Redactor
from kernel.clock import MINUTE_US
from kernel.errors import BadInput
from kernel.journal import Append, Item, Stream

MAX_BYTES = 64 * 1024**2
# Longer than any SDK retries one batch; shorter than the life of a repeated true batch.
DEDUP_HORIZON_US = 10 * MINUTE_US


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
        letters: list[dict[str, Any]] = []
        if refused:  # what was dropped is looked up in the request as it came
            whole = self._decode(signal, plain, as_json=as_json)
            letters = letters_of(signal, whole, refused, self._redactor)
        redact(message, self._redactor)
        response = self._response(signal, refused)
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
            rejected=letters,
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
    def _response(signal: Signal, refused: list[Refused]) -> Any:
        """`partial_success` stays unset where everything was taken."""
        response = signal.response()
        if refused:
            setattr(response.partial_success, signal.rejected_field, len(refused))
            first = refused[0]
            response.partial_success.error_message = (
                f"{len(refused)} refused; the first at index {first.index}: {first.reason}"
            )
        return response

    @staticmethod
    def _digest(signal: Signal, sender: str, stored: bytes) -> bytes:
        """Of the redacted bytes: an unkeyed digest of card data would give it away."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{signal.name}\0{sender}\0".encode())
        digest.update(stored)
        return digest.digest()
