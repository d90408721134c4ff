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
        """Raises BadInput, TooLarge or UnsupportedFormat for the whole body."""
        plain = decompress(body, headers.get("content-encoding", ""), MAX_BODY_BYTES)
        decoded = decode(plain, headers)
        items: list[Item] = []
        rejected: list[dict[str, Any]] = []
        faults: list[BadInput] = []
        for raw in decoded.items:
            try:
                items.append(self._item(raw.value, raw.error, sender))
            except BadInput as fault:
                faults.append(fault)
                reason = self._redactor.text(f"{fault.path}: {fault.message}"[:500])
                rejected.append({"index": raw.index, "path": fault.path, "reason": reason})
        append = Append(
            stream=Stream.RAW, source=sender, format=FORMAT, items=items, rejected=rejected
        )
        refusal = None
        if decoded.single and faults:
            refusal = BadInput(
                rejected[0]["reason"],
                path=faults[0].path,
                hint=faults[0].hint,
                problems=rejected,
            )
        return Prepared(append, rejected, refusal=refusal)

    def _item(self, value: Any, error: str, sender: str) -> Item:
        if error:
            raise BadInput(error)
        stored = change_of(self._redactor.document(value), self._clock.now_us())
        stored.setdefault("source", sender)
        key = None
        if stored.get("id"):
            key = event_key(f"change\0{stored['source']}", stored["id"])
        return Item(msgspec.json.encode(stored), key)
