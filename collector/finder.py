"""Finds the shop events that raw records tell, and appends them to the derived stream.

Apart from the telemetry store, which may be slow or down: what is counted, alerted and paid for
must not wait for it. The position lies in memory: the projector stores rows only up to it, so that
after a restart the store's cursor is a safe place to begin. Appending again changes nothing: the
keys of what was found are the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from collector.acknowledge import durable_now
from collector.otel_demo import event_of_span, may_tell
from collector.otlp.rows import span_rows
from collector.otlp.signals import TRACES
from collector.otlp.stored import message_of, plain
from kernel.errors import BadInput
from kernel.journal import Append, Item, JournalReader, JournalRecord, JournalWriter, Stream
from kernel.shop_event import ShopEvent, encode_event, event_key

_RECORDS = 200
_MAX_BYTES = 4 * 1024**2


class Finder:
    """One step searches a bounded batch of raw records."""

    def __init__(
        self, journal: JournalReader, derived: JournalWriter, begin_at: Callable[[], int]
    ) -> None:
        """`begin_at`: a position up to which a former run has searched; asked once, at first.

        The reader belongs to this part alone; the writer is shared.
        """
        self._journal = journal
        self._derived = derived
        self._begin_at = begin_at
        self._position: int | None = None

    @property
    def position(self) -> int:
        """Up to here everything found is durable in the derived stream (0: not begun yet)."""
        return self._position or 0

    def step(self) -> bool:
        """True where more may be waiting. Raises Unavailable where nothing can be appended."""
        after = self._begin() if self._position is None else self._position
        head = self._journal.head()
        records = self._journal.read([Stream.RAW], after, limit=_RECORDS, max_bytes=_MAX_BYTES)
        self._append([(record, _told(record)) for record in records])
        self._position = records[-1].position if records else max(after, head.position)
        return bool(records)

    def _begin(self) -> int:
        """From the start where the telemetry store cannot tell: slow, but nothing is lost."""
        try:
            return self._begin_at()
        except sqlite3.Error:
            return 0

    def _append(self, found: list[tuple[JournalRecord, list[ShopEvent]]]) -> None:
        """All appends are queued, then awaited: they share commits."""
        futures = [
            self._derived.append(
                Append(
                    stream=Stream.DERIVED,
                    source=record.source,
                    format="shop.events",
                    items=[
                        Item(encode_event(event), event_key(event.source, event.id))
                        for event in events
                    ],
                    detail={"origin": str(record.position)},
                )
            )
            for record, events in found
            if events
        ]
        for future in futures:
            durable_now(future)


def _told(record: JournalRecord) -> list[ShopEvent]:
    """The record's shop events; none where it is undecodable (the projector sets it aside)."""
    if record.format != TRACES.format:
        return []
    try:
        body = plain(record)
        if not may_tell(body):
            return []
        message = message_of(record, body)
    except BadInput:
        return []
    told = (
        event_of_span(span, source=record.source, received_us=record.received_us)
        for span in span_rows(message, record.position)
    )
    return [event for event in told if event is not None]
