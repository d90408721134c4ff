"""The OpenTelemetry SDK for Python sends: what is found again, and what it makes of our answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode

from kernel.journal import JournalWriter
from tests.collector.conformance.target import Target, ours
from tests.collector.refusing_once import RefusingOnce

SERVICE = Resource.create({"service.name": "payments", "deployment.environment.name": "test"})
BEARER = {"authorization": "Bearer shop-token"}


@dataclass(frozen=True)
class Exporters:
    """The exporters of one transport, all of them with one compression."""

    target: Target
    compression: str

    def spans(self, headers: Mapping[str, str] = BEARER) -> Any:
        return HttpSpans(f"{self.target.http}/v1/traces", **self._http(headers))

    def logs(self) -> Any:
        return HttpLogs(f"{self.target.http}/v1/logs", **self._http(BEARER))

    def metrics(self) -> Any:
        return HttpMetrics(f"{self.target.http}/v1/metrics", **self._http(BEARER))

    def _http(self, headers: Mapping[str, str]) -> dict[str, Any]:
        return {"headers": dict(headers), "compression": Compression(self.compression)}


class GrpcExporters(Exporters):
    def spans(self, headers: Mapping[str, str] = BEARER) -> Any:
        return GrpcSpans(**self._grpc(headers))

    def logs(self) -> Any:
        return GrpcLogs(**self._grpc(BEARER))

    def metrics(self) -> Any:
        return GrpcMetrics(**self._grpc(BEARER))

    def _grpc(self, headers: Mapping[str, str]) -> dict[str, Any]:
        compression = {
            "none": grpc.Compression.NoCompression,
            "gzip": grpc.Compression.Gzip,
            "deflate": grpc.Compression.Deflate,
        }[self.compression]
        return {
            "endpoint": self.target.grpc,
            "insecure": True,
            "headers": dict(headers),
            "compression": compression,
        }


TRANSPORTS = {"http": Exporters, "grpc": GrpcExporters}


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    with ours(tmp_path) as started:
        yield started


@pytest.fixture(params=["none", "gzip", "deflate"])
def compression(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=sorted(TRANSPORTS))
def exporters(request: pytest.FixtureRequest, target: Target, compression: str) -> Exporters:
    return TRANSPORTS[request.param](target, compression)


def test_spans_are_found_by_their_trace(target: Target, exporters: Exporters) -> None:
    provider = TracerProvider(resource=SERVICE)
    provider.add_span_processor(BatchSpanProcessor(exporters.spans()))
    tracer = provider.get_tracer("shop")
    with tracer.start_as_current_span("charge", kind=SpanKind.SERVER) as outer:
        outer.set_attributes({"amount_minor": 4990, "ratio": 0.5, "retried": False, "tags": ["a"]})
        outer.add_event("sent", {"attempt": 1})
        with tracer.start_as_current_span("provider", kind=SpanKind.CLIENT) as inner:
            inner.set_status(Status(StatusCode.ERROR, "timed out"))
    assert provider.force_flush()
    provider.shutdown()
    assert target.world
    target.world.project()
    trace_id = f"{outer.get_span_context().trace_id:032x}"
    answer = target.world.client("viewer-token").get(f"/api/traces/{trace_id}").json()
    charge, call = answer["spans"]
    assert (charge["name"], charge["kind"], charge["service"]) == ("charge", "server", "payments")
    expected = {"amount_minor": 4990, "ratio": 0.5, "retried": False, "tags": '["a"]'}
    assert expected.items() <= charge["attributes"].items()
    assert charge["attributes"]["deployment.environment.name"] == "test"
    assert charge["events"][0]["name"] == "sent"
    assert (call["parent_span_id"], call["kind"]) == (charge["span_id"], "client")
    assert (call["status"], call["status_message"]) == ("error", "timed out")


def test_log_records_are_found_by_their_service(target: Target, exporters: Exporters) -> None:
    provider = LoggerProvider(resource=SERVICE)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporters.logs()))
    provider.get_logger("shop").emit(
        LogRecord(
            timestamp=1_795_000_000_000_000_000,
            severity_number=SeverityNumber.WARN,
            body={"reason": "declined", "tries": 2},
            attributes={"order": "o-1"},
            event_name="payment.declined",
        )
    )
    assert provider.force_flush()
    provider.shutdown()
    (row,) = target.logs("payments")
    assert (row.event_name, row.severity) == ("payment.declined", 13)
    assert row.time_us == 1_795_000_000_000_000
    assert row.body == '{"reason":"declined","tries":2}'
    assert row.attributes["order"] == "o-1"


def test_metrics_are_found_by_their_name(target: Target, exporters: Exporters) -> None:
    reader = PeriodicExportingMetricReader(exporters.metrics(), export_interval_millis=3_600_000)
    provider = MeterProvider(resource=SERVICE, metric_readers=[reader])
    meter = provider.get_meter("shop")
    meter.create_counter("orders", unit="1").add(3, {"country": "DE"})
    meter.create_gauge("queue").set(2.5)
    for value in (10, 20):
        meter.create_histogram("latency", unit="ms").record(value)
    assert provider.force_flush()
    provider.shutdown()
    orders, queue, latency = (target.metrics(name)[-1] for name in ("orders", "queue", "latency"))
    assert (orders.value, orders.unit, orders.attributes["country"]) == (3, "1", "DE")
    assert queue.value == 2.5
    assert (latency.value, latency.attributes["count"]) == (30, 2)


@pytest.mark.parametrize("transport", sorted(TRANSPORTS))
def test_a_batch_that_met_a_full_disk_is_sent_again_after_the_wait_and_stored_once(
    tmp_path: Path, transport: str
) -> None:
    journals: list[RefusingOnce] = []

    def wrapped(writer: JournalWriter) -> RefusingOnce:
        journals.append(RefusingOnce(writer))
        return journals[0]

    with ours(tmp_path, wrapped) as target:
        exporter = TRANSPORTS[transport](target, "gzip").spans()
        span = one_span()
        assert exporter.export([span]) is SpanExportResult.SUCCESS
        exporter.shutdown()
        assert journals[0].asked == 2
        assert len(target.spans(trace_id_of(span))) == 1


@pytest.mark.parametrize("transport", sorted(TRANSPORTS))
def test_a_wrong_token_is_told_at_once_and_not_tried_again(
    target: Target, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = TRANSPORTS[transport](target, "none").spans({"authorization": "Bearer wrong"})
    assert exporter.export([one_span()]) is SpanExportResult.FAILURE
    exporter.shutdown()
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize("transport", sorted(TRANSPORTS))
def test_a_partial_success_is_no_news_to_the_sdk_so_the_receipt_keeps_it(
    target: Target, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = TRANSPORTS[transport](target, "none").spans()
    assert exporter.export([one_span(trace_id=0)]) is SpanExportResult.SUCCESS
    exporter.shutdown()
    assert caplog.records == []
    assert target.world
    assert b"trace_id must be 16 bytes" in target.world.journal_bytes()


def one_span(**context: int) -> ReadableSpan:
    provider = TracerProvider(resource=SERVICE)
    with provider.get_tracer("shop").start_as_current_span("charge") as span:
        pass
    provider.shutdown()
    if context:
        replaced = span.get_span_context()
        span._context = type(replaced)(**{**_fields(replaced), **context})
    return span


def trace_id_of(span: ReadableSpan) -> bytes:
    return span.get_span_context().trace_id.to_bytes(16, "big")


def _fields(context: Any) -> dict[str, Any]:
    return {name: getattr(context, name) for name in ("trace_id", "span_id", "is_remote")}
