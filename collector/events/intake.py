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
from collector.rejections import EVENT_SCHEMA, Rejections
from kernel.clock import Clock
from kernel.errors import BadInput
from kernel.ids import uuid7
from kernel.journal import Append, Item, Stream
from kernel.shop_event import ShopEvent, encode_event, event_key

FORMAT = "shop.events"
MAX_BODY_BYTES = 4 * 1024**2
# Mode of a dead letter that was judged by the rules of CloudEvents.
STRICT = "cloudevents"


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
        """Decode, redact and check. Raises TooLarge or UnsupportedFormat for the whole.

        `headers` have lower-case names. One bad item never takes its batch with it; a body that
        cannot be read is one bad item.
        """
        try:
            plain = decompress(body, headers.get("content-encoding", ""), MAX_BODY_BYTES)
            decoded = decode(plain, headers)
        except BadInput as fault:
            return self._unreadable(body, fault, sender)
        events: list[ShopEvent] = []
        generated: list[dict[str, Any]] = []
        mode = STRICT if decoded.strict else ""
        rejections = Rejections(self._redactor, EVENT_SCHEMA, mode=mode)
        context = Context(self._clock.now_us(), sender, decoded.strict)
        for raw in decoded.items:
            try:
                event = self._event(raw, context)
            except BadInput as fault:
                rejections.add(raw.index, fault, raw.value, raw.raw)
                continue
            if not event.id:
                event = msgspec.structs.replace(event, id=uuid7(self._clock))
                generated.append({"index": raw.index, "id": event.id})
            events.append(event)
        append = self._append(events, rejections.letters, sender)
        refusal = rejections.refusal() if decoded.single else None
        return Prepared(append, rejections.answers, generated, refusal)

    def _unreadable(self, body: bytes, fault: BadInput, sender: str) -> Prepared:
        rejections = Rejections(self._redactor, EVENT_SCHEMA)
        rejections.add(0, fault, raw=body)
        append = self._append([], rejections.letters, sender)
        return Prepared(append, rejections.answers, refusal=fault)

    def _event(self, raw: RawItem, context: Context) -> ShopEvent:
        if raw.error:
            raise BadInput(raw.error, rule="event.json")
        return shop_event(self._redactor.document(raw.value), context)

    @staticmethod
    def _append(events: list[ShopEvent], letters: list[dict[str, Any]], sender: str) -> Append:
        sources = {event.source for event in events}
        return Append(
            stream=Stream.SHOP,
            source=sources.pop() if len(sources) == 1 else sender,
            format=FORMAT,
            items=[
                Item(encode_event(event), event_key(event.source, event.id)) for event in events
            ],
            rejected=letters,
            detail={"sender": sender},
        )
