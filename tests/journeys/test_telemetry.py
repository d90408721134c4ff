"""Telemetry of real SDKs and of the standard's own examples is taken and found again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import grpc
import httpx2
import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode

from kernel.clock import HOUR_US, SystemClock
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore
from tests.journeys.running import RunningService, until
from tests.journeys.shop import now_us, span_export
from tests.shared_data import shared

RESOURCE = Resource.create({"service.name": "checkout", "service.version": "7"})
WAYS = pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])


@pytest.fixture
def store(service) -> Iterator[SqliteTelemetryStore]:
    """The telemetry store of the running service, read beside it."""
    opened = SqliteTelemetryStore(service.data_dir / "telemetry", SystemClock(), 7)
    yield opened
    opened.close()


def bearer(service: RunningService) -> dict[str, str]:
    return {"Authorization": f"Bearer {service.token}"}


def found_trace(service: RunningService, trace_id: str) -> dict[str, Any]:
    return until(
        lambda: service.client.get(f"/api/traces/{trace_id}"), f"trace {trace_id} is found"
    )


@WAYS
def test_spans_of_a_real_exporter_are_found_by_their_trace(service, compression):
    exporter = OTLPSpanExporter(
        f"{service.otlp_url}/v1/traces", headers=bearer(service), compression=compression
    )
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("journey")
    with tracer.start_as_current_span("place order", attributes={"cart.items": 3}) as outer:
        with tracer.start_as_current_span("charge") as inner:
            inner.set_status(Status(StatusCode.ERROR, "provider_timeout"))
            inner.add_event("retry", {"attempt": 2})
        trace_id = f"{outer.get_span_context().trace_id:032x}"
    assert provider.force_flush()
    provider.shutdown()
    found = found_trace(service, trace_id)
    assert found["trace_id"] == trace_id
    order, charge = found["spans"]
    assert (order["name"], order["service"], order["attributes"]["cart.items"]) == (
        "place order",
        "checkout",
        3,
    )
    assert charge["parent_span_id"] == order["span_id"]
    assert (charge["status"], charge["status_message"]) == ("error", "provider_timeout")
    assert charge["events"][0]["name"] == "retry"


@WAYS
def test_logs_of_a_real_exporter_are_found(service, store, compression):
    exporter = OTLPLogExporter(
        f"{service.otlp_url}/v1/logs", headers=bearer(service), compression=compression
    )
    provider = LoggerProvider(resource=RESOURCE)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    said = f"the terminal does not answer ({compression.value})"
    provider.get_logger("journey").emit(
        body=said, severity_number=SeverityNumber.ERROR, timestamp=now_us() * 1_000
    )
    provider.shutdown()

    def severities() -> list[int]:
        rows = store.logs(from_us=now_us() - HOUR_US, to_us=now_us() + HOUR_US, service="checkout")
        return [row.severity for row in rows if row.body == said]

    assert until(severities, "the log is found") == [17]


@WAYS
def test_metrics_of_a_real_exporter_are_found(service, store, compression):
    exporter = OTLPMetricExporter(
        f"{service.otlp_url}/v1/metrics", headers=bearer(service), compression=compression
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader], resource=RESOURCE)
    name = f"orders.placed.{compression.value}"
    provider.get_meter("journey").create_counter(name, unit="1").add(5, {"region": "eu-west"})
    provider.shutdown()

    def values() -> list[tuple[float, str]]:
        rows = store.metrics(from_us=now_us() - HOUR_US, to_us=now_us() + HOUR_US, name=name)
        return [(row.value, str(row.attributes["region"])) for row in rows]

    assert until(values, "the metric is found") == [(5.0, "eu-west")]


def test_a_grpc_exporters_span_is_found(service):
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    request = trace_service_pb2.ExportTraceServiceRequest()
    spans = request.resource_spans.add()
    label = spans.resource.attributes.add(key="service.name")
    label.value.string_value = "payments"
    spans.scope_spans.add().spans.add(
        trace_id=bytes.fromhex(trace_id),
        span_id=bytes.fromhex("b7ad6b7169203331"),
        name="capture",
        start_time_unix_nano=now_us() * 1_000,
        end_time_unix_nano=(now_us() + 1) * 1_000,
    )
    metadata = [("authorization", f"Bearer {service.token}")]
    with grpc.insecure_channel(f"127.0.0.1:{service.ports.otlp_grpc}") as channel:
        stub = trace_service_pb2_grpc.TraceServiceStub(channel)
        answer = stub.Export(request, metadata=metadata, timeout=20)
    assert not answer.HasField("partial_success")
    (span,) = found_trace(service, trace_id)["spans"]
    assert (span["name"], span["service"]) == ("capture", "payments")


@pytest.mark.parametrize(
    ("name", "signal"),
    [("trace", "traces"), ("logs", "logs"), ("events", "logs"), ("metrics", "metrics")],
)
def test_the_standards_own_examples_are_taken_whole(service, name, signal):
    body = shared(f"vectors/otlp/examples/{name}.json").read_bytes()
    headers = {**bearer(service), "Content-Type": "application/json"}
    answer = httpx2.post(f"{service.otlp_url}/v1/{signal}", content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {})
    receipt = answer.headers["tillwatch-receipt"]

    def projected() -> dict[str, Any] | None:
        found = service.client.get(f"/api/receipts/{receipt}")
        # The example trace may have been told by another test already: then this is a repeat.
        return found if found["projected"] or found["duplicates"] else None

    assert until(projected, "it is projected")["quarantined"] == []


def test_the_standards_example_trace_is_found_although_it_is_years_old(service):
    body = shared("vectors/otlp/examples/trace.json").read_bytes()
    headers = {**bearer(service), "Content-Type": "application/json"}
    httpx2.post(f"{service.otlp_url}/v1/traces", content=body, headers=headers)
    (span,) = found_trace(service, "5b8efff798038103d269b633813fc60c")["spans"]
    assert (span["name"], span["service"]) == ("I'm a server span", "my.service")
    assert span["attributes"]["my.span.attr"] == "some value"
    assert span["start"].startswith("2018-12-13T14:51:00")


def test_an_export_told_twice_is_stored_once(service):
    trace_id = "1" * 32
    body = json.dumps(span_export(trace_id, {"cart.items": 1}, now_us())).encode()
    headers = {**bearer(service), "Content-Type": "application/json"}
    for _ in range(3):
        answer = httpx2.post(f"{service.otlp_url}/v1/traces", content=body, headers=headers)
        assert answer.status_code == 200
    assert len(found_trace(service, trace_id)["spans"]) == 1
