"""How telemetry rows lie in SQLite: tables of a day file, and the way in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from kernel.shop_event import ShopEvent, encode_event
from kernel.telemetry_store.port import ChangeRow, EventRow, LogRow, MetricRow, SpanRow

Row = TypeVar("Row")
_encode = msgspec.json.Encoder().encode
_event_decoder = msgspec.json.Decoder(ShopEvent)
_decode = msgspec.json.Decoder().decode

DAY_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    position INTEGER, item INTEGER, time_us INTEGER NOT NULL, type TEXT NOT NULL,
    received_us INTEGER NOT NULL, trace_id TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (position, item)) STRICT;
CREATE INDEX IF NOT EXISTS ix_event_type ON event (type, time_us);
CREATE INDEX IF NOT EXISTS ix_event_time ON event (time_us);
CREATE TABLE IF NOT EXISTS span (
    position INTEGER, item INTEGER, time_us INTEGER NOT NULL, trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL, parent_span_id TEXT NOT NULL, service TEXT NOT NULL,
    name TEXT NOT NULL, kind TEXT NOT NULL, end_us INTEGER NOT NULL, status TEXT NOT NULL,
    status_message TEXT NOT NULL, attributes BLOB NOT NULL, events BLOB NOT NULL,
    PRIMARY KEY (position, item)) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS ux_span_trace ON span (trace_id, span_id);
CREATE INDEX IF NOT EXISTS ix_span_service ON span (service, time_us);
CREATE INDEX IF NOT EXISTS ix_span_time ON span (time_us);
CREATE TABLE IF NOT EXISTS log (
    position INTEGER, item INTEGER, time_us INTEGER NOT NULL, service TEXT NOT NULL,
    severity INTEGER NOT NULL, body TEXT NOT NULL, event_name TEXT NOT NULL,
    trace_id TEXT NOT NULL, span_id TEXT NOT NULL, attributes BLOB NOT NULL,
    PRIMARY KEY (position, item)) STRICT;
CREATE INDEX IF NOT EXISTS ix_log_service ON log (service, time_us);
CREATE INDEX IF NOT EXISTS ix_log_time ON log (time_us);
CREATE INDEX IF NOT EXISTS ix_log_trace ON log (trace_id) WHERE trace_id <> '';
CREATE TABLE IF NOT EXISTS metric (
    position INTEGER, item INTEGER, time_us INTEGER NOT NULL, service TEXT NOT NULL,
    name TEXT NOT NULL, unit TEXT NOT NULL, value REAL, attributes BLOB NOT NULL,
    PRIMARY KEY (position, item)) STRICT;
CREATE INDEX IF NOT EXISTS ix_metric_name ON metric (name, time_us);
CREATE INDEX IF NOT EXISTS ix_metric_time ON metric (time_us);
CREATE TABLE IF NOT EXISTS change (
    position INTEGER, item INTEGER, time_us INTEGER NOT NULL, kind TEXT NOT NULL,
    service TEXT NOT NULL, summary TEXT NOT NULL, version TEXT NOT NULL,
    environment TEXT NOT NULL, author TEXT NOT NULL, url TEXT NOT NULL, attributes BLOB NOT NULL,
    PRIMARY KEY (position, item)) STRICT;
CREATE INDEX IF NOT EXISTS ix_change_time ON change (time_us);
"""


@dataclass(frozen=True)
class Table(Generic[Row]):
    """One kind of row: its table, columns in order, and both conversions."""

    name: str
    columns: Sequence[str]
    time_us: Callable[[Row], int]
    to_values: Callable[[Row], tuple[Any, ...]]
    from_values: Callable[[tuple[Any, ...]], Row]

    @property
    def insert(self) -> str:
        """A known key changes nothing."""
        marks = ", ".join("?" * len(self.columns))
        return f"INSERT OR IGNORE INTO {self.name} ({', '.join(self.columns)}) VALUES ({marks})"

    @property
    def select(self) -> str:
        """All columns, without condition."""
        return f"SELECT {', '.join(self.columns)} FROM {self.name}"


def _event_values(row: EventRow) -> tuple[Any, ...]:
    event = row.event
    return (
        row.position,
        row.item,
        event.time_us,
        event.type,
        row.received_us,
        event.trace_id,
        encode_event(event),
    )


def _event_row(values: tuple[Any, ...]) -> EventRow:
    position, item, _, _, received_us, _, body = values
    return EventRow(position, item, received_us, _event_decoder.decode(body))


def _span_values(row: SpanRow) -> tuple[Any, ...]:
    return (
        row.position,
        row.item,
        row.start_us,
        row.trace_id,
        row.span_id,
        row.parent_span_id,
        row.service,
        row.name,
        row.kind,
        row.end_us,
        row.status,
        row.status_message,
        _json(row.attributes),
        _encode(list(row.events)),
    )


def _span_row(values: tuple[Any, ...]) -> SpanRow:
    position, item, start_us, trace_id, span_id, parent, service, name, kind, end_us = values[:10]
    status, message, attributes, events = values[10:]
    return SpanRow(
        position=position,
        item=item,
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=parent,
        service=service,
        name=name,
        kind=kind,
        start_us=start_us,
        end_us=end_us,
        status=status,
        status_message=message,
        attributes=_decode(attributes),
        events=_decode(events),
    )


def _log_values(row: LogRow) -> tuple[Any, ...]:
    return (
        row.position,
        row.item,
        row.time_us,
        row.service,
        row.severity,
        row.body,
        row.event_name,
        row.trace_id,
        row.span_id,
        _json(row.attributes),
    )


def _metric_values(row: MetricRow) -> tuple[Any, ...]:
    head = (row.position, row.item, row.time_us, row.service, row.name, row.unit, row.value)
    return (*head, _json(row.attributes))


def _change_values(row: ChangeRow) -> tuple[Any, ...]:
    return (
        row.position,
        row.item,
        row.at_us,
        row.kind,
        row.service,
        row.summary,
        row.version,
        row.environment,
        row.author,
        row.url,
        _json(row.attributes),
    )


def _json(attributes: Mapping[str, Any]) -> bytes:
    return _encode(dict(attributes))


EVENTS: Table[EventRow] = Table(
    "event",
    ("position", "item", "time_us", "type", "received_us", "trace_id", "body"),
    lambda row: row.event.time_us,
    _event_values,
    _event_row,
)
SPANS: Table[SpanRow] = Table(
    "span",
    (
        "position",
        "item",
        "time_us",
        "trace_id",
        "span_id",
        "parent_span_id",
        "service",
        "name",
        "kind",
        "end_us",
        "status",
        "status_message",
        "attributes",
        "events",
    ),
    lambda row: row.start_us,
    _span_values,
    _span_row,
)
LOGS: Table[LogRow] = Table(
    "log",
    (
        "position",
        "item",
        "time_us",
        "service",
        "severity",
        "body",
        "event_name",
        "trace_id",
        "span_id",
        "attributes",
    ),
    lambda row: row.time_us,
    _log_values,
    lambda values: LogRow(*(*values[:9], _decode(values[9]))),
)
METRICS: Table[MetricRow] = Table(
    "metric",
    ("position", "item", "time_us", "service", "name", "unit", "value", "attributes"),
    lambda row: row.time_us,
    _metric_values,
    lambda values: MetricRow(*(*values[:7], _decode(values[7]))),
)
CHANGES: Table[ChangeRow] = Table(
    "change",
    (
        "position",
        "item",
        "time_us",
        "kind",
        "service",
        "summary",
        "version",
        "environment",
        "author",
        "url",
        "attributes",
    ),
    lambda row: row.at_us,
    _change_values,
    lambda values: ChangeRow(*(*values[:10], _decode(values[10]))),
)
ALL_TABLES: tuple[Table[Any], ...] = (EVENTS, SPANS, LOGS, METRICS, CHANGES)
