"""From a body to a durable receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from collector.bodies import decompress
from collector.events.decode import RawItem, decode
from collector.events.item import Context, shop_event
from collector.redaction import Redactor
from kernel.clock import Clock
from kernel.errors import BadInput
from kernel.ids import uuid7
from kernel.journal import Append, Item, Stream, class_of_event
from kernel.shop_event import ShopEvent, encode_event, event_key

MAX_BODY_BYTES = 4 * 1024**2


@dataclass
class Prepared:
    """What is to be appended, and what the answer says beside the receipt.

    `refusal`: the body was one event and it was bad: the receipt is written all the same (so
    that the dead letter can be found), and then this is raised.
    """

    append: Append
    rejected: list[dict[str, Any]] = field(default_factory=list)
    generated_ids: list[dict[str, Any]] = field(default_factory=list)
    refusal: BadInput | None = None


class EventIntake:
    """Checks and redacts bodies of shop events. Pure but for the clock; safe between threads."""

    def __init__(self, redactor: Redactor, clock: Clock) -> None:
        self._redactor = redactor
        self._clock = clock

    def prepare(self, body: bytes, headers: Mapping[str, str], sender: str) -> Prepared:
        """Decode, redact and check. Raises BadInput, TooLarge or UnsupportedFormat for the whole.

        `headers` have lower-case names. One bad item never takes its batch with it.
        """
        plain = decompress(body, headers.get("content-encoding", ""), MAX_BODY_BYTES)
        decoded = decode(plain, headers)
        events: list[ShopEvent] = []
        rejected: list[dict[str, Any]] = []
        generated: list[dict[str, Any]] = []
        faults: list[BadInput] = []
        context = Context(self._clock.now_us(), sender, decoded.strict)
        for raw in decoded.items:
            try:
                event = self._event(raw, context)
            except BadInput as fault:
                faults.append(fault)
                rejected.append(
                    {"index": raw.index, "path": fault.path, "reason": self._reason(fault)}
                )
                continue
            if not event.id:
                event = msgspec.structs.replace(event, id=uuid7(self._clock))
                generated.append({"index": raw.index, "id": event.id})
            events.append(event)
        append = self._append(events, rejected, sender)
        refusal = self._refusal(faults[0], rejected) if decoded.single and faults else None
        return Prepared(append, rejected, generated, refusal)

    def _event(self, raw: RawItem, context: Context) -> ShopEvent:
        if raw.error:
            raise BadInput(raw.error)
        return shop_event(self._redactor.document(raw.value), context)

    def _reason(self, fault: BadInput) -> str:
        return self._redactor.text(f"{fault.path}: {fault.message}"[:500])

    @staticmethod
    def _append(events: list[ShopEvent], rejected: list[dict[str, Any]], sender: str) -> Append:
        labels = [(event.source, class_of_event(event.type)) for event in events]
        distinct = set(labels)
        sources = {source for source, _ in distinct}
        return Append(
            stream=Stream.SHOP,
            source=sources.pop() if len(sources) == 1 else sender,
            format="shop.events",
            items=[
                Item(encode_event(event), event_key(event.source, event.id)) for event in events
            ],
            rejected=rejected,
            detail={"sender": sender},
            sender=sender,
            item_class=min((one for _, one in distinct), key=lambda one: one.rank, default=None),
            labels=labels if len(distinct) > 1 else (),
        )

    @staticmethod
    def _refusal(fault: BadInput, rejected: list[dict[str, Any]]) -> BadInput:
        return BadInput(rejected[0]["reason"], path=fault.path, hint=fault.hint, problems=rejected)
