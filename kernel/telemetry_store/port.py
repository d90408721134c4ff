"""The telemetry store: wide events, spans, logs and changes, for finding causes.

A view of the journal: every row has the key (position, item); writing a row twice changes nothing;
the cursor is moved last. Loss of this store loses no count, no budget and no audit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kernel.shop_event import ShopEvent

Scalar = str | int | float | bool


@dataclass(frozen=True)
class EventRow:
    """A shop event and where it came from. `derived` rows have a negative position."""

    position: int
    item: int
    received_us: int
    event: ShopEvent


@dataclass(frozen=True)
class SpanRow:
    """One span. Times in UTC microseconds; `status`: unset | ok | error; ids are lower-case hex."""

    position: int
    item: int
    trace_id: str
    span_id: str
    parent_span_id: str
    service: str
    name: str
    kind: str
    start_us: int
    end_us: int
    status: str
    status_message: str
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    events: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True)
class LogRow:
    """One log record. `severity` is the OTLP severity number (1-24, 0 unknown)."""

    position: int
    item: int
    time_us: int
    service: str
    severity: int
    body: str
    event_name: str = ""
    trace_id: str = ""
    span_id: str = ""
    attributes: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class MetricRow:
    """One data point of a number metric (sums and gauges; histograms keep count and sum)."""

    position: int
    item: int
    time_us: int
    service: str
    name: str
    unit: str
    value: float
    attributes: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class ChangeRow:
    """Something that was changed: kind = deploy | flag | config | dependency | other."""

    position: int
    item: int
    at_us: int
    kind: str
    service: str
    summary: str
    version: str = ""
    environment: str = ""
    author: str = ""
    url: str = ""
    attributes: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """What one projector step writes. `cursor` is the journal position reached."""

    cursor: int
    events: Sequence[EventRow] = ()
    spans: Sequence[SpanRow] = ()
    logs: Sequence[LogRow] = ()
    metrics: Sequence[MetricRow] = ()
    changes: Sequence[ChangeRow] = ()


class TelemetryStore(Protocol):
    """All times are event times in UTC microseconds, ranges are [from_us, to_us), newest first."""

    def write(self, batch: Batch) -> None:
        """Store the rows (known keys change nothing), then move the cursor."""

    def cursor(self) -> int:
        """The journal position up to which rows are stored."""

    def events(
        self,
        *,
        from_us: int,
        to_us: int,
        types: Sequence[str] = (),
        limit: int = 10_000,
    ) -> list[EventRow]:
        """Shop events of these types (all, where none is named)."""

    def trace(self, trace_id: str) -> list[SpanRow]:
        """All spans of one trace, by start."""

    def spans(
        self,
        *,
        from_us: int,
        to_us: int,
        service: str = "",
        status: str = "",
        limit: int = 1_000,
    ) -> list[SpanRow]:
        """Spans that started in the range."""

    def logs(
        self,
        *,
        from_us: int,
        to_us: int,
        service: str = "",
        min_severity: int = 0,
        trace_id: str = "",
        limit: int = 1_000,
    ) -> list[LogRow]:
        """Log records of the range."""

    def metrics(
        self, *, from_us: int, to_us: int, name: str = "", limit: int = 1_000
    ) -> list[MetricRow]:
        """Metric points of the range."""

    def changes(self, *, from_us: int, to_us: int, limit: int = 1_000) -> list[ChangeRow]:
        """Changes of the range."""

    def prune(self, before_us: int) -> int:
        """Drop whole days older than this; returns how many days went."""

    def close(self) -> None:
        """Give the files back."""
