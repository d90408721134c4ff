"""From a body of changes to a durable record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from collector.bodies import decompress
from collector.changes.change import change_of
from collector.events.decode import decode
from collector.events.intake import MAX_BODY_BYTES, Prepared
from collector.redaction import Redactor
from collector.rejections import CHANGE_SCHEMA, Rejections
from kernel.clock import Clock
from kernel.errors import BadInput
from kernel.journal import Append, Item, Stream
from kernel.shop_event import event_key

FORMAT = "change"


class ChangeIntake:
    """Checks and redacts changes; the same body forms as shop events."""

    def __init__(self, redactor: Redactor, clock: Clock) -> None:
        self._redactor = redactor
        self._clock = clock

    def prepare(self, body: bytes, headers: Mapping[str, str], sender: str) -> Prepared:
        """Raises TooLarge or UnsupportedFormat; a body that cannot be read is one bad item."""
        items: list[Item] = []
        rejections = Rejections(self._redactor, CHANGE_SCHEMA)
        try:
            plain = decompress(body, headers.get("content-encoding", ""), MAX_BODY_BYTES)
            decoded = decode(plain, headers)
        except BadInput as fault:
            rejections.add(0, fault, raw=body)
            append = self._append(items, rejections, sender)
            return Prepared(append, rejections.answers, refusal=fault)
        for raw in decoded.items:
            try:
                items.append(self._item(raw.value, raw.error, sender))
            except BadInput as fault:
                rejections.add(raw.index, fault, raw.value, raw.raw)
        refusal = rejections.refusal() if decoded.single else None
        append = self._append(items, rejections, sender)
        return Prepared(append, rejections.answers, refusal=refusal)

    @staticmethod
    def _append(items: list[Item], rejections: Rejections, sender: str) -> Append:
        return Append(
            stream=Stream.RAW,
            source=sender,
            format=FORMAT,
            items=items,
            rejected=rejections.letters,
        )

    def _item(self, value: Any, error: str, sender: str) -> Item:
        if error:
            raise BadInput(error, rule="change.json")
        return self.item(value, self._clock.now_us(), sender)

    def item(self, value: Any, now_us: int, sender: str) -> Item:
        """What is stored of one change, received at that time. Raises BadInput."""
        stored = change_of(self._redactor.document(value), now_us)
        stored.setdefault("source", sender)
        key = None
        if stored.get("id"):
            key = event_key(f"change\0{stored['source']}", stored["id"])
        return Item(msgspec.json.encode(stored), key)
