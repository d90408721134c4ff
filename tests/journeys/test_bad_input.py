"""Whatever comes in: a refusal that says what, where and why; never a 500, never half an effect."""

from __future__ import annotations

import json

import pytest

from kernel.clock import DAY_US, rfc3339
from tests.journeys.refusals import BOMB, JSON, MIB, NEVER, Case, check_problem, event, gz
from tests.journeys.running import RunningService, until
from tests.journeys.shop import now_us, payment


@pytest.fixture(scope="module")
def service(strict_service) -> RunningService:
    return strict_service


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
        answer = http.post("/api/events", content=body, headers={"Content-Type": JSON})
        assert answer.status_code == 400, n
    service.send([payment("pay-after-the-refused", provider="adyen")])
    until(lambda: counts()[0], "what came later counts")
    assert counts() == (1, 0, 0)
