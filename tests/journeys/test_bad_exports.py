"""Bad OTLP exports: a google.rpc.Status in the encoding of the request, and no good item lost."""

from __future__ import annotations

import json
import socket

import httpx2
import pytest
from google.rpc import status_pb2

from tests.journeys.refusals import BOMB, JSON, PROTOBUF
from tests.journeys.running import RunningService, until
from tests.journeys.shop import now_us, span_export


@pytest.fixture(scope="module")
def service(strict_service) -> RunningService:
    return strict_service


OTLP_CASES = [
    ("cut JSON", b"{", JSON, {}, 400),
    ("an array", b"[]", JSON, {}, 400),
    ("a wrong type", b'{"resource@":7}', JSON, {}, 400),
    ("a wrong type within", b'{"resource@":[{"scope@":{}}]}', JSON, {}, 400),
    ("NaN", b'{"resource@":NaN}', JSON, {}, 400),
    ("deep", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, JSON, {}, 400),
    ("no UTF-8", b'{"a":"\xff"}', JSON, {}, 400),
    ("no protobuf", b"\xff\xff\xff", PROTOBUF, {}, 400),
    ("cut protobuf", b"\x0a\x7f\x01", PROTOBUF, {}, 400),
    ("a gzip bomb", BOMB, PROTOBUF, {"Content-Encoding": "gzip"}, 413),
    ("a gzip bomb of JSON", BOMB, JSON, {"Content-Encoding": "gzip"}, 413),
    ("damaged gzip", b"\x1f\x8b\x08\x00", JSON, {"Content-Encoding": "gzip"}, 400),
    ("an unknown encoding", b"", PROTOBUF, {"Content-Encoding": "br"}, 415),
    ("XML", b"<a/>", "application/xml", {}, 415),
    ("no token", b"", PROTOBUF, {"Authorization": ""}, 401),
    ("a wrong token", b"{}", JSON, {"Authorization": "Bearer nonsense"}, 401),
]


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
@pytest.mark.parametrize(
    ("body", "media", "headers", "status"),
    [case[1:] for case in OTLP_CASES],
    ids=[case[0] for case in OTLP_CASES],
)
def test_a_bad_export_is_refused_with_a_status(service, signal, body, media, headers, status):
    things = {"traces": b"Spans", "logs": b"Logs", "metrics": b"Metrics"}[signal]
    body = body if body == BOMB else body.replace(b"@", things)
    asked = {"Authorization": f"Bearer {service.token}", "Content-Type": media, **headers}
    url = f"{service.otlp_url}/v1/{signal}"
    answer = httpx2.post(url, content=body, headers=asked, timeout=60)
    check_status(answer, status, protobuf=media == PROTOBUF)


def check_status(answer: httpx2.Response, status: int, *, protobuf: bool = False) -> None:
    """The answer is a google.rpc.Status in the encoding of the request."""
    assert answer.status_code == status, answer.text[:300]
    assert answer.headers["content-type"] == (PROTOBUF if protobuf else JSON)
    if protobuf:
        message = status_pb2.Status.FromString(answer.content)
        code, text = message.code, message.message
    else:
        document = answer.json()
        code, text = document["code"], document["message"]
    assert code > 0
    assert text


def test_wrong_ways_to_the_otlp_port_are_refused_with_a_status(service):
    asked = {"Authorization": f"Bearer {service.token}", "Content-Type": JSON}
    with httpx2.Client(base_url=service.otlp_url, headers=asked) as otlp:
        for target in ("/", "/v1/profiles", "/v1/traces/", "/%00", "/api/events"):
            check_status(otlp.post(target, content=b"{}"), 404)
        for method in ("GET", "PUT", "DELETE", "OPTIONS", "TRACE"):
            check_status(otlp.request(method, "/v1/traces"), 405)


def test_a_bad_span_never_sinks_its_export(service):
    good, bad = "ab" * 16, "zz"
    document = span_export(good, {"cart.items": 1}, now_us())
    spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans.append({**spans[0], "traceId": "", "spanId": ""})
    asked = {"Authorization": f"Bearer {service.token}", "Content-Type": JSON}
    url = f"{service.otlp_url}/v1/traces"
    answer = httpx2.post(url, content=json.dumps(document).encode(), headers=asked)
    assert answer.status_code == 200
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"
    until(lambda: service.client.get(f"/api/traces/{good}"), "the good span is stored")
    spans[1] = {**spans[0], "traceId": bad}
    check_status(httpx2.post(url, content=json.dumps(document).encode(), headers=asked), 400)


def test_what_is_no_http_is_refused_and_the_door_stays_open(service):
    for port in (service.ports.http, service.ports.otlp_http):
        for words in (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET\r\n\r\n", b"\x00" * 4_096):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as raw:
                raw.sendall(words)
                first = raw.recv(64)
            assert first == b"" or first.startswith(b"HTTP/1.1 400"), first
    assert service.client.get("/readyz")["ready"]
