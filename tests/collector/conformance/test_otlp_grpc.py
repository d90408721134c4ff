"""Sentences 36-41: OTLP over gRPC."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice

import grpc
import pytest

from collector.otlp.signals import PROFILES_SERVICE, SIGNALS, TRACES
from tests.collector.conformance.answers import bad_field, retry_s, rpc_status
from tests.collector.conformance.requests import PROTOBUF, body, fresh, one_of_each, span, traces
from tests.collector.conformance.target import Target

# Any other code is final for the sender (OTLP/gRPC, Failures).
RETRYABLE = {
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}
GOOD = body(traces(span()), PROTOBUF)
WRONG_TOKEN = [("authorization", "Bearer wrong")]
NOT_A_SENDER = [("authorization", "Bearer viewer-token")]


@pytest.mark.conformance(36)
def test_export_of_the_three_services_works_with_many_calls_at_once(target: Target) -> None:
    trace_id = fresh()
    for signal, message in one_of_each():
        assert target.export(signal.service, body(message, PROTOBUF)) == b""
    with target.channel() as channel, ThreadPoolExecutor(32) as senders:
        export = target.call(channel, TRACES.service)
        bodies = [body(traces(span(trace_id=trace_id)), PROTOBUF) for _ in range(200)]
        assert list(senders.map(export, bodies)) == [b""] * 200
    if target.world:
        assert len(target.spans(trace_id)) == 200


@pytest.mark.conformance(37)
def test_over_the_limit_is_resource_exhausted_without_a_wait(target: Target) -> None:
    for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
        for signal in SIGNALS:
            error = _refusal(target, bytes(target.max_bytes + 1), signal.service, compression)
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert retry_s(rpc_status(error)) is None
            assert error.details()


@pytest.mark.conformance(38, needs=["overload"])
def test_overload_is_unavailable_and_names_a_wait(target: Target) -> None:
    assert target.overloaded
    assert target.held
    with target.overloaded() as away:
        errors = [_refusal(away, GOOD) for _ in range(2)]
    with target.held() as (busy, let_go), busy.channel() as channel, ThreadPoolExecutor(80) as pool:
        export = busy.call(channel, TRACES.service)
        # More than it takes at once: those that are sent away are done first.
        sent = [pool.submit(export, body(traces(span()), PROTOBUF)) for _ in range(80)]
        errors += [one.exception() for one in islice(as_completed(sent), 16)]
        let_go()
        assert sum(one.exception() is None for one in sent) == 64
    for error in errors:
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert rpc_status(error).code == grpc.StatusCode.UNAVAILABLE.value[0]
        assert retry_s(rpc_status(error)) in {1.0, 2.0}


@pytest.mark.conformance(39)
def test_bad_data_is_invalid_argument_and_names_the_field(target: Target) -> None:
    for signal in SIGNALS:
        for content in (b"\xff\xff", GOOD[:-3]):
            error = _refusal(target, content, signal.service)
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert rpc_status(error).code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
            assert rpc_status(error).message == error.details()
            assert bad_field(rpc_status(error))


@pytest.mark.conformance(40)
def test_retryable_codes_are_for_what_passes_and_nothing_else(target: Target) -> None:
    final = [
        _refusal(target, b"\xff\xff"),
        _refusal(target, bytes(target.max_bytes + 1)),
        _refusal(target, b"", PROFILES_SERVICE),
        _refusal(target, b"", "no.such.Service"),
    ]
    if target.headers:
        final += [
            _refusal(target, GOOD, metadata=metadata)
            for metadata in ([], WRONG_TOKEN, NOT_A_SENDER)
        ]
    for error in final:
        assert error.code() not in RETRYABLE
        assert retry_s(rpc_status(error)) is None
    if target.overloaded:
        with target.overloaded() as away:
            assert _refusal(away, GOOD).code() in RETRYABLE


@pytest.mark.conformance(41)
def test_the_same_fault_is_the_matching_status_on_both_transports(target: Target) -> None:
    def both(path: str, service: str, content: bytes) -> tuple[int, grpc.StatusCode]:
        code = target.post(path, content, PROTOBUF).status_code
        return code, _refusal(target, content, service).code()

    beyond = bytes(target.max_bytes + 1)
    traces_of = ("/v1/traces", TRACES.service)
    assert both(*traces_of, b"\xff\xff") == (400, grpc.StatusCode.INVALID_ARGUMENT)
    assert both(*traces_of, beyond) == (413, grpc.StatusCode.RESOURCE_EXHAUSTED)
    profiles = ("/v1development/profiles", PROFILES_SERVICE)
    assert both(*profiles, b"") == (404, grpc.StatusCode.UNIMPLEMENTED)
    if target.headers:
        for metadata, code, name in (
            (WRONG_TOKEN, 401, grpc.StatusCode.UNAUTHENTICATED),
            (NOT_A_SENDER, 403, grpc.StatusCode.PERMISSION_DENIED),
        ):
            answer = target.post("/v1/traces", GOOD, PROTOBUF, **dict(metadata))
            error = _refusal(target, GOOD, metadata=metadata)
            assert (answer.status_code, error.code()) == (code, name)
    if target.overloaded:
        with target.overloaded() as away:
            answer = away.post("/v1/traces", GOOD, PROTOBUF)
            assert (answer.status_code, _refusal(away, GOOD).code()) == (
                503,
                grpc.StatusCode.UNAVAILABLE,
            )


def _refusal(
    target: Target,
    content: bytes,
    service: str = TRACES.service,
    compression: grpc.Compression = grpc.Compression.NoCompression,
    **options: object,
) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        target.export(service, content, compression=compression, **options)
    return caught.value
