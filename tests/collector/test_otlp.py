"""OTLP over HTTP and gRPC against real clients, and found again by query."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import httpx2
import pytest
import zstandard
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from collector.otlp.grpc_server import OtlpGrpcServer
from collector.otlp.intake import OtlpIntake
from collector.otlp.json_decode import decode_json
from collector.otlp.signals import LOGS, METRICS, TRACES, Signal
from kernel.clock import DAY_US, FrozenClock, parse_rfc3339
from kernel.errors import BadInput
from kernel.journal import JournalReader, JournalRecord, Stream
from tests.collector.otlp_server import serving
from tests.collector.world import World
from tests.shared_data import shared

JSON = {"Content-Type": "application/json", "Authorization": "Bearer shop-token"}
PROTOBUF = {"Content-Type": "application/x-protobuf", "Authorization": "Bearer shop-token"}
VECTORS: list[tuple[str, Signal]] = [
    ("trace.json", TRACES),
    ("logs.json", LOGS),
    ("events.json", LOGS),
    ("metrics.json", METRICS),
]
TRACE_ID = "5b8efff798038103d269b633813fc60c"
EVER = {"from_us": 0, "to_us": 1 << 60}


@pytest.fixture
def url(world: World) -> Iterator[str]:
    with serving(world) as address:
        yield address


def vector(name: str) -> bytes:
    return shared(f"vectors/otlp/examples/{name}").read_bytes()


def span(**more: object) -> dict:
    given = {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "name": "pay",
        "startTimeUnixNano": "1795000000000000000",
        "endTimeUnixNano": 1795000000500000000,
    }
    return {**given, **more}


def traces(*spans: dict, **resource: object) -> dict:
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


def attribute(value: object) -> dict:
    return {"attributes": [{"key": "a", "value": value}]}


def records(world: World) -> list[JournalRecord]:
    reader = JournalReader(world.journal_path)
    found = reader.read([Stream.RAW], 0)
    reader.close()
    return found


@pytest.mark.parametrize(("name", "signal"), VECTORS)
def test_the_examples_of_the_standard_are_stored_and_the_same_in_both_encodings(
    tmp_path: Path, name: str, signal: Signal
) -> None:
    rows = []
    as_protobuf = decode_json(vector(name), signal.request()).SerializeToString()
    for encoding, body in ((JSON, vector(name)), (PROTOBUF, as_protobuf)):
        clock = FrozenClock(parse_rfc3339("2018-12-13T15:00:00Z"))
        world = World(tmp_path / encoding["Content-Type"].replace("/", "-"), clock)
        with serving(world) as address:
            answer = httpx2.post(address + signal.path, content=body, headers=encoding)
        assert answer.status_code == 200, answer.text
        assert answer.content == (b"{}" if encoding is JSON else b"")
        assert answer.headers["content-type"] == encoding["Content-Type"]
        world.project()
        found = [
            *world.store.spans(**EVER),
            *world.store.logs(**EVER),
            *world.store.metrics(**EVER),
        ]
        rows.append([replace(row, position=0) for row in found])
        world.close()
    assert rows[0]
    assert rows[0] == rows[1]


def test_the_example_trace_is_read_back_unchanged(world: World, url: str) -> None:
    httpx2.post(url + "/v1/traces", content=vector("trace.json"), headers=JSON)
    world.project()
    answer = world.client("viewer-token").get(f"/api/traces/{TRACE_ID.upper()}")
    (found,) = answer.json()["spans"]
    assert found["span_id"] == "eee19b7ec3c1b174"
    assert found["parent_span_id"] == "eee19b7ec3c1b173"
    assert (found["name"], found["kind"], found["service"]) == (
        "I'm a server span",
        "server",
        "my.service",
    )
    assert found["attributes"]["my.span.attr"] == "some value"
    reader = world.client("viewer-token")
    assert reader.get("/api/traces/" + "00" * 16).status_code == 404
    assert reader.get("/api/traces/xyz").status_code == 400


def test_the_example_log_keeps_every_kind_of_value(tmp_path: Path) -> None:
    world = World(tmp_path, FrozenClock(parse_rfc3339("2018-12-13T15:00:00Z")))
    with serving(world) as address:
        httpx2.post(address + "/v1/logs", content=vector("logs.json"), headers=JSON)
    world.project()
    (row,) = world.store.logs(**EVER, trace_id=TRACE_ID)
    assert row.body == "Example log record"
    assert row.attributes["string.attribute"] == "some string"
    assert row.attributes["boolean.attribute"] is True
    assert row.attributes["int.attribute"] == 10
    assert row.attributes["double.attribute"] == 637.704
    assert row.attributes["array.attribute"] == '["many","values"]'
    assert row.attributes["map.attribute"] == '{"some.map.key":"some value"}'
    world.close()


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_a_real_sdk_exports_spans_that_are_found_by_their_trace(
    world: World, url: str, compression: Compression
) -> None:
    exporter = OTLPSpanExporter(
        endpoint=url + "/v1/traces",
        headers={"Authorization": "Bearer shop-token"},
        compression=compression,
    )
    provider = TracerProvider(resource=Resource.create({"service.name": "payments"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span("charge card") as outer:
        trace_id = f"{outer.get_span_context().trace_id:032x}"
        with provider.get_tracer("t").start_as_current_span("call provider"):
            pass
    provider.shutdown()
    world.project()
    names = [row.name for row in world.store.trace(trace_id)]
    assert names == ["charge card", "call provider"]


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("identity", bytes),
    ],
)
def test_every_content_encoding_is_read(world: World, url: str, encoding: str, compress) -> None:
    body = compress(json.dumps(traces(span())).encode())
    headers = {**JSON, "Content-Encoding": encoding}
    answer = httpx2.post(url + "/v1/traces", content=body, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["tillwatch-receipt"]
    assert len(records(world)) == 1


def test_a_repeated_batch_is_acknowledged_and_stored_once(world: World, url: str) -> None:
    for _ in range(2):
        answer = httpx2.post(url + "/v1/traces", json=traces(span()), headers=JSON)
        assert (answer.status_code, answer.content) == (200, b"{}")
    assert len(records(world)) == 1
    world.clock.advance_s(11 * 60)
    httpx2.post(url + "/v1/traces", json=traces(span()), headers=JSON)
    assert len(records(world)) == 2
    world.project()
    assert len(world.store.trace("ab" * 16)) == 1


def test_invalid_spans_are_refused_alone_and_counted_exactly(world: World, url: str) -> None:
    bad = [
        span(traceId="00" * 16),
        span(spanId=""),
        span(spanId="cd"),
        span(traceId="ab" * 15),
    ]
    document = traces(bad[0], span(), *bad[1:])
    answer = httpx2.post(url + "/v1/traces", json=document, headers=JSON)
    assert answer.status_code == 200
    partial = answer.json()["partialSuccess"]
    assert partial["rejectedSpans"] == "4"
    assert partial["errorMessage"]
    receipt = world.client().get(f"/api/receipts/{answer.headers['tillwatch-receipt']}").json()
    assert [one["index"] for one in receipt["rejected"]] == [0, 2, 3, 4]
    body = decode_json(json.dumps(document).encode(), TRACES.request()).SerializeToString()
    answer = httpx2.post(url + "/v1/traces", content=body, headers=PROTOBUF)
    response = TRACES.response.FromString(answer.content)
    assert response.partial_success.rejected_spans == 4
    world.project()
    assert len(world.store.spans(**EVER)) == 1


def test_invalid_data_points_are_refused_alone(world: World, url: str) -> None:
    points = [{"timeUnixNano": "1795000000000000000", "asInt": "5"}, {"asInt": 6}]
    histogram = {"timeUnixNano": 1, "bucketCounts": ["1"], "explicitBounds": [1, 2]}
    metrics = [
        {"name": "a", "gauge": {"dataPoints": points}},
        {"name": "b", "sum": {"dataPoints": points}},
        {"name": "c", "histogram": {"aggregationTemporality": 2, "dataPoints": [histogram]}},
    ]
    document = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}
    answer = httpx2.post(url + "/v1/metrics", json=document, headers=JSON)
    assert answer.json()["partialSuccess"]["rejectedDataPoints"] == "4"
    world.project()
    assert [row.value for row in world.store.metrics(**EVER)] == [5.0]


def test_empty_requests_and_envelopes_succeed(world: World, url: str) -> None:
    for content in (b"{}", b'{"resourceSpans":[{}]}', b'{"unknown":1,"resourceSpans":[]}'):
        answer = httpx2.post(url + "/v1/traces", content=content, headers=JSON)
        assert (answer.status_code, answer.content) == (200, b"{}")
    assert httpx2.post(url + "/v1/traces", content=b"", headers=PROTOBUF).status_code == 200


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"traceId": base64.b64encode(b"x" * 16).decode()}, "traceId"),
        ({"kind": "SPAN_KIND_SERVER"}, "kind"),
        ({"startTimeUnixNano": "soon"}, "startTimeUnixNano"),
        ({"startTimeUnixNano": -1}, "startTimeUnixNano"),
        ({"startTimeUnixNano": 1.5}, "startTimeUnixNano"),
        ({"name": 5}, "name"),
        ({"attributes": {}}, "attributes"),
        (
            {"attributes": [{"key": "a", "value": {"boolValue": 1}}]},
            "attributes[0].value.boolValue",
        ),
        (
            {"attributes": [{"key": "a", "value": {"bytesValue": "?"}}]},
            "attributes[0].value.bytesValue",
        ),
    ],
)
def test_bad_json_names_the_field_in_a_status(url: str, more: dict, path: str) -> None:
    answer = httpx2.post(url + "/v1/traces", json=traces(span(**more)), headers=JSON)
    assert answer.status_code == 400
    status = answer.json()
    field = f"$.resourceSpans[0].scopeSpans[0].spans[0].{path}"
    assert status["code"] == 3
    assert status["message"]
    assert status["details"][0]["fieldViolations"][0]["field"] == field


def test_snake_case_keys_are_unknown_and_ids_ignore_case(world: World, url: str) -> None:
    given = span(traceId="AB" * 16, trace_state="x", parent_span_id="zz")
    assert httpx2.post(url + "/v1/traces", json=traces(given), headers=JSON).json() == {}
    world.project()
    assert world.store.trace("ab" * 16)[0].parent_span_id == ""


def nested(levels: int) -> bytes:
    value = '{"arrayValue":{"values":[' * levels + '{"intValue":1}' + "]}}" * levels
    attributes = [{"key": "a", "value": 0}]
    text = json.dumps(traces(span(attributes=attributes)))
    return text.replace('"value": 0', f'"value": {value}').encode()


@pytest.mark.parametrize(
    ("path", "content", "headers", "status"),
    [
        ("/v1/traces", b"{", {}, 400),
        ("/v1/traces", b'{"resourceSpans":NaN}', {}, 400),
        ("/v1/traces", b'{"resourceSpans":[],"resourceSpans":[]}', {}, 400),
        ("/v1/traces", b"[]", {}, 400),
        ("/v1/traces", b'{"resourceSpans":[5]}', {}, 400),
        ("/v1/traces", nested(2000), {}, 400),
        ("/v1/traces", nested(60), {}, 400),
        ("/v1/traces", b"\xff\xff", {"Content-Type": "application/x-protobuf"}, 400),
        ("/v1/traces", b"{}", {"Content-Encoding": "gzip"}, 400),
        ("/v1/traces", b"{}", {"Content-Encoding": "zstd"}, 400),
        ("/v1/traces", b"{}", {"Content-Encoding": "snappy"}, 415),
        ("/v1/traces", b"{}", {"Content-Type": "text/plain"}, 415),
        ("/v1/traces", b"{}", {"Authorization": "Bearer wrong"}, 401),
        ("/v1/traces", b"{}", {"Authorization": "Basic eA=="}, 401),
        ("/v1/traces", b"{}", {"Authorization": "Bearer viewer-token"}, 403),
        ("/v1/nothing", b"{}", {}, 404),
        ("/v1/traces", gzip.compress(bytes(70_000_000)), {"Content-Encoding": "gzip"}, 413),
        ("/v1/traces", zstandard.compress(bytes(70_000_000)), {"Content-Encoding": "zstd"}, 413),
    ],
)
def test_errors_are_statuses_in_the_encoding_of_the_request(
    world: World, url: str, path: str, content: bytes, headers: dict, status: int
) -> None:
    given = {**JSON, **headers}
    answer = httpx2.post(url + path, content=content, headers=given, timeout=60)
    assert answer.status_code == status, answer.text
    if given["Content-Type"] == "application/x-protobuf":
        found = status_pb2.Status.FromString(answer.content)
        detail = error_details_pb2.BadRequest.FromString(found.details[0].value)
        assert detail.field_violations[0].field
        assert found.message
    else:
        assert answer.json()["message"]
    assert records(world) == []


def test_other_methods_are_refused(url: str) -> None:
    answer = httpx2.get(url + "/v1/traces", headers=JSON)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["code"] == 12


def test_charset_and_upper_case_of_the_content_type_do_not_matter(url: str) -> None:
    headers = {**JSON, "Content-Type": "Application/JSON; charset=utf-8"}
    assert httpx2.post(url + "/v1/traces", json=traces(span()), headers=headers).json() == {}


def test_a_body_beyond_the_bound_is_a_413_whatever_its_header_says(world: World) -> None:
    world.otlp = OtlpIntake(world.redactor, max_bytes=1000)
    with serving(world) as address:
        plain = httpx2.post(address + "/v1/traces", content=b" " * 1001, headers=JSON)
        chunked = httpx2.post(
            address + "/v1/traces", content=iter([b" " * 600, b" " * 600]), headers=JSON
        )
    assert (plain.status_code, chunked.status_code) == (413, 413)


def test_a_journal_that_cannot_write_is_a_503_with_a_short_retry_after(
    world: World, url: str
) -> None:
    world.writer.close()
    answer = httpx2.post(url + "/v1/traces", json=traces(span()), headers=JSON)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] in {"1", "2"}
    assert answer.json()["code"] == 14


def test_a_decoded_integer_may_be_text_or_number() -> None:
    for written in ('"5"', "5", "5.0"):
        body = f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"flags":{written}}}]}}]}}]}}'
        message = decode_json(body.encode(), TRACES.request())
        assert message.resource_spans[0].scope_spans[0].spans[0].flags == 5
    with pytest.raises(BadInput, match="out of range"):
        decode_json(
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"flags":-1}]}]}]}', TRACES.request()
        )


def test_grpc_takes_the_same_messages_with_its_own_statuses(world: World) -> None:
    world.otlp = OtlpIntake(world.redactor, max_bytes=10_000)
    server = OtlpGrpcServer(world.otlp, world.writer, world.tokens)
    port = server.start("127.0.0.1", 0)
    good = decode_json(json.dumps(traces(span())).encode(), TRACES.request()).SerializeToString()
    metadata = [("authorization", "Bearer shop-token")]
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        export = channel.unary_unary(f"/{TRACES.service}/Export")
        logs = channel.unary_unary(f"/{LOGS.service}/Export")

        def code(body: bytes, **options: object) -> grpc.StatusCode:
            with pytest.raises(grpc.RpcError) as caught:
                export(body, timeout=20, **options)
            return caught.value.code()

        assert export(good, metadata=metadata, timeout=20) == b""
        assert export(good, metadata=metadata, timeout=20, compression=grpc.Compression.Gzip) == b""
        assert logs(b"", metadata=metadata, timeout=20) == b""
        assert code(good) is grpc.StatusCode.UNAUTHENTICATED
        assert code(b"\xff\xff", metadata=metadata) is grpc.StatusCode.INVALID_ARGUMENT
        assert code(bytes(20_000), metadata=metadata) is grpc.StatusCode.RESOURCE_EXHAUSTED
        viewer = [("authorization", "Bearer viewer-token")]
        assert code(good, metadata=viewer) is grpc.StatusCode.PERMISSION_DENIED
        world.writer.close()
        late = good[:-1] + bytes([good[-1] ^ 1])
        assert code(late, metadata=metadata) is grpc.StatusCode.UNAVAILABLE
    server.stop()
    assert len(records(world)) == 1


def test_rows_out_of_the_retention_do_not_open_day_files(world: World, url: str) -> None:
    far = span(startTimeUnixNano="1", endTimeUnixNano="18446744073709551615")
    httpx2.post(url + "/v1/traces", json=traces(far), headers=JSON)
    world.project()
    names = {path.name for path in (world.folder / "telemetry").glob("*.db")}
    assert names == {"meta.db", "other.db"}
    assert len(world.store.trace("ab" * 16)) == 1
    assert world.clock.now_us() > DAY_US
