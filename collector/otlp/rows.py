"""Decoded OTLP messages become telemetry rows. Pure; item = ordinal in the record."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from collector.otlp.validate import oddities
from kernel.telemetry_store.port import LogRow, MetricRow, Scalar, SpanRow

_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")
_MAX_ATTRIBUTES = 128
_MAX_VALUE = 4096
_MAX_BODY = 16_384
_MAX_EVENTS = 64
_MAX_INT64 = (1 << 63) - 1
# A reference into the string table of profiles: no value for the other signals (common.proto).
_STRING_TABLE = "string_value_strindex"
_FLAG = "tillwatch.flag"
_NO_RECORDED_VALUE = 1
_ABSENT_RESOURCE = ("telemetry.sdk.", "process.command", "service.name")


def span_rows(message: Any, position: int) -> list[SpanRow]:
    """All spans of an ExportTraceServiceRequest."""
    rows: list[SpanRow] = []
    for group in message.resource_spans:
        service, shared = _resource(group.resource)
        for scope in group.scope_spans:
            for span in scope.spans:
                rows.append(_span(span, (position, len(rows)), service, shared))
    return rows


def log_rows(message: Any, position: int, received_us: int) -> list[LogRow]:
    """All log records of an ExportLogsServiceRequest. Time 0 means unknown: observed, received."""
    rows: list[LogRow] = []
    for group in message.resource_logs:
        service, shared = _resource(group.resource)
        for scope in group.scope_logs:
            for record in scope.log_records:
                nanos = record.time_unix_nano or record.observed_time_unix_nano
                rows.append(
                    LogRow(
                        position=position,
                        item=len(rows),
                        time_us=nanos // 1000 or received_us,
                        service=service,
                        severity=record.severity_number,
                        body=_text(any_value(record.body))[:_MAX_BODY],
                        event_name=record.event_name,
                        trace_id=_id(record.trace_id, 16),
                        span_id=_id(record.span_id, 8),
                        attributes=shared | attributes(record.attributes),
                    )
                )
    return rows


def metric_rows(message: Any, position: int) -> list[MetricRow]:
    """All data points with a number; histograms and summaries as their sum, with the count."""
    rows: list[MetricRow] = []
    for group in message.resource_metrics:
        service, shared = _resource(group.resource)
        metrics = [metric for scope in group.scope_metrics for metric in scope.metrics]
        for metric, point in _points(metrics):
            value, extra = _point(point)
            if not math.isfinite(value):
                continue
            rows.append(
                MetricRow(
                    position=position,
                    item=len(rows),
                    time_us=point.time_unix_nano // 1000,
                    service=service,
                    name=metric.name,
                    unit=metric.unit,
                    value=value,
                    attributes=shared | attributes(point.attributes) | extra,
                )
            )
    return rows


def attributes(pairs: Iterable[Any]) -> dict[str, Scalar]:
    """A flat map: nested values as JSON text, at most 128 keys; of equal keys the first counts."""
    found: dict[str, Scalar] = {}
    for pair in pairs:
        if len(found) >= _MAX_ATTRIBUTES:
            break
        value = any_value(pair.value)
        if isinstance(value, str):
            value = value[:_MAX_VALUE]
        elif isinstance(value, float) and not math.isfinite(value):
            value = str(value)  # JSON has no word for it
        elif not isinstance(value, bool | int | float):
            value = _text(value)[:_MAX_VALUE]
        found.setdefault(pair.key, value)
    return found


def any_value(value: Any) -> Any:
    """Plain Python of an AnyValue; of equal keys of a map the first counts."""
    kind = value.WhichOneof("value")
    if kind is None or kind == _STRING_TABLE:
        return None
    inner = getattr(value, kind)
    if kind == "array_value":
        return [any_value(child) for child in inner.values]
    if kind == "kvlist_value":
        found: dict[str, Any] = {}
        for pair in inner.values:
            found.setdefault(pair.key, any_value(pair.value))
        return found
    if kind == "bytes_value":
        return inner.hex()
    return inner


def _span(span: Any, key: tuple[int, int], service: str, shared: Mapping[str, Scalar]) -> SpanRow:
    odd = oddities(span)
    flag = {_FLAG: ", ".join(odd)} if odd else {}
    return SpanRow(
        position=key[0],
        item=key[1],
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=_id(span.parent_span_id, 8),
        service=service,
        name=span.name,
        kind=_KINDS[span.kind] if 0 <= span.kind < len(_KINDS) else "unspecified",
        start_us=span.start_time_unix_nano // 1000,
        end_us=span.end_time_unix_nano // 1000,
        status=_STATUSES[span.status.code] if 0 <= span.status.code <= 2 else "unset",
        status_message=span.status.message[:_MAX_VALUE],
        attributes={**shared, **attributes(span.attributes), **flag},
        events=[
            {
                "name": event.name,
                "time_us": event.time_unix_nano // 1000,
                "attributes": attributes(event.attributes),
            }
            for event in span.events[:_MAX_EVENTS]
        ],
    )


def _resource(resource: Any) -> tuple[str, dict[str, Scalar]]:
    """Service name, and the resource attributes that every row of it shall show."""
    found = attributes(resource.attributes)
    service = str(found.get("service.name", "unknown_service"))
    shared = {key: value for key, value in found.items() if not key.startswith(_ABSENT_RESOURCE)}
    return service, shared


def _points(metrics: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Points that recorded something: the flag says so, or there is no value (metrics.proto)."""
    for metric in metrics:
        kind = metric.WhichOneof("data")
        for point in getattr(metric, kind).data_points if kind else ():
            is_number = kind in {"gauge", "sum"}
            if not (point.flags & _NO_RECORDED_VALUE or (is_number and not _kind(point))):
                yield metric, point


def _kind(point: Any) -> str:
    return str(point.WhichOneof("value") or "")


def _point(point: Any) -> tuple[float, dict[str, Scalar]]:
    names = {field.name for field in point.DESCRIPTOR.fields}
    if "as_double" in names:
        return float(getattr(point, _kind(point))), {}
    return float(point.sum), {"count": min(int(point.count), _MAX_INT64)}


def _id(raw: bytes, size: int) -> str:
    """Hex of a valid id, else nothing: the row stands without the association."""
    return raw.hex() if len(raw) == size and any(raw) else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
