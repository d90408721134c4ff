"""From a body to what is appended to the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from collector.bodies import decompress
from collector.events import common
from collector.events.common import Checked
from collector.events.data_rules import DataRules
from collector.events.decode import (
    MAX_ITEMS,
    Form,
    Shape,
    binary_event,
    shape_of,
    texts_of,
    value_of,
)
from collector.events.item import Context, shop_event
from collector.redaction import Redactor
from collector.redaction.sieve import Form as SieveForm
from collector.redaction.sieve import sieve_for
from collector.rejections import EVENT_SCHEMA, Rejections
from kernel.clock import Clock
from kernel.errors import BadInput
from kernel.ids import uuid7
from kernel.journal import Append, Item, Stream, class_of_event
from kernel.shop_event import encode_event, event_key

FORMAT = "shop.events"
MAX_BODY_BYTES = 4 * 1024**2
# Mode of a dead letter that was judged by the rules of CloudEvents.
STRICT = "cloudevents"
_RULES = DataRules()

Places = Callable[[bytes], Sequence[int]]


def _places(data: bytes) -> list[int]:
    return [place.last for place in sieve_for(SieveForm.JSON).places(data)]


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


@dataclass
class Draft:
    """A body half way: `checked` has None at each item that the careful way has to look at."""

    body: bytes
    headers: Mapping[str, str]
    shape: Shape
    context: Context
    texts: Sequence[bytes | str]
    checked: list[Checked | None]

    @property
    def odd(self) -> int:
        """How many items are left to look at."""
        return self.checked.count(None)


class EventIntake:
    """Checks and redacts bodies of shop events. Pure but for the clock; safe between threads."""

    def __init__(
        self,
        redactor: Redactor,
        clock: Clock,
        rules: DataRules = _RULES,
        places: Places | None = None,
    ) -> None:
        """`places`: where redaction might have something to do (default: the sieve for JSON)."""
        self._redactor = redactor
        self._clock = clock
        self._rules = rules
        self._places = places or _places

    def prepare(self, body: bytes, headers: Mapping[str, str], sender: str) -> Prepared:
        """Decode, redact and check. Raises TooLarge or UnsupportedFormat for the whole.

        `headers` have lower-case names. One bad item never takes its batch with it; a body that
        cannot be read is one bad item.
        """
        try:
            plain = decompress(body, headers.get("content-encoding", ""), MAX_BODY_BYTES)
            return self.finish(self.begin(plain, headers, sender))
        except BadInput as fault:
            return self.unreadable(body, fault, sender)

    def begin(self, body: bytes, headers: Mapping[str, str], sender: str) -> Draft:
        """All items of the common shape, quickly. Raises BadInput, TooLarge, UnsupportedFormat.

        `body` is decompressed.
        """
        shape = shape_of(body, headers)
        context = Context(self._clock.now_us(), sender, shape.strict, self._rules)
        texts: Sequence[bytes | str] = ()
        events: Sequence[common.CommonEvent | None] | None = None
        if shape.form is Form.BINARY:
            texts = [body]
            events = [None]
        elif shape.form is Form.ARRAY:
            events = common.read_array(body)
        if events is None or len(events) > MAX_ITEMS:
            texts = texts_of(body, shape.form)
            events = [common.read_one(text) for text in texts]
        checked = common.check(events, context, self._places)
        if None in checked and not texts:
            texts = texts_of(body, shape.form)
        return Draft(body, headers, shape, context, texts, checked)

    def unreadable(self, body: bytes, fault: BadInput, sender: str) -> Prepared:
        """A body of which nothing can be read is one bad item."""
        rejections = Rejections(self._redactor, EVENT_SCHEMA)
        rejections.add(0, fault, raw=body)
        append = self._append([], rejections.letters, sender)
        return Prepared(append, rejections.answers, refusal=fault)

    def finish(self, draft: Draft) -> Prepared:
        """The odd items, carefully."""
        mode = STRICT if draft.shape.strict else ""
        rejections = Rejections(self._redactor, EVENT_SCHEMA, mode=mode)
        generated: list[dict[str, Any]] = []
        for index, one in enumerate(draft.checked):
            if one is not None:
                continue
            value: Any = None
            try:
                value = self._value(draft, index)
                event = shop_event(self._redactor.document(value), draft.context)
            except BadInput as fault:
                rejections.add(index, fault, value, draft.texts[index])
                continue
            if not event.id:
                event = msgspec.structs.replace(event, id=uuid7(self._clock))
                generated.append({"index": index, "id": event.id})
            draft.checked[index] = Checked(event.source, event.id, event.type, encode_event(event))
        stored = [one for one in draft.checked if one]
        append = self._append(stored, rejections.letters, draft.context.default_source)
        single = draft.shape.form in {Form.ONE, Form.BINARY}
        refusal = rejections.refusal() if single else None
        return Prepared(append, rejections.answers, generated, refusal)

    @staticmethod
    def _value(draft: Draft, index: int) -> Any:
        """The decoded item. Raises BadInput where it is no JSON, or no header can be read."""
        if draft.shape.form is Form.BINARY:
            return binary_event(draft.body, draft.headers)
        try:
            return value_of(draft.texts[index])
        except BadInput as fault:
            raise BadInput(fault.message, path=fault.path, rule="event.json") from None

    @staticmethod
    def _append(events: Sequence[Checked], letters: list[dict[str, Any]], sender: str) -> Append:
        labels = [(event.source, class_of_event(event.type)) for event in events]
        distinct = set(labels)
        sources = {source for source, _ in distinct}
        return Append(
            stream=Stream.SHOP,
            source=sources.pop() if len(sources) == 1 else sender,
            format=FORMAT,
            items=[Item(event.data, event_key(event.source, event.id)) for event in events],
            rejected=letters,
            detail={"sender": sender},
            sender=sender,
            item_class=min((one for _, one in distinct), key=lambda one: one.rank, default=None),
            labels=labels if len(distinct) > 1 else (),
        )
