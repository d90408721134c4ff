"""From one delivery to a durable record: verified, trimmed, redacted, keyed."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from access.refusals import Window, admit, close
from collector.redaction import Redactor
from collector.sources.keyring import Keyring, Source
from collector.sources.port import (
    Answer,
    Delivery,
    Ignored,
    Note,
    Refused,
    Told,
    Verified,
    format_of,
    too_old,
)
from collector.sources.registry import stored_of
from collector.sources.tally import Outcome, Tally
from kernel.clock import Clock
from kernel.errors import BadInput, NotAuthenticated, TillwatchError, UnsupportedFormat
from kernel.journal import Append, Appended, Item, Stream
from kernel.observability import get_logger
from kernel.shop_event import event_key

MAX_BODY_BYTES = 2 * 1024**2
# Anybody can send a wrong signature: a flood of them costs the disk this many receipts a minute.
_FORGED_RECORDED_PER_MINUTE = 20
_log = get_logger(__name__)


@dataclass(frozen=True)
class Received:
    """What is to be appended, and what is said then.

    `refusal` is raised after the append, where there is one: nothing of the body could be taken.
    `append` is None where not even the refusal is worth a receipt (the flood is only counted), and
    where everything was `ignored`.
    """

    source: str
    append: Append | None
    refused: Sequence[Mapping[str, Any]]
    answer: Answer
    refusal: TillwatchError | None = None
    ignored: Sequence[Ignored] = ()


class WebhookIntake:
    """Safe between threads; pure but for the clock, the tally and the bound on recorded floods."""

    def __init__(self, keyring: Keyring, redactor: Redactor, clock: Clock, tally: Tally) -> None:
        self.keyring = keyring
        self.tally = tally
        self._redactor = redactor
        self._clock = clock
        self._lock = threading.Lock()
        self._floods: dict[str, Window] = {}

    def prepare(
        self, kind: str, name: str, body: bytes, headers: Mapping[str, str], token: str = ""
    ) -> Received:
        """Verify the raw `body`; `headers` have lower-case names, `token` is the address's.

        Raises NotFound or NotConfigured where there is no such source; what else is wrong is the
        `refusal` of the answer, so that it leaves a receipt.
        """
        source = self.keyring.source(kind, name)
        delivery = Delivery(body, headers, self._clock.now_us(), token)
        try:
            _check_encoding(headers)
            verified = self._not_too_old(source.kind.verify(delivery, source.keys), delivery.now_us)
        except NotAuthenticated as refusal:
            return self._forged(source, body, refusal, delivery.now_us)
        except (BadInput, UnsupportedFormat) as refusal:
            return self._unusable(source, body, refusal)
        return self._received(source, verified, delivery.now_us)

    def count(self, received: Received, appended: Appended) -> None:
        """Tally what was written."""
        self.tally.add(received.source, Outcome.ACCEPTED, appended.accepted)
        self.tally.add(received.source, Outcome.DUPLICATE, len(appended.duplicates))

    def _received(self, source: Source, verified: Verified, now_us: int) -> Received:
        faults = list(verified.refused)
        items: list[Item] = []
        for note in verified.notes:
            try:
                items.append(self._item(source, note, now_us))
            except BadInput as fault:
                faults.append(Refused(note.index, fault.path, fault.message, b""))
        refused = [self._entry(one) for one in faults]
        self.tally.add(source.name, Outcome.UNUSABLE, len(refused))
        refusal = None
        if refused and not items:
            refusal = BadInput(
                str(refused[0]["reason"]), path=str(refused[0]["path"]), problems=refused
            )
        self.tally.add(source.name, Outcome.IGNORED, len(verified.ignored))
        worth_it = items or refused or not verified.ignored
        append = self._append(source, items, refused) if worth_it else None
        return Received(source.name, append, refused, source.kind.answer, refusal, verified.ignored)

    def _item(self, source: Source, note: Note, now_us: int) -> Item:
        """What is stored of it. Raises BadInput where nobody could tell what that means.

        Told once before it is acknowledged, as it will be read: an amount that looks like a card
        number is no number any more.
        """
        document = self._redactor.document({"ids": dict(note.ids), "event": dict(note.event)})
        source.kind.tell(stored_of(document), Told(source.name, now_us))
        key = event_key(f"{format_of(source.kind.name)}\0{source.name}", note.key)
        return Item(msgspec.json.encode(document), key)

    def _entry(self, refused: Refused) -> dict[str, Any]:
        return {
            "index": refused.index,
            "path": self._redactor.text(refused.path),
            "reason": self._redactor.text(refused.reason)[:500],
            "length": len(refused.data),
            "digest": self._redactor.digest(refused.data),
        }

    def _forged(
        self, source: Source, body: bytes, refusal: NotAuthenticated, now_us: int
    ) -> Received:
        self.tally.add(source.name, Outcome.FORGED)
        append = None
        entry = self._entry(Refused(0, "$", f"not verified: {refusal.message}", body))
        if self._worth_a_receipt(source.name, now_us):
            append = self._append(source, [], [entry])
        return Received(source.name, append, [entry], source.kind.answer, refusal)

    def _unusable(
        self, source: Source, body: bytes, fault: BadInput | UnsupportedFormat
    ) -> Received:
        self.tally.add(source.name, Outcome.UNUSABLE)
        path = fault.path if isinstance(fault, BadInput) else "Content-Encoding"
        entry = self._entry(Refused(0, path, fault.message, body))
        shown: TillwatchError = fault
        if isinstance(fault, BadInput):
            # What is said may quote the body: it is masked like everything that is kept.
            shown = BadInput(str(entry["reason"]), path=str(entry["path"]), hint=fault.hint)
        append = self._append(source, [], [entry])
        return Received(source.name, append, [entry], source.kind.answer, shown)

    @staticmethod
    def _append(source: Source, items: list[Item], refused: Sequence[Mapping[str, Any]]) -> Append:
        return Append(
            stream=Stream.RAW,
            source=source.name,
            format=format_of(source.kind.name),
            items=items,
            rejected=refused,
        )

    @staticmethod
    def _not_too_old(verified: Verified, now_us: int) -> Verified:
        old = [
            Refused(note.index, "$", "the notification is older than 400 days", b"")
            for note in verified.notes
            if too_old(note, now_us)
        ]
        notes = [note for note in verified.notes if not too_old(note, now_us)]
        return Verified(notes, [*verified.refused, *old], verified.ignored)

    def _worth_a_receipt(self, source: str, now_us: int) -> bool:
        with self._lock:
            window, summary = close(self._floods.get(source, Window()), now_us)
            window, recorded = admit(window, now_us, _FORGED_RECORDED_PER_MINUTE)
            self._floods[source] = window
        if summary is not None:
            _log.warning("webhook.forged_flood", source=source, only_counted=summary.count)
        return recorded


def _check_encoding(headers: Mapping[str, str]) -> None:
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity"}:
        raise UnsupportedFormat(
            "a webhook is signed as it is: no content encoding is taken",
            hint="send the body uncompressed",
        )
