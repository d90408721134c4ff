"""Sentences 1-12: what OTLP asks whatever the transport."""

from __future__ import annotations

import gzip
import json

import grpc
import pytest

from collector.otlp.signals import METRICS, PROFILES_SERVICE, SIGNALS, TRACES
from tests.collector.conformance.answers import (
    rejected,
    response,
    retry_s,
    rpc_status,
    status,
    taken,
)
from tests.collector.conformance.requests import (
    JSON,
    KINDS,
    PROTOBUF,
    body,
    document,
    fresh,
    gauge,
    metrics,
    one_of_each,
    pair,
    point,
    span,
    traces,
)
from tests.collector.conformance.target import Target

# Field 30 of the wire type "length-delimited", which no message of OTLP has.
UNKNOWN_FIELD = b"\xf2\x01\x03new"


@pytest.mark.conformance(1)
def test_plain_and_gzip_requests_are_taken(target: Target) -> None:
    for signal, message in one_of_each():
        for kind in KINDS:
            plain = body(message, kind)
            taken(signal, target.post(signal.path, plain, kind))
            packed = gzip.compress(plain)
            taken(signal, target.post(signal.path, packed, kind, content_encoding="gzip"))
        for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
            plain = body(message, PROTOBUF)
            assert target.export(signal.service, plain, compression=compression) == b""


@pytest.mark.conformance(2)
def test_a_request_without_telemetry_succeeds(target: Target) -> None:
    for signal in SIGNALS:
        taken(signal, target.post(signal.path, b"{}", JSON))
        taken(signal, target.post(signal.path, b"", PROTOBUF))
        assert target.export(signal.service, b"") == b""


@pytest.mark.conformance(3)
def test_empty_envelopes_do_no_harm(target: Target) -> None:
    for signal, groups, scopes in (
        (SIGNALS[0], "resourceSpans", "scopeSpans"),
        (SIGNALS[1], "resourceLogs", "scopeLogs"),
        (SIGNALS[2], "resourceMetrics", "scopeMetrics"),
    ):
        for envelope in ([], [{}], [{"resource": {}}], [{scopes: []}], [{scopes: [{}]}]):
            content = json.dumps({groups: envelope}).encode()
            taken(signal, target.post(signal.path, content, JSON))
        # A group, then a group with a scope, each of length 0.
        for content in (b"\x0a\x00", b"\x0a\x02\x12\x00"):
            taken(signal, target.post(signal.path, content, PROTOBUF))
            assert target.export(signal.service, content) == b""


@pytest.mark.conformance(4)
def test_full_success_leaves_partial_success_unset(target: Target) -> None:
    for signal, message in one_of_each():
        assert target.send(signal, message, JSON).content == b"{}"
        assert target.send(signal, message, PROTOBUF).content == b""
        assert target.export(signal.service, body(message, PROTOBUF)) == b""


@pytest.mark.conformance(5)
def test_a_partial_success_counts_exactly_what_was_refused(target: Target) -> None:
    spans = traces(span(), span(trace_id=b""), span(), span(span_id=bytes(8)), span(trace_id=b"x"))
    points = metrics(gauge("queue", point(), point(time_unix_nano=0)), gauge("other", point()))
    for signal, message, count in ((TRACES, spans, 3), (METRICS, points, 1)):
        for kind in KINDS:
            assert rejected(signal, target.send(signal, message, kind)) == count
        answer = signal.response.FromString(target.export(signal.service, body(message, PROTOBUF)))
        assert getattr(answer.partial_success, signal.rejected_field) == count


@pytest.mark.conformance(6)
def test_a_refusal_of_items_says_why(target: Target) -> None:
    for kind in KINDS:
        answer = target.send(TRACES, traces(span(), span(trace_id=b"")), kind)
        assert "trace_id" in response(TRACES, answer).partial_success.error_message


@pytest.mark.conformance(7, needs=["warnings"])
def test_a_warning_counts_nothing_and_says_something(target: Target) -> None:
    for kind in KINDS:
        partial = response(TRACES, target.send(TRACES, traces(span(name="")), kind)).partial_success
        assert partial.rejected_spans == 0
        assert "name" in partial.error_message


@pytest.mark.conformance(8)
def test_unknown_fields_are_passed_over_and_the_rest_is_stored(target: Target) -> None:
    trace_id = fresh()
    message = traces(span(trace_id=trace_id, name="in protobuf"))
    taken(TRACES, target.post("/v1/traces", body(message, PROTOBUF) + UNKNOWN_FIELD, PROTOBUF))
    inner = span(trace_id=trace_id, name="in the span").SerializeToString() + UNKNOWN_FIELD
    scope = b"\x12" + bytes([len(inner)]) + inner
    group = b"\x12" + bytes([len(scope)]) + scope
    taken(TRACES, target.post("/v1/traces", b"\x0a" + bytes([len(group)]) + group, PROTOBUF))
    given = document(traces(span(trace_id=trace_id, name="in JSON")))
    given["new"] = {"deep": [1, None, {"spans": "?"}]}
    (one,) = given["resourceSpans"][0]["scopeSpans"][0]["spans"]
    one |= {"new": [[]], "spans": 5, "attributes": [{"key": "a", "value": {"newValue": {"x": 1}}}]}
    taken(TRACES, target.post("/v1/traces", json.dumps(given).encode(), JSON))
    if target.world:
        names = {row.name for row in target.spans(trace_id)}
        assert names == {"in protobuf", "in the span", "in JSON"}


@pytest.mark.conformance(9)
def test_the_message_of_a_partial_success_is_bounded(target: Target) -> None:
    bad = [span(trace_id=b"", name="x" * 200, attributes=[pair("k" * 90, int_value=1)])] * 1500
    for kind in KINDS:
        answer = target.send(TRACES, traces(span(), *bad), kind)
        assert rejected(TRACES, answer) == 1500
        assert response(TRACES, answer).partial_success.error_message
        assert len(answer.content) < 4096


@pytest.mark.conformance(10)
def test_the_size_limit_holds_before_and_after_decompression(target: Target) -> None:
    within = body(traces(_of_size(target.max_bytes - 1_000)), PROTOBUF)
    beyond = body(traces(_of_size(target.max_bytes)), PROTOBUF)
    packed = gzip.compress(beyond)
    assert len(packed) < target.max_bytes / 100
    taken(TRACES, target.post("/v1/traces", within, PROTOBUF))
    assert target.post("/v1/traces", beyond, PROTOBUF).status_code == 413
    answer = target.post("/v1/traces", packed, PROTOBUF, content_encoding="gzip")
    assert answer.status_code == 413
    assert target.export(TRACES.service, within) == b""
    for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
        with pytest.raises(grpc.RpcError) as caught:
            target.export(TRACES.service, beyond, compression=compression)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.conformance(11)
def test_the_same_request_again_succeeds_again(target: Target) -> None:
    trace_id = fresh()
    message = traces(span(trace_id=trace_id))
    for _ in range(3):
        for kind in KINDS:
            taken(TRACES, target.send(TRACES, message, kind))
        assert target.export(TRACES.service, body(message, PROTOBUF)) == b""
    if target.world:
        assert len(target.spans(trace_id)) == 1


@pytest.mark.conformance(12)
def test_three_signals_are_served_and_profiles_refused_as_not_there(target: Target) -> None:
    for signal, message in one_of_each():
        taken(signal, target.send(signal, message))
        assert target.export(signal.service, body(message, PROTOBUF)) == b""
    for kind in KINDS:
        answer = target.post("/v1development/profiles", b"", kind)
        assert answer.status_code == 404
        assert status(answer).code == grpc.StatusCode.NOT_FOUND.value[0]
    with pytest.raises(grpc.RpcError) as caught:
        target.export(PROFILES_SERVICE, b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert retry_s(rpc_status(caught.value)) is None


def _of_size(size: int):
    return span(attributes=[pair("filler", string_value="x" * size)])
