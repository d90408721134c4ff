"""Sentences 13-29: OTLP over HTTP."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from urllib.parse import urlsplit

import httpx2
import pytest

from collector.otlp.signals import SIGNALS, TRACES
from tests.collector.conformance.answers import (
    bad_field,
    rejected,
    response,
    retry_s,
    status,
    taken,
)
from tests.collector.conformance.requests import (
    JSON,
    KINDS,
    PROTOBUF,
    body,
    fresh,
    one_of_each,
    span,
    span_document,
    traces,
)
from tests.collector.conformance.target import ORIGIN, Target

RETRYABLE = {429, 502, 503, 504}
PARTIAL = traces(span(), span(trace_id=b""))


@pytest.mark.conformance(13)
def test_each_path_takes_the_request_of_its_signal(target: Target) -> None:
    assert [signal.path for signal in SIGNALS] == ["/v1/traces", "/v1/logs", "/v1/metrics"]
    for signal, message in one_of_each():
        for kind in KINDS:
            taken(signal, target.send(signal, message, kind))


@pytest.mark.conformance(14)
def test_the_default_ports_are_those_of_the_standard(target: Target) -> None:
    assert target.default_ports == (4318, 4317)


@pytest.mark.conformance(15)
def test_the_content_type_chooses_the_encoding_in_any_spelling(target: Target) -> None:
    message = traces(span())
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/json;x=y"):
        taken(TRACES, target.post("/v1/traces", body(message, JSON), kind))
    for kind in ("application/x-protobuf; x=y", "APPLICATION/X-PROTOBUF"):
        taken(TRACES, target.post("/v1/traces", body(message, PROTOBUF), kind))


@pytest.mark.conformance(16)
def test_the_answer_has_the_content_type_of_the_request(target: Target) -> None:
    for kind in KINDS:
        for message in (traces(span()), PARTIAL):
            assert target.send(TRACES, message, kind).headers["content-type"] == kind
        bad = target.post("/v1/traces", b"{" if kind == JSON else b"\xff", kind)
        assert (bad.status_code, bad.headers["content-type"]) == (400, kind)


@pytest.mark.conformance(17)
def test_success_is_200_with_a_response_message(target: Target) -> None:
    for signal, message in one_of_each():
        for kind in KINDS:
            answer = target.send(signal, message, kind)
            assert answer.status_code == 200
            assert response(signal, answer) == signal.response()


@pytest.mark.conformance(18)
def test_partial_success_is_200_too(target: Target) -> None:
    for kind in KINDS:
        answer = target.send(TRACES, PARTIAL, kind)
        assert answer.status_code == 200
        assert rejected(TRACES, answer) == 1


@pytest.mark.conformance(19)
def test_every_error_is_a_status_in_the_encoding_of_the_request(target: Target) -> None:
    beyond = b" " * (target.max_bytes + 1)
    for kind in KINDS:
        bad = b"{" if kind == JSON else b"\xff"
        answers = {
            400: [
                target.post("/v1/traces", bad, kind),
                target.post("/v1/traces", b"no", kind, content_encoding="gzip"),
            ],
            404: [target.post("/v1/nothing", b"", kind), target.post("/", b"", kind)],
            405: [_asked(target, "PUT", kind), _asked(target, "GET", kind)],
            413: [target.post("/v1/traces", beyond, kind)],
            415: [target.post("/v1/traces", bad, kind, content_encoding="no-such-encoding")],
        }
        if target.headers:
            answers[401] = [target.post("/v1/traces", b"", kind, authorization="Bearer wrong")]
            answers[403] = [
                target.post("/v1/traces", b"", kind, authorization="Bearer viewer-token")
            ]
        if target.overloaded:
            with target.overloaded() as away:
                answers[503] = [away.send(TRACES, traces(span()), kind)]
        for code, found in answers.items():
            for answer in found:
                assert answer.status_code == code
                assert answer.headers["content-type"] == kind
                assert status(answer).code > 0
    # Of an encoding that nobody reads, people read JSON best.
    assert status(target.post("/v1/traces", b"{}", "text/plain")).message


@pytest.mark.conformance(20)
def test_bad_data_is_400_and_names_the_field(target: Target) -> None:
    for signal in SIGNALS:
        for kind, content in ((JSON, b"{"), (JSON, b"\xff"), (JSON, b"[]"), (PROTOBUF, b"\xff")):
            answer = target.post(signal.path, content, kind)
            assert answer.status_code == 400
            assert bad_field(status(answer))
    cut_off = body(traces(span()), PROTOBUF)[:-3]
    assert bad_field(status(target.post("/v1/traces", cut_off, PROTOBUF)))
    not_utf8 = body(traces(span(name="~~~~")), PROTOBUF).replace(b"~~~~", b"\xff\xfe\xfd\xfc")
    assert target.post("/v1/traces", not_utf8, PROTOBUF).status_code == 400
    wrong = json.dumps(span_document(name=5)).encode()
    answer = target.post("/v1/traces", wrong, JSON)
    assert answer.status_code == 400
    assert bad_field(status(answer)).endswith("resourceSpans[0].scopeSpans[0].spans[0].name")


@pytest.mark.conformance(21)
def test_a_body_over_the_limit_is_413_however_it_comes(target: Target) -> None:
    size = target.max_bytes + 1
    piece = b" " * 65_536
    for kind in KINDS:
        plain = target.post("/v1/traces", b" " * size, kind)
        packed = gzip.compress(b" " * size)
        inflated = target.post("/v1/traces", packed, kind, content_encoding="gzip")
        chunked = target.post("/v1/traces", (piece for _ in range(size // 65_536 + 2)), kind)
        for answer in (plain, inflated, chunked):
            assert answer.status_code == 413
            assert status(answer).message
        # A length that is only claimed is refused before the body comes.
        assert _raw(target, kind, f"Content-Length: {1 << 50}\r\n\r\n".encode()) == 413
        # One that is too short ends the body there: what follows is another, broken request.
        assert _raw(target, kind, b"Content-Length: 2\r\n\r\n{}" + piece) in {200, 400}


@pytest.mark.conformance(22, needs=["overload"])
def test_what_passes_by_itself_is_never_500_or_408(target: Target) -> None:
    assert target.overloaded
    with target.overloaded() as away:
        for kind in KINDS:
            assert away.send(TRACES, traces(span()), kind).status_code in RETRYABLE
            # A body that stops half-way.
            assert _raw(away, kind, b"Content-Length: 100\r\n\r\n{") in RETRYABLE


@pytest.mark.conformance(23, needs=["overload"])
def test_overload_names_a_wait_that_sdks_can_keep(target: Target) -> None:
    assert target.overloaded
    assert target.held
    with target.overloaded() as away:
        answers = [away.send(TRACES, traces(span()), kind) for kind in KINDS * 2]
    with target.held() as (busy, let_go), ThreadPoolExecutor(80) as senders:
        # More than it takes at once: those that are sent away are done first.
        sent = [senders.submit(busy.send, TRACES, traces(span())) for _ in range(80)]
        answers += [one.result() for one in islice(as_completed(sent), 16)]
        let_go()
        assert sum(one.result().status_code == 200 for one in sent) == 64
    assert len(answers) == 20
    for answer in answers:
        assert answer.status_code in {429, 503}
        assert answer.headers["retry-after"] in {"1", "2"}
        assert retry_s(status(answer)) == float(answer.headers["retry-after"])
    assert len({answer.headers["retry-after"] for answer in answers}) == 2


@pytest.mark.conformance(24)
def test_no_request_makes_an_answer_too_large_to_send(target: Target) -> None:
    long = "x" * 50_000
    nested = '{"arrayValue":{"values":[' * 25 + '{"intValue":"?"}' + "]}}" * 25
    for kind in KINDS:
        answers = [
            target.send(TRACES, traces(*[span(trace_id=b"")] * 3_000), kind),
            target.post("/" + long, b"", kind),
            target.post("/v1/traces", b"", kind, content_encoding=long),
            target.post("/v1/traces", b"", long),
            target.post("/v1/traces", json.dumps({long: 1, "resourceSpans": long}), kind),
            target.post(
                "/v1/traces",
                json.dumps(span_document(attributes=["here"])).replace('"here"', nested),
                kind,
            ),
        ]
        for answer in answers:
            assert answer.status_code != 500
            assert len(answer.content) < 4096


@pytest.mark.conformance(25)
def test_an_answer_is_gzipped_only_where_that_is_accepted(target: Target) -> None:
    # Bad enough for an answer that is worth it.
    wrong = span_document(attributes=[{"key": "a", "value": {"arrayValue": {"values": [5]}}}])
    content = json.dumps(wrong).encode()
    plain = target.post("/v1/traces", content, JSON, accept_encoding="identity")
    assert "content-encoding" not in plain.headers
    for unwilling in ("br", "gzip;q=0", "gzip; q=0.0, br"):
        answer = target.post("/v1/traces", content, JSON, accept_encoding=unwilling)
        assert "content-encoding" not in answer.headers
    packed = target.post("/v1/traces", content, JSON, accept_encoding="deflate, GZIP;q=0.5")
    if target.world:
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < len(plain.content)
    assert packed.content == plain.content
    small = target.send(TRACES, traces(span()), JSON)
    assert "content-encoding" not in small.headers


@pytest.mark.conformance(26)
def test_connections_stay_open_and_several_work_at_once(target: Target) -> None:
    def ten_over_one_connection(_: int) -> int:
        connection = http.client.HTTPConnection(urlsplit(target.http).netloc, timeout=60)
        connection.connect()
        first = connection.sock
        statuses = []
        for _ in range(10):
            headers = {**target.headers, "Content-Type": PROTOBUF}
            connection.request("POST", "/v1/traces", body(traces(span()), PROTOBUF), headers)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
            assert connection.sock is first, "the connection was closed"
        connection.close()
        return statuses.count(200)

    with ThreadPoolExecutor(8) as senders:
        assert list(senders.map(ten_over_one_connection, range(8))) == [10] * 8


@pytest.mark.conformance(27)
def test_a_wrong_method_is_405_and_a_wrong_media_type_415(target: Target) -> None:
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = _asked(target, method, JSON)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        if method != "HEAD":
            assert status(answer).message
    content = body(traces(span()), JSON)
    for kind in ("text/plain", "application/xml", "application/jsonx", "application/grpc", ""):
        answer = target.post("/v1/traces", content, kind)
        assert answer.status_code == 415
        assert status(answer).message


@pytest.mark.conformance(28)
def test_a_body_that_is_not_what_its_encoding_says_is_400(target: Target) -> None:
    for kind in KINDS:
        good = gzip.compress(body(traces(span()), kind))
        # Not compressed, cut off, followed by something else, and with a wrong check sum.
        damaged = [body(traces(span()), kind), good[:-9], good + b"??"]
        damaged.append(good[:-8] + bytes(4) + good[-4:])
        for content in damaged:
            answer = target.post("/v1/traces", content, kind, content_encoding="gzip")
            assert answer.status_code == 400
            assert status(answer).message


@pytest.mark.conformance(29)
def test_browsers_of_listed_origins_pass_the_preflight(target: Target) -> None:
    asked = {
        "origin": ORIGIN,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,baggage,content-type,traceparent",
    }
    answer = target.ask("OPTIONS", "/v1/traces", **asked)
    assert answer.status_code in {200, 204}
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "origin" in answer.headers["vary"].lower()
    allowed = answer.headers["access-control-allow-headers"].lower().replace(" ", "").split(",")
    assert {"authorization", "baggage", "content-type", "traceparent"} <= set(allowed)
    trace_id = fresh()
    sent = target.post("/v1/traces", body(traces(span(trace_id=trace_id)), JSON), origin=ORIGIN)
    taken(TRACES, sent)
    bad = target.post("/v1/traces", b"{", origin=ORIGIN)
    strange = target.ask("OPTIONS", "/v1/traces", **{**asked, "origin": "https://evil"})
    assert sent.headers["access-control-allow-origin"] == ORIGIN
    assert bad.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in strange.headers
    for one in (answer, sent, bad, strange):
        assert "*" not in one.headers.get("access-control-allow-origin", "")
        assert "access-control-allow-credentials" not in one.headers


def _asked(target: Target, method: str, kind: str) -> httpx2.Response:
    return target.ask(method, "/v1/traces", **{**target.headers, "content-type": kind})


def _raw(target: Target, kind: str, rest: bytes) -> int:
    """The status of the first answer to a request whose end is sent as it is."""
    given = {**target.headers, "Host": "test", "Content-Type": kind}
    lines = ["POST /v1/traces HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    address = urlsplit(target.http)
    place = (str(address.hostname), int(address.port or 0))
    with socket.create_connection(place, timeout=60) as sock:
        sock.sendall("\r\n".join([*lines, ""]).encode() + rest)
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        return answer.status
