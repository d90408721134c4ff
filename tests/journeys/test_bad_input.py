"""Whatever comes in: a refusal that says what, where and why; never a 500, never half an effect."""

from __future__ import annotations

import gzip
import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from google.rpc import status_pb2

from app.fakes.slack_server import FakeSlack
from kernel.clock import DAY_US, rfc3339
from tests.journeys.running import RunningService, command, running, until
from tests.journeys.shop import now_us, payment, span_export

SECRET = "the-signing-secret"
MIB = 1024**2
JSON = "application/json"
PROTOBUF = "application/x-protobuf"
BOMB = gzip.compress(bytes(100 * MIB), 9)


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[RunningService]:
    """A service with Slack's secret; nothing in its log may be unexpected at the end."""
    folder = tmp_path_factory.mktemp("bad-input")
    with running(folder, SLACK_SIGNING_SECRET=SECRET) as found:
        yield found
        log = found.log.read_text()
        assert "unexpected_error" not in log, found.tail(20_000)
        assert "Traceback" not in log, found.tail(20_000)


@pytest.fixture(scope="module")
def http(service) -> Iterator[httpx2.Client]:
    with service.http() as client:
        yield client


@dataclass(frozen=True)
class Case:
    """A request and how it is refused. `path`: the place that the problem names."""

    name: str
    body: bytes
    status: int
    code: str
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def event(**changes: Any) -> bytes:
    """A good payment with some fields replaced, as JSON."""
    good = payment("pay-bad")
    data = {**good["data"], **changes.pop("data", {})}
    return json.dumps({**good, "data": data, **changes}).encode()


def gz(body: bytes) -> bytes:
    return gzip.compress(body)


OLD = rfc3339(now_us() - 500 * DAY_US)
EVENT_CASES = [
    Case("no body", b"", 400, "bad_input", "$"),
    Case("cut JSON", b'{"type":', 400, "bad_input", "$"),
    Case("no UTF-8", b'{"type":"\xff"}', 400, "bad_input", "$"),
    Case("UTF-16", '{"type":"a.b.c"}'.encode("utf-16"), 400, "bad_input", "$"),
    Case("a text", b'"payment.succeeded"', 400, "bad_input", "$"),
    Case("null", b"null", 400, "bad_input", "$"),
    Case("a number", b"12", 400, "bad_input", "$"),
    Case("NaN", b'{"type":"a.b.c","n":NaN}', 400, "bad_input", "$"),
    Case("Infinity", b'{"type":"a.b.c","n":-Infinity}', 400, "bad_input", "$"),
    Case("1e999", b'{"type":"a.b.c","n":1e999}', 400, "bad_input", "$"),
    Case("a huge integer", b'{"type":"a.b.c","n":' + b"9" * 5_000 + b"}", 400, "bad_input", "$"),
    Case("the same key twice", b'{"type":"a.b.c","type":"x"}', 400, "bad_input", "$"),
    Case("a lone surrogate", b'{"type":"a.b.c","n":"\\ud800"}', 400, "bad_input", "$"),
    Case("65 levels", b'{"a":' * 65 + b"1" + b"}" * 65, 400, "bad_input", "$"),
    Case("100,000 levels", b"[" * 100_000, 400, "bad_input", "$"),
    Case("no type", event(type=None), 400, "bad_input", "$.type"),
    Case("a type that is a number", event(type=5), 400, "bad_input", "$.type"),
    Case("an unknown type", event(type="payment.suceeded"), 400, "bad_input", "$.type"),
    Case("a derived type", event(type="payment.expired"), 400, "bad_input", "$.type"),
    Case("no time", event(time="yesterday"), 400, "bad_input", "$.time"),
    Case("a time of 1971", event(time="1971-01-01T00:00:00Z"), 400, "bad_input", "$.time"),
    Case("a time of 500 days ago", event(time=OLD), 400, "bad_input", "$.time"),
    Case("a time that is a number", event(time=1), 400, "bad_input", "$.time"),
    Case("data that is a list", event()[:-1] + b',"data":[]}', 400, "bad_input", "$"),
    Case(
        "an amount in euros",
        event(data={"amount_minor": 42.5}),
        400,
        "bad_input",
        "$.data.amount_minor",
    ),
    Case(
        "a negative amount",
        event(data={"amount_minor": -1}),
        400,
        "bad_input",
        "$.data.amount_minor",
    ),
    Case(
        "an amount as text",
        event(data={"amount_minor": "4200"}),
        400,
        "bad_input",
        "$.data.amount_minor",
    ),
    Case("no such currency", event(data={"currency": "EURO"}), 400, "bad_input", "$.data.currency"),
    Case(
        "no such decline",
        event(data={"decline_class": "moon"}),
        400,
        "bad_input",
        "$.data.decline_class",
    ),
    Case(
        "a provider that is a list",
        event(data={"provider": ["x"]}),
        400,
        "bad_input",
        "$.data.provider",
    ),
    Case(
        "an id of 201 letters",
        event(data={"payment_id": "x" * 201}),
        400,
        "bad_input",
        "$.data.payment_id",
    ),
    Case(
        "a latency of minus one",
        event(data={"latency_ms": -1}),
        400,
        "bad_input",
        "$.data.latency_ms",
    ),
    Case(
        "65 attributes",
        event(data={"attributes": {f"k{n}": n for n in range(65)}}),
        400,
        "bad_input",
        "*",
    ),
    Case("1,001 events", b"[" + b",".join([b"{}"] * 1_001) + b"]", 413, "too_large"),
    Case("5 MiB", b" " * (5 * MIB), 413, "too_large"),
    Case("17 MiB", b" " * (17 * MIB), 413, "too_large"),
    Case("a gzip bomb", BOMB, 413, "too_large", headers={"Content-Encoding": "gzip"}),
    Case("damaged gzip", gz(b"{}")[:-6], 400, "bad_input", "*", {"Content-Encoding": "gzip"}),
    Case("no gzip at all", b"{}", 400, "bad_input", "*", {"Content-Encoding": "gzip"}),
    Case("no zstd at all", b"{}", 400, "bad_input", "*", {"Content-Encoding": "zstd"}),
    Case(
        "an unknown encoding", b"{}", 415, "unsupported_format", headers={"Content-Encoding": "br"}
    ),
    Case("XML", b"<a/>", 415, "unsupported_format", headers={"Content-Type": "application/xml"}),
    Case(
        "a CloudEvent without id",
        event(id=""),
        400,
        "bad_input",
        "$.id",
        {"Content-Type": "application/cloudevents+json"},
    ),
    Case(
        "specversion 2",
        event(specversion="2.0"),
        400,
        "bad_input",
        "$.specversion",
        {"Content-Type": "application/cloudevents+json"},
    ),
    Case(
        "a bent CloudEvent header",
        b"{}",
        400,
        "bad_input",
        "*",
        {"ce-specversion": "1.0", "ce-id": "%ff", "ce-source": "s", "ce-type": "a.b.c"},
    ),
]


def check_problem(answer: httpx2.Response, status: int, code: str, path: str = "") -> None:
    """The answer is problem+json with everything that a person needs."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["detail"]
    assert problem["title"]
    assert problem["instance"].startswith("/")
    assert "path" in problem or "hint" in problem, problem
    if path == "*":
        assert problem["path"], problem
    elif path:
        assert problem["path"] == path, problem


@pytest.mark.parametrize("case", EVENT_CASES, ids=lambda case: case.name)
def test_a_bad_event_is_refused_with_place_and_reason(http, case):
    headers = {"Content-Type": JSON, **case.headers}
    answer = http.post("/api/events", content=case.body, headers=headers)
    check_problem(answer, case.status, case.code, case.path)


BAD_ITEMS = {
    "no object": b"7",
    "no type": b'{"id":"a"}',
    "unknown type": b'{"type":"payment.suceeded"}',
    "wrong amount": b'{"type":"payment.succeeded","data":{"amount_minor":"many","currency":"EUR"}}',
    "same key twice": b'{"type":"a.b.c","type":"payment.succeeded"}',
    "too deep": b'{"type":"a.b.c","data":' + b'{"a":' * 70 + b"1" + b"}" * 70 + b"}",
    "a huge integer": b'{"type":"a.b.c","data":{"n":123456789012345678901234567890}}',
    "a lone surrogate": b'{"type":"a.b.c","data":{"n":"\\ud800"}}',
}


@pytest.mark.parametrize("form", ["array", "lines", "cloudevents"])
@pytest.mark.parametrize("bad", BAD_ITEMS, ids=lambda name: name)
def test_a_bad_item_never_sinks_its_batch(service, http, form, bad):
    name = f"pay-beside-{form}-{bad.replace(' ', '-')}"
    first, last = (json.dumps(payment(f"{name}-{n}")).encode() for n in range(2))
    items = [first, BAD_ITEMS[bad], last]
    media = {
        "array": JSON,
        "lines": "application/x-ndjson",
        "cloudevents": "application/cloudevents-batch+json",
    }[form]
    body = b"\n".join(items) if form == "lines" else b"[" + b",".join(items) + b"]"
    answer = http.post("/api/events", content=body, headers={"Content-Type": media})
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert (told["accepted"], [one["index"] for one in told["rejected"]]) == (2, [1])
    assert told["rejected"][0]["reason"]

    def stored() -> set[str]:
        page = service.client.get("/api/events", limit=10_000)["events"]
        return {one["payment_id"] for one in page if one.get("payment_id", "").startswith(name)}

    until(lambda: len(stored()) >= 2, "the good items are stored")
    assert stored() == {f"{name}-0", f"{name}-1"}
    receipt = service.client.get(f"/api/receipts/{told['receipt']}")
    assert len(receipt["rejected"]) == 1


NEVER = "01a20344-3803-7534-86b8-69c4106305cd"
QUERY_CASES = [
    ("GET", "/api/events?limit=0", 400, "limit"),
    ("GET", "/api/events?limit=many", 400, "query.limit"),
    ("GET", "/api/events?limit=99999999999999999999999", 400, "*"),
    ("GET", "/api/events?since=yesterday", 400, "since"),
    ("GET", "/api/events?since=9999999999d", 400, "since"),
    ("GET", "/api/events?since=999999d", 200, ""),
    ("GET", "/api/events?since=9999-12-31T23:59:59Z", 200, ""),
    ("GET", "/api/changes?limit=-1", 400, "limit"),
    ("GET", "/api/traces/xyz", 400, "trace_id"),
    ("GET", f"/api/traces/{'0' * 31}1", 404, ""),
    ("GET", "/api/receipts/nothing", 404, ""),
    ("GET", "/api/receipts/%00", 404, ""),
    ("GET", "/api/deadletters/nothing", 404, ""),
    ("GET", "/api/deadletters?limit=99999999999999999999", 400, "*"),
    ("GET", "/api/slos/nothing", 404, ""),
    ("GET", "/api/slos/%F0%9F%92%A9%00", 404, ""),
    ("GET", "/api/slos/payment-success/series?from=now", 400, "query.from"),
    ("GET", "/api/slos/payment-success/series?step=0", 400, "query.step"),
    (
        "GET",
        "/api/slos/payment-success/series?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        0,
        "",
    ),
    ("GET", "/api/slos/payment-success/series?from=0001-01-01T00:00:00Z&step=5", 0, ""),
    ("GET", "/api/burn-alerts?active=perhaps", 400, "query.active"),
    ("GET", "/api/incidents/INC-0", 404, ""),
    ("GET", "/api/incidents/INC-99999999999999999999999", 404, ""),
    ("GET", "/api/incidents?state=burning", 0, ""),
    ("GET", "/api/incidents?limit=-5", 400, "*"),
    ("GET", "/api/incidents?limit=99999999999999999999", 400, "*"),
    ("POST", "/api/incidents/INC-0/acknowledge", 404, ""),
    ("POST", "/api/incidents/INC-0/close", 404, ""),
    ("GET", f"/api/approvals/{NEVER}", 404, ""),
    ("GET", "/api/approvals?state=perhaps", 0, ""),
    ("GET", "/audit?before=minus", 200, ""),
    ("GET", "/audit?before=-1&type=%27%20OR%201=1", 200, ""),
    ("GET", "/nothing", 404, ""),
    ("GET", "/api/nothing", 404, ""),
    ("GET", "/api", 404, ""),
    ("GET", "/%00", 404, ""),
    ("GET", "/%ff%fe", 404, ""),
    ("GET", "/static/../../../etc/passwd", 404, ""),
    ("GET", "/static/%2e%2e/%2e%2e/pyproject.toml", 404, ""),
    ("GET", "/static/..%2f..%2fapp%2fdoor.py", 404, ""),
    ("GET", "/" + "a" * 8_000, 404, ""),
    ("PUT", "/api/events", 405, ""),
    ("DELETE", "/api/slos/payment-success", 405, ""),
    ("PATCH", "/api/incidents/INC-1", 405, ""),
    ("POST", "/livez", 405, ""),
    ("TRACE", "/api/events", 405, ""),
]
CODES = {400: "bad_input", 404: "not_found", 405: "wrong_method"}


@pytest.mark.parametrize(("method", "target", "status", "path"), QUERY_CASES)
def test_a_bad_question_is_refused_with_place_and_reason(http, method, target, status, path):
    """Status 0: any answer will do that is not our fault."""
    answer = http.request(method, target, headers={"Accept": JSON})
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        wanted = status or answer.status_code
        check_problem(answer, wanted, CODES[wanted], path)
    else:
        assert status in {0, 200}


DECISIONS = [
    (b"", JSON, 400),
    (b"{", JSON, 400),
    (b"[]", JSON, 400),
    (b'{"decision":"perhaps","shown_hash":"x"}', JSON, 400),
    (b'{"decision":"approve"}', JSON, 400),
    (b'{"decision":"approve","decision":"reject","shown_hash":"x"}', JSON, 400),
    (b'{"decision":"approve","shown_hash":"x"}', JSON, 404),
    (b'{"decision":"approve","shown_hash":"x"}', "text/plain", 0),
    (b"decision=approve&shown_hash=x", "application/x-www-form-urlencoded", 404),
    (b"decision=%ff", "application/x-www-form-urlencoded", 400),
]


@pytest.mark.parametrize(("body", "media", "status"), DECISIONS)
def test_a_bad_decision_is_refused(http, body, media, status):
    url = f"/api/approvals/{NEVER}/decision"
    answer = http.post(url, content=body, headers={"Content-Type": media, "Accept": JSON})
    assert 400 <= answer.status_code < 500, answer.text
    if status:
        check_problem(answer, status, CODES[status], "*" if status == 400 else "")


CHANGES = [
    b"",
    b"{",
    b"7",
    b'{"kind":"party"}',
    b'{"kind":"deploy","at":"soon"}',
    b'{"specversion":"1.0"}',
]


@pytest.mark.parametrize("body", CHANGES)
def test_a_bad_change_is_refused(http, body):
    answer = http.post("/api/changes", content=body, headers={"Content-Type": JSON})
    check_problem(answer, 400, "bad_input", "*")


@pytest.fixture(scope="module")
def tokens(service) -> dict[str, str]:
    """Tokens that are not good (any more), and ones that are not good enough."""
    made = {
        "ingest": service.token_for("machine", "ingest", machine=True),
        "viewer": service.token_for("reader", "viewer"),
        "expired": service.token_for("gone", "viewer", "ingest"),
        "revoked": service.token_for("sacked", "viewer", "ingest"),
    }
    code, listed = command(["token", "list", "--data-dir", str(service.data_dir)])
    assert code == 0
    ids = {row["person"]: row["id"] for row in listed["tokens"]}
    code, _ = command(["token", "revoke", ids["sacked"], "--data-dir", str(service.data_dir)])
    assert code == 0
    with closing(sqlite3.connect(service.data_dir / "control.db", timeout=20)) as database:
        past_us = now_us() - 1
        sql = "UPDATE token SET expires_us = ? WHERE id = ?"
        assert database.execute(sql, (past_us, ids["gone"])).rowcount == 1
        database.commit()
    for name in ("expired", "revoked"):
        asked = {"Authorization": f"Bearer {made[name]}"}
        until(
            lambda asked=asked: (
                httpx2.get(f"{service.url}/api/me", headers=asked).status_code == 401
            ),
            f"the {name} token is not known any more",
        )
    return made


PLACES = [("GET", "/api/slos"), ("POST", "/api/events"), ("GET", "/api/events"), ("GET", "/audit")]
PLACES += [("POST", "/api/changes"), ("POST", f"/api/approvals/{NEVER}/decision")]
PLACES += [("POST", "/webhooks/alertmanager"), ("GET", "/api/runbooks"), ("GET", "/")]


@pytest.mark.parametrize(("method", "target"), PLACES)
def test_nobody_gets_in_with_a_bad_token(service, tokens, method, target):
    shown = ["", "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer " + "x" * 5_000]
    shown += [f"Bearer {tokens['expired']}", f"Bearer {tokens['revoked']}", f"bearer {'a' * 43}"]
    for authorization in shown:
        headers = {"Accept": JSON, "Content-Type": JSON}
        if authorization:
            headers["Authorization"] = authorization
        answer = httpx2.request(method, service.url + target, headers=headers)
        check_problem(answer, 401, "not_authenticated")
        assert "Bearer" in answer.headers["www-authenticate"]


REFUSED = [
    ("ingest", "GET", "/api/slos"),
    ("ingest", "GET", "/api/events"),
    ("ingest", "GET", "/api/incidents"),
    ("ingest", "POST", f"/api/approvals/{NEVER}/decision"),
    ("viewer", "POST", "/api/events"),
    ("viewer", "POST", "/webhooks/alertmanager"),
    ("viewer", "POST", "/api/incidents/INC-1/acknowledge"),
]


@pytest.mark.parametrize(("who", "method", "target"), REFUSED)
def test_nobody_does_what_their_role_does_not_allow(service, tokens, who, method, target):
    headers = {"Authorization": f"Bearer {tokens[who]}", "Accept": JSON, "Content-Type": JSON}
    answer = httpx2.request(method, service.url + target, headers=headers, content=b"{}")
    check_problem(answer, 403, "not_allowed")


def test_a_forged_slack_request_is_refused(service):
    url = f"{service.url}/slack/interactions"
    body = b"payload=%7B%7D"
    now_s = now_us() // 1_000_000
    forged = FakeSlack("another-secret").headers(body, now_s)
    for headers in (forged, {}, {"X-Slack-Signature": "v0=", "X-Slack-Request-Timestamp": "1"}):
        check_problem(httpx2.post(url, content=body, headers=headers), 401, "not_authenticated")
    signed = FakeSlack(SECRET)
    for bad in (b"", b"payload=", b"payload=%7B", b"payload=7", b"payload=%7B%7D", b"x" * 70_000):
        answer = httpx2.post(url, content=bad, headers=signed.headers(bad, now_s))
        check_problem(answer, 400, "bad_input", "*")
    large = b"payload=" + b"x" * (2 * MIB)
    answer = httpx2.post(url, content=large, headers=signed.headers(large, now_s))
    check_problem(answer, 413, "too_large")


def test_alerts_that_are_too_many_are_refused_and_the_refusal_is_shown(service, http):
    answer = http.post("/webhooks/alertmanager", content=b" " * (17 * MIB))
    check_problem(answer, 413, "too_large")
    assert service.client.get("/api/alerts/health")["refused"]["413"] >= 1


OTLP_CASES = [
    ("cut JSON", b"{", JSON, {}, 400),
    ("an array", b"[]", JSON, {}, 400),
    ("a wrong type", b'{"resource@":7}', JSON, {}, 400),
    ("a wrong type within", b'{"resource@":[{"scope@":{}}]}', JSON, {}, 400),
    ("NaN", b'{"resource@":NaN}', JSON, {}, 400),
    ("the same key twice", b'{"resource@":[],"resource@":[]}', JSON, {}, 400),
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
            with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
                raw.sendall(words)
                first = raw.recv(64)
            assert first == b"" or first.startswith(b"HTTP/1.1 400"), first
    assert service.client.get("/readyz")["ready"]


def test_refused_input_leaves_no_trace_in_the_counts(service, http):
    """Only this story pays through adyen."""

    def counts() -> tuple[int, int, int]:
        found = service.slo("payment-success-adyen")["counts"]
        return found["good"], found["bad"], found["excluded"]

    mine = {"provider": "adyen"}
    for n, body in enumerate(
        (
            event(data={**mine, "amount_minor": 1.5}),
            event(data=mine, type=5),
            b"[" + event(data=mine) + b",{]",
        )
    ):
        assert http.post("/api/events", content=body).status_code == 400, n
    service.send([payment("pay-after-the-refused", provider="adyen")])
    until(lambda: counts()[0], "what came later counts")
    assert counts() == (1, 0, 0)
