"""Export requests as protobuf, and as JSON in the way of OTLP, made without our own decoder."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.otlp.signals import LOGS, METRICS, TRACES, Signal

JSON = "application/json"
PROTOBUF = "application/x-protobuf"
KINDS = (JSON, PROTOBUF)
AT_NS = 1_795_000_000_000_000_000
_IDS = frozenset({"traceId", "spanId", "parentSpanId"})


def fresh(size: int = 16) -> bytes:
    """An id that no other test uses."""
    return secrets.token_bytes(size)


def span(**fields: Any) -> Span:
    """A valid span, but for what is given."""
    given = {
        "trace_id": fresh(),
        "span_id": fresh(8),
        "name": "charge",
        "start_time_unix_nano": AT_NS,
        "end_time_unix_nano": AT_NS + 500_000_000,
    }
    return Span(**(given | fields))


def log(text: str = "charged", **fields: Any) -> LogRecord:
    """A valid log record, but for what is given."""
    given = {"time_unix_nano": AT_NS, "body": AnyValue(string_value=text)}
    return LogRecord(**(given | fields))


def gauge(name: str, *points: NumberDataPoint) -> Metric:
    """A gauge of these points."""
    metric = Metric(name=name)
    metric.gauge.data_points.extend(points)
    return metric


def point(value: int = 1, **fields: Any) -> NumberDataPoint:
    """A valid point, but for what is given."""
    return NumberDataPoint(**({"time_unix_nano": AT_NS, "as_int": value} | fields))


def pair(key: str, **value: Any) -> KeyValue:
    """An attribute."""
    return KeyValue(key=key, value=AnyValue(**value))


def traces(*spans: Span, service: str = "shop") -> Any:
    """An ExportTraceServiceRequest."""
    return _request(TRACES, "resource_spans", "scope_spans", "spans", spans, service)


def logs(*records: LogRecord, service: str = "shop") -> Any:
    """An ExportLogsServiceRequest."""
    return _request(LOGS, "resource_logs", "scope_logs", "log_records", records, service)


def metrics(*given: Metric, service: str = "shop") -> Any:
    """An ExportMetricsServiceRequest."""
    return _request(METRICS, "resource_metrics", "scope_metrics", "metrics", given, service)


def one_of_each() -> list[tuple[Signal, Any]]:
    """A valid request of every signal."""
    return [
        (TRACES, traces(span())),
        (LOGS, logs(log())),
        (METRICS, metrics(gauge("queue", point()))),
    ]


def body(message: Any, kind: str) -> bytes:
    """The request in an encoding."""
    if kind == PROTOBUF:
        return bytes(message.SerializeToString())
    return json.dumps(document(message)).encode()


def document(message: Any) -> Any:
    """The request as OTLP/JSON: ids in hex, enums as integers."""
    return _hex_ids(json_format.MessageToDict(message, use_integers_for_enums=True))


def span_document(**fields: Any) -> dict[str, Any]:
    """A JSON request of one span with these keys replaced or added."""
    made: dict[str, Any] = document(traces(span()))
    made["resourceSpans"][0]["scopeSpans"][0]["spans"][0].update(fields)
    return made


def with_value(value: Any) -> dict[str, Any]:
    """A JSON request of one span whose attribute `a` has this AnyValue."""
    return span_document(attributes=[{"key": "a", "value": value}])


def _request(signal: Signal, groups: str, scopes: str, items: str, given: Any, service: str) -> Any:
    request = signal.request()
    group = getattr(request, groups).add()
    group.resource.attributes.append(pair("service.name", string_value=service))
    getattr(getattr(group, scopes).add(), items).extend(given)
    return request


def _hex_ids(node: Any, key: str = "") -> Any:
    if isinstance(node, dict):
        return {name: _hex_ids(child, name) for name, child in node.items()}
    if isinstance(node, list):
        return [_hex_ids(child) for child in node]
    return base64.b64decode(node).hex() if key in _IDS else node


def base64_ids(node: Any, key: str = "") -> Any:
    """OTLP/JSON as protobuf's own reader of JSON wants it."""
    if isinstance(node, dict):
        return {name: base64_ids(child, name) for name, child in node.items()}
    if isinstance(node, list):
        return [base64_ids(child) for child in node]
    return base64.b64encode(bytes.fromhex(node)).decode() if key in _IDS else node
