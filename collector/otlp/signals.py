"""The three stable signals of OTLP: their messages, paths and names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from kernel.journal import ItemClass


@dataclass(frozen=True)
class Signal:
    """`rejected_field` counts refused items in the partial success of the response.

    `items`: names of the repeated fields from a request down to its items. `item_class`: what they
    are worth where not all can be taken.
    """

    name: str
    path: str
    service: str
    request: Any
    response: Any
    rejected_field: str
    items: tuple[str, str, str]
    item_class: ItemClass

    @property
    def format(self) -> str:
        """The format of its journal records."""
        return f"otlp.{self.name}"


_PACKAGE = "opentelemetry.proto.collector"
# Not stable yet, and nothing of ours reads them.
PROFILES_SERVICE = f"{_PACKAGE}.profiles.v1development.ProfilesService"
TRACES = Signal(
    "traces",
    "/v1/traces",
    f"{_PACKAGE}.trace.v1.TraceService",
    trace_service_pb2.ExportTraceServiceRequest,
    trace_service_pb2.ExportTraceServiceResponse,
    "rejected_spans",
    ("resource_spans", "scope_spans", "spans"),
    ItemClass.TRACE,
)
LOGS = Signal(
    "logs",
    "/v1/logs",
    f"{_PACKAGE}.logs.v1.LogsService",
    logs_service_pb2.ExportLogsServiceRequest,
    logs_service_pb2.ExportLogsServiceResponse,
    "rejected_log_records",
    ("resource_logs", "scope_logs", "log_records"),
    ItemClass.LOG,
)
METRICS = Signal(
    "metrics",
    "/v1/metrics",
    f"{_PACKAGE}.metrics.v1.MetricsService",
    metrics_service_pb2.ExportMetricsServiceRequest,
    metrics_service_pb2.ExportMetricsServiceResponse,
    "rejected_data_points",
    ("resource_metrics", "scope_metrics", "metrics"),
    ItemClass.METRIC,
)
SIGNALS = (TRACES, LOGS, METRICS)
BY_FORMAT = {signal.format: signal for signal in SIGNALS}
