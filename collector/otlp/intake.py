"""From an OTLP body to what is appended and answered; shared by HTTP and gRPC."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collector.bodies import Grow, decompress, no_budget
from collector.otlp.clean import Cleaner
from collector.otlp.json_decode import decode_json
from collector.otlp.refused import letters_of
from collector.otlp.signals import Signal
from collector.otlp.status import response_of
from collector.otlp.stored import packed
from collector.otlp.validate import Refused
from collector.otlp.worth import worth
from collector.redaction import Redactor
from kernel.clock import MINUTE_US
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
        self._cleaner = Cleaner(redactor)

    def prepare(
        self,
        signal: Signal,
        body: bytes,
        *,
        as_json: bool,
        encoding: str,
        sender: str,
        grow: Grow = no_budget,
    ) -> Prepared:
        """Raises BadInput, TooLarge or UnsupportedFormat for the whole request.

        `grow` is told what inflating keeps in memory, and may raise Refused.
        """
        plain = decompress(body, encoding, self.max_bytes, grow)
        clean = self._cleaner.json if as_json else self._cleaner.protobuf
        found = clean(signal, plain)
        response = response_of(signal, found.refused, found.remarks)
        if not found.body and not found.refused:
            return Prepared(None, response)
        stored, detail = packed(found.body, as_json=found.as_json)
        append = Append(
            stream=Stream.RAW,
            source=sender,
            format=signal.format,
            items=[Item(stored, self._digest(signal, sender, stored))] if found.body else [],
            whole=True,
            horizon_us=DEDUP_HORIZON_US,
            rejected=self._letters(signal, plain, found.refused, as_json=as_json),
            detail=detail,
            rejected_count=len(found.refused),
            item_class=worth(signal, found.held),
            holds=found.held.items,
        )
        return Prepared(append, response)

    def _letters(
        self, signal: Signal, plain: bytes, refused: Sequence[Refused], *, as_json: bool
    ) -> list[dict[str, Any]]:
        """Looked up in the request as it came: only who sends what is refused pays for it."""
        if not refused:
            return []
        message = signal.request()
        if as_json:
            decode_json(plain, message)
        else:
            message.ParseFromString(plain)
        return letters_of(signal, message, refused, self._redactor)

    @staticmethod
    def _digest(signal: Signal, sender: str, stored: bytes) -> bytes:
        """Of the redacted bytes: an unkeyed digest of card data would give it away."""
        digest = hashlib.sha256(f"{signal.name}\0{sender}\0".encode())
        digest.update(stored)
        return digest.digest()[:16]
