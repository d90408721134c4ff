"""Runs a kept item through today's intake, as if it came now from whom and when it came then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from collector.changes.intake import FORMAT as CHANGE
from collector.changes.intake import ChangeIntake
from collector.events.intake import FORMAT as EVENT
from collector.events.intake import STRICT
from collector.events.item import Context, shop_event
from collector.otlp.intake import OtlpIntake
from collector.otlp.signals import BY_FORMAT
from collector.redaction import Redactor
from kernel.errors import BadInput
from kernel.journal import Append, Item, Letter, Stream
from kernel.shop_event import encode_event, event_key

# Gives what is to be appended. Raises BadInput where the item is still bad.
Judge = Callable[[Letter, Any], Append]
_PREFIX: Final = "deadletter:"


class Judges:
    """By the format of the letter. A format without a judge can only be sent again by its sender:
    a provider's item that was refused for its signature proves nothing once it is redacted.
    """

    def __init__(self, redactor: Redactor, changes: ChangeIntake, otlp: OtlpIntake) -> None:
        self._redactor = redactor
        self._changes = changes
        self._otlp = otlp
        self._by_format: Mapping[str, Judge] = {
            EVENT: self._event,
            CHANGE: self._change,
            **dict.fromkeys(BY_FORMAT, self._export),
        }

    def judge(self, letter: Letter, item: Any) -> Append | None:
        """The append that puts the letter right; None where nobody can judge its format.

        Raises BadInput with the new reason, RedactionFailed where a value cannot be judged.
        """
        judge = self._by_format.get(letter.format)
        return judge(letter, item) if judge else None

    def redacted(self, document: Any) -> Any:
        """A document as it may be kept."""
        return self._redactor.document(document)

    def text(self, text: str) -> str:
        """A text as it may be kept."""
        return self._redactor.text(text)

    def _event(self, letter: Letter, item: Any) -> Append:
        """Its declared key where it has one, else one that the letter gives: so it counts once."""
        context = Context(letter.received_us, letter.sender, letter.kept.mode == STRICT)
        event = shop_event(self._redactor.document(item), context)
        if not event.id:
            event = msgspec.structs.replace(event, id=_PREFIX + letter.id)
        key = event_key(event.source, event.id)
        detail = {"sender": letter.sender, "replays": letter.id}
        return Append(
            Stream.SHOP,
            event.source,
            EVENT,
            [Item(encode_event(event), key)],
            detail=detail,
            replays=letter.id,
        )

    def _change(self, letter: Letter, item: Any) -> Append:
        change = self._changes.item(item, letter.received_us, letter.sender)
        keyed = Item(change.data, change.key or event_key(_PREFIX, letter.id))
        return Append(Stream.RAW, letter.sender, CHANGE, [keyed], replays=letter.id)

    def _export(self, letter: Letter, item: Any) -> Append:
        """A span or a point, as the smallest export that holds it."""
        signal, body = BY_FORMAT[letter.format], msgspec.json.encode(item)
        prepared = self._otlp.prepare(signal, body, as_json=True, encoding="", sender=letter.sender)
        if prepared.append is None:
            raise BadInput("nothing is left of the export", rule="otlp.empty")
        if prepared.append.rejected:
            again = prepared.append.rejected[0]
            raise BadInput(
                str(again["reason"]), path=str(again["path"]), rule=str(again.get("rule", ""))
            )
        return replace(prepared.append, replays=letter.id)
