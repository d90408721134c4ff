"""Fills the telemetry store from `raw`, `shop` and `derived`.

Order of one step, so that a crash at any point changes nothing but the work done twice: rows are
written, then the cursor. Rows have the same keys the next time. It never overtakes the finder,
which begins at this cursor after a restart.

Two things keep it within bounds, and what they cost is counted with the cursor: names and labels
have budgets (`cardinality`), and a backlog that does not become smaller costs debug logs, then
spans (`shedding`). Neither touches a shop event: those of spans are found by the finder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import msgspec

from collector import cardinality, replays, shedding
from collector.cardinality import Budgets, Cardinality
from collector.changes.change import change_row
from collector.changes.intake import FORMAT as CHANGE
from collector.otlp.rows import log_rows, metric_rows, span_rows
from collector.otlp.signals import BY_FORMAT, LOGS, METRICS, TRACES
from collector.otlp.stored import message_of
from collector.redaction import Redactor
from collector.shedding import Lag
from collector.sources import registry as webhooks
from kernel import strict_json
from kernel.clock import SECOND_US, Clock, parse_rfc3339
from kernel.errors import BadInput
from kernel.journal import JournalReader, JournalRecord, Stream
from kernel.shop_event import decode_events
from kernel.telemetry_store.meta import DeadLetter, Notes, Stretch
from kernel.telemetry_store.port import (
    Batch,
    ChangeRow,
    EventRow,
    LogRow,
    MetricRow,
    SpanRow,
)
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore

DERIVED = "derived"
_RECORDS = 200
_MAX_BYTES = 1024**2
_STREAMS = (Stream.RAW, Stream.SHOP)
_LOOK_EVERY_US = 2 * SECOND_US
_Wide = TypeVar("_Wide", SpanRow, LogRow, MetricRow)


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
    replayed: dict[int, str] = field(default_factory=dict)
    dropped: dict[tuple[str, str], int] = field(default_factory=dict)
    shed: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, other: _Rows) -> None:
        """Rows of one record, once all of it was read."""
        self.events += other.events
        self.spans += other.spans
        self.logs += other.logs
        self.metrics += other.metrics
        self.changes += other.changes

    def give_up(self, source: str, counts: Mapping[str, int]) -> None:
        """Count items that are shed."""
        for name, count in counts.items():
            self.shed[source, name] = self.shed.get((source, name), 0) + count

    def notes(self, now_us: int, stretch: Stretch | None = None) -> Notes:
        return Notes(now_us, self.deadletters, self.replayed, self.dropped, self.shed, stretch)

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
        clock: Clock,
        *,
        budgets: Budgets | None = None,
    ) -> None:
        """`searched`: the finder's position. The readers belong to this part alone."""
        self._journal = journal
        self._derived_reader = derived_reader
        self._store = store
        self._redactor = redactor
        self._searched = searched
        self._clock = clock
        self._cardinality = Cardinality(budgets)
        self._pressure = shedding.State()
        self._looked_us = 0

    def step(self) -> bool:
        """True where more is waiting."""
        journal_busy = self._project_journal()
        derived_busy = self._project_derived()
        return journal_busy or derived_busy

    def _project_journal(self) -> bool:
        until, after = self._searched(), self._store.cursor()
        self._look(after)
        found = self._journal.read(_STREAMS, after, limit=_RECORDS, max_bytes=_MAX_BYTES)
        records = [record for record in found if record.position <= until]
        if not records:
            return False
        rows = _Rows()
        for record in records:
            try:
                self._read(record, rows)
            except Undecodable as fault:
                rows.deadletters.append(self._dead_letter(record, fault))
        cursor, level = records[-1].position, self._pressure.level
        stretch = Stretch(after, cursor, level) if level else None
        self._store.write_as(
            "journal", rows.batch(cursor), rows.notes(self._clock.now_us(), stretch)
        )
        return True

    def _look(self, after: int) -> None:
        """How much waits, and what has to be given up for it."""
        now_us = self._clock.now_us()
        if now_us - self._looked_us < _LOOK_EVERY_US:
            return
        self._looked_us = now_us
        waiting = self._journal.waiting(_STREAMS, after, limit=shedding.MAX_LOOKED_AT)
        age_us = 0 if waiting.oldest_us is None else max(0, now_us - waiting.oldest_us)
        lag = Lag(waiting.records, waiting.bytes, age_us / SECOND_US)
        self._pressure = shedding.step(self._pressure, lag, now_us)

    def _read(self, record: JournalRecord, rows: _Rows) -> None:
        """Rows of a record within the bounds."""
        if record.format == replays.FORMAT:
            self._read_again(record, rows)
            return
        level = self._pressure.level
        if shedding.sheds_whole(record.format, level):
            rows.give_up(record.source, shedding.shed_of(_message(record), record.format, level))
            return
        one = _Rows()
        _project(record, one)
        kept = shedding.kept_logs(one.logs, level)
        if len(kept) < len(one.logs):
            rows.give_up(record.source, {shedding.DEBUG_LOG: len(one.logs) - len(kept)})
            one.logs = kept
        self._cardinality.begin(record.received_us)
        self._bound(record.source, one, rows.dropped)
        rows.add(one)

    def _read_again(self, record: JournalRecord, rows: _Rows) -> None:
        """Rows of the record that a replay names, under their own keys; nothing of it is shed.

        Where it is gone, or as unreadable as before, its dead letter stays as it is.
        """
        one = _Rows()
        try:
            origin = replays.origin_of(record, self._journal)
            _project(origin, one)
        except (BadInput, Undecodable):
            return
        one.events.clear()  # they come from the derived stream: the finder has told them to all
        self._bound(origin.source, one, rows.dropped)
        rows.add(one)
        rows.replayed[origin.position] = record.receipt

    def _bound(self, source: str, rows: _Rows, dropped: cardinality.Dropped) -> None:
        """Names within their budgets everywhere; values where they become labels."""

        def within(row: _Wide, *, labels: bool) -> _Wide:
            known = self._cardinality
            service = known.label(source, cardinality.SERVICE, row.service, dropped)
            attributes = known.attributes(source, row.attributes, dropped, labels=labels)
            if service is row.service and attributes is row.attributes:
                return row
            return replace(row, service=service, attributes=attributes)

        rows.spans = [within(row, labels=False) for row in rows.spans]
        rows.logs = [within(row, labels=False) for row in rows.logs]
        metrics = [within(row, labels=True) for row in rows.metrics]
        rows.metrics = [self._named(source, row, dropped) for row in metrics]

    def _named(self, source: str, row: MetricRow, dropped: cardinality.Dropped) -> MetricRow:
        name = self._cardinality.label(source, cardinality.METRIC, row.name, dropped)
        return row if name is row.name else replace(row, name=name)

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
        self._store.write_as(
            DERIVED, rows.batch(records[-1].position), rows.notes(self._clock.now_us())
        )
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


def fault_of(record: JournalRecord) -> Undecodable | None:
    """Why today's rules cannot read the record; None where they can."""
    try:
        _project(record, _Rows())
    except Undecodable as fault:
        return fault
    return None


def _project(record: JournalRecord, rows: _Rows) -> None:
    if record.stream is Stream.SHOP:
        rows.events += _event_rows(record, record.position)
    elif record.format in BY_FORMAT:
        _project_otlp(record, rows)
    elif record.format in webhooks.BY_FORMAT:
        _check_webhook(record)
    elif record.format == CHANGE:
        rows.changes += _change_rows(record)
    else:
        raise Undecodable("format.unknown", f"no rule reads the format {record.format[:80]!r}")


def _message(record: JournalRecord) -> Any:
    try:
        return message_of(record)
    except BadInput as fault:
        raise Undecodable(record.format, fault.message[:200]) from None


def _project_otlp(record: JournalRecord, rows: _Rows) -> None:
    message = _message(record)
    if record.format == TRACES.format:
        rows.spans += span_rows(message, record.position)
    elif record.format == LOGS.format:
        rows.logs += log_rows(message, record.position, record.received_us)
    elif record.format == METRICS.format:
        rows.metrics += metric_rows(message, record.position)


def _check_webhook(record: JournalRecord) -> None:
    """A webhook gives no rows of its own: what it tells comes back through the derived stream."""
    try:
        webhooks.told(record)
    except BadInput as error:
        raise Undecodable(record.format, str(error)[:200]) from None


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
