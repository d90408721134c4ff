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
from kernel.clock import Clock
from kernel.errors import BadInput
from kernel.ids import uuid7
from kernel.journal import Append, Item, Stream, class_of_event
from kernel.shop_event import encode_event, event_key

MAX_BODY_BYTES = 4 * 1024**2
_RULES = DataRules()

Places = Callable[[bytes], Sequence[int]]


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
        self._places = places or sieve_for(SieveForm.JSON).places

    def prepare(self, body: bytes, headers: Mapping[str, str], sender: str) -> Prepared:
        """Decode, redact and check. Raises BadInput, TooLarge or UnsupportedFormat for the whole.

        `headers` have lower-case names. One bad item never takes its batch with it.
        """
        plain = decompress(body, headers.get("content-encoding", ""), MAX_BODY_BYTES)
        return self.finish(self.begin(plain, headers, sender))

    def begin(self, body: bytes, headers: Mapping[str, str], sender: str) -> Draft:
        """All items of the common shape, quickly. `body` is decompressed; raises as `prepare`."""
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

    def finish(self, draft: Draft) -> Prepared:
        """The odd items, carefully."""
        rejected: list[dict[str, Any]] = []
        generated: list[dict[str, Any]] = []
        faults: list[BadInput] = []
        for index, one in enumerate(draft.checked):
            if one is not None:
                continue
            try:
                event = shop_event(self._value(draft, index), draft.context)
            except BadInput as fault:
                faults.append(fault)
                rejected.append({"index": index, "path": fault.path, "reason": self._reason(fault)})
                continue
            if not event.id:
                event = msgspec.structs.replace(event, id=uuid7(self._clock))
                generated.append({"index": index, "id": event.id})
            draft.checked[index] = Checked(event.source, event.id, event.type, encode_event(event))
        append = self._append([one for one in draft.checked if one], rejected, draft.context)
        single = draft.shape.form in {Form.ONE, Form.BINARY}
        refusal = self._refusal(faults[0], rejected) if single and faults else None
        return Prepared(append, rejected, generated, refusal)

    def _value(self, draft: Draft, index: int) -> Any:
        if draft.shape.form is Form.BINARY:
            value: Any = binary_event(draft.body, draft.headers)
        else:
            value = value_of(draft.texts[index])
        return self._redactor.document(value)

    def _reason(self, fault: BadInput) -> str:
        return self._redactor.text(f"{fault.path}: {fault.message}"[:500])

    @staticmethod
    def _append(
        events: Sequence[Checked], rejected: list[dict[str, Any]], context: Context
    ) -> Append:
        labels = [(event.source, class_of_event(event.type)) for event in events]
        distinct = set(labels)
        sources = {source for source, _ in distinct}
        return Append(
            stream=Stream.SHOP,
            source=sources.pop() if len(sources) == 1 else context.default_source,
            format="shop.events",
            items=[Item(event.data, event_key(event.source, event.id)) for event in events],
            rejected=rejected,
            detail={"sender": context.default_source},
            sender=context.default_source,
            item_class=min((one for _, one in distinct), key=lambda one: one.rank, default=None),
            labels=labels if len(distinct) > 1 else (),
        )

    @staticmethod
    def _refusal(fault: BadInput, rejected: list[dict[str, Any]]) -> BadInput:
        return BadInput(rejected[0]["reason"], path=fault.path, hint=fault.hint, problems=rejected)
