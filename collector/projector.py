"""Fills the telemetry store from `raw`, `shop` and `derived`.

Order of one step, so that a crash at any point changes nothing but the work done twice: rows are
written, then the cursor. Rows have the same keys the next time. It never overtakes the finder,
which begins at this cursor after a restart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from collector.changes.change import change_row
from collector.changes.intake import FORMAT as CHANGE
from collector.otlp.rows import log_rows, metric_rows, span_rows
from collector.otlp.signals import BY_FORMAT, LOGS, METRICS, TRACES
from collector.otlp.stored import message_of
from collector.redaction import Redactor
from kernel import strict_json
from kernel.clock import parse_rfc3339
from kernel.errors import BadInput
from kernel.journal import JournalReader, JournalRecord, Stream
from kernel.shop_event import decode_events
from kernel.telemetry_store.port import (
    Batch,
    ChangeRow,
    EventRow,
    LogRow,
    MetricRow,
    SpanRow,
)
from kernel.telemetry_store.sqlite_store import DeadLetter, SqliteTelemetryStore

DERIVED = "derived"
_RECORDS = 200
_MAX_BYTES = 4 * 1024**2


class Undecodable(Exception):
    """A stored record that no rule of ours can read."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason


@dataclass
class _Rows:
    """What one step gathers."""

    events: list[EventRow] = field(default_factory=list)
    spans: list[SpanRow] = field(default_factory=list)
    logs: list[LogRow] = field(default_factory=list)
    metrics: list[MetricRow] = field(default_factory=list)
    changes: list[ChangeRow] = field(default_factory=list)
    deadletters: list[DeadLetter] = field(default_factory=list)

    def batch(self, cursor: int) -> Batch:
        return Batch(cursor, self.events, self.spans, self.logs, self.metrics, self.changes)


class Projector:
    """One step reads a bounded batch of the journal, then of the derived stream."""

    def __init__(
        self,
        journal: JournalReader,
        derived_reader: JournalReader,
        store: SqliteTelemetryStore,
        redactor: Redactor,
        searched: Callable[[], int],
    ) -> None:
        """`searched`: the finder's position. The readers belong to this part alone."""
        self._journal = journal
        self._derived_reader = derived_reader
        self._store = store
        self._redactor = redactor
        self._searched = searched

    def step(self) -> bool:
        """True where more is waiting."""
        journal_busy = self._project_journal()
        derived_busy = self._project_derived()
        return journal_busy or derived_busy

    def _project_journal(self) -> bool:
        until = self._searched()
        found = self._journal.read(
            [Stream.RAW, Stream.SHOP],
            self._store.cursor(),
            limit=_RECORDS,
            max_bytes=_MAX_BYTES,
        )
        records = [record for record in found if record.position <= until]
        if not records:
            return False
        rows = _Rows()
        for record in records:
            try:
                _project(record, rows)
            except Undecodable as fault:
                rows.deadletters.append(self._dead_letter(record, fault))
        self._store.write_as("journal", rows.batch(records[-1].position), rows.deadletters)
        return True

    def _project_derived(self) -> bool:
        """Rows of derived events have the negative position of their derived record."""
        records = self._derived_reader.read(
            [Stream.DERIVED], self._store.progress(DERIVED), limit=_RECORDS, max_bytes=_MAX_BYTES
        )
        if not records:
            return False
        rows = _Rows()
        for record in records:
            try:
                rows.events += _event_rows(record, -record.position)
            except Undecodable as fault:
                rows.deadletters.append(self._dead_letter(record, fault))
        self._store.write_as(DERIVED, rows.batch(records[-1].position), rows.deadletters)
        return True

    def _dead_letter(self, record: JournalRecord, fault: Undecodable) -> DeadLetter:
        position = -record.position if record.stream is Stream.DERIVED else record.position
        return DeadLetter(
            position=position,
            item=-1,
            at_us=record.received_us,
            stream=record.stream,
            source=record.source,
            format=record.format,
            rule=fault.rule,
            reason=self._redactor.text(fault.reason)[:500],
            length=len(record.body),
            digest=self._redactor.digest(record.body),
        )


def _project(record: JournalRecord, rows: _Rows) -> None:
    if record.stream is Stream.SHOP:
        rows.events += _event_rows(record, record.position)
    elif record.format in BY_FORMAT:
        _project_otlp(record, rows)
    elif record.format == CHANGE:
        rows.changes += _change_rows(record)
    else:
        raise Undecodable("format.unknown", f"no rule reads the format {record.format[:80]!r}")


def _project_otlp(record: JournalRecord, rows: _Rows) -> None:
    try:
        message = message_of(record)
    except BadInput as error:
        raise Undecodable(record.format, error.message[:200]) from None
    if record.format == TRACES.format:
        rows.spans += span_rows(message, record.position)
    elif record.format == LOGS.format:
        rows.logs += log_rows(message, record.position, record.received_us)
    elif record.format == METRICS.format:
        rows.metrics += metric_rows(message, record.position)


def _event_rows(record: JournalRecord, position: int) -> list[EventRow]:
    try:
        events = decode_events(record.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Undecodable("shop.events", str(error)[:200]) from None
    return [
        EventRow(position, item, record.received_us, event) for item, event in enumerate(events)
    ]


def _change_rows(record: JournalRecord) -> list[ChangeRow]:
    try:
        stored = strict_json.loads(record.body)
        return [
            change_row(one, record.position, item, parse_rfc3339(one["at"]))
            for item, one in enumerate(stored)
        ]
    except (BadInput, ValueError, TypeError, LookupError) as error:
        raise Undecodable(CHANGE, f"{type(error).__name__}: {error}"[:200]) from None
