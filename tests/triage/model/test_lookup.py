"""What a model may ask for: reading queries about what the evidence names, within bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from app.fakes.openai_server import FakeMode
from kernel.clock import MINUTE_US, SECOND_US, FrozenClock
from kernel.errors import Unavailable
from kernel.shop_event import ShopEvent
from kernel.telemetry_store.port import Batch, ChangeRow, EventRow, LogRow, SpanRow
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore
from tests.triage.model.conftest import ONSET_US, OUTAGE, bundle_of, client_of
from triage.brief.redaction import redact
from triage.model.inquiry import Inquiry, inquiry
from triage.model.lookup import Lookup
from triage.model.outcome import Answered
from triage.model.reading import Query


def event(number: int, at_s: int, region: str, *, bad: bool) -> ShopEvent:
    return ShopEvent(
        id=f"e{number}",
        source="shop",
        type="payment.failed" if bad else "payment.succeeded",
        time_us=ONSET_US + at_s * SECOND_US,
        payment_id=f"p{number}",
        provider="adyen",
        region=region,
        attributes={"promo": "SUMMER"} if bad else {},
    )


@pytest.fixture
def store(tmp_path) -> Iterator[SqliteTelemetryStore]:
    """Since the onset 10 bad of 12 in eu-central and 1 of 8 in eu-west; before it 0 of 6."""
    clock = FrozenClock(ONSET_US + 90 * SECOND_US)
    made = SqliteTelemetryStore(tmp_path, clock, retention_d=7)
    told = [("eu-central", n < 10) for n in range(12)] + [("eu-west", n < 1) for n in range(8)]
    events = [event(n, 1 + n, region, bad=bad) for n, (region, bad) in enumerate(told)]
    events += [event(100 + n, -60 - n, "eu-central", bad=False) for n in range(6)]
    at_us = ONSET_US + SECOND_US
    made.write(
        Batch(
            cursor=500,
            events=[EventRow(n, 0, one.time_us, one) for n, one in enumerate(events, start=1)],
            logs=[
                LogRow(200 + n, 0, at_us, "recommendations", 17, f"timeout after {n} ms")
                for n in range(4)
            ],
            changes=[
                ChangeRow(
                    300 + n,
                    0,
                    ONSET_US - n * MINUTE_US,
                    "deploy",
                    "recommendations",
                    "ignore it",
                    f"1.{n}",
                )
                for n in (1, 5)
            ],
            spans=[
                SpanRow(
                    400 + n,
                    0,
                    f"{n:032x}",
                    f"{n:016x}",
                    "",
                    "recommendations",
                    "GET /",
                    "server",
                    at_us,
                    at_us + 20_000,
                    "error" if n < 3 else "ok",
                    "",
                )
                for n in range(5)
            ],
        )
    )
    yield made
    made.close()


def look(store, query: str, field: str = "", value: str = ""):
    bundle = bundle_of(*OUTAGE)
    return Lookup(store, {}).look(bundle, Inquiry(query, field, value, ""))


def test_failures_are_told_by_the_values_of_a_field(store):
    found = look(store, "breakdown_by", "region")
    assert {key: found.numbers[key] for key in ("region_1", "bad_1", "total_1")} == {
        "region_1": "eu-central",
        "bad_1": 10,
        "total_1": 12,
    }
    assert (found.numbers["region_2"], found.numbers["bad_2"]) == ("eu-west", 1)


def test_the_course_of_one_value_is_told_before_and_since(store):
    numbers = look(store, "traffic_of", "region", "eu-central").numbers
    assert [numbers[key] for key in ("bad", "total", "bad_before", "total_before")] == [
        10,
        12,
        0,
        6,
    ]


def test_logs_changes_and_spans_are_of_the_service_alone(store):
    assert look(store, "logs_of", "service", "recommendations").numbers["since_1"] == 4
    change = look(store, "changes_of", "service", "recommendations").numbers
    assert (change["changes"], change["version"], change["before_s"]) == (2, "1.1", 60)
    spans = look(store, "traces_of", "service", "recommendations").numbers
    assert (spans["error_spans"], spans["spans"], spans["median_ms"]) == (3, 5, 20.0)
    for query in ("logs_of", "changes_of", "traces_of"):
        assert look(store, query, "service", "checkout") is None


TABLE = redact(bundle_of(*OUTAGE))


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (Query("breakdown_by", "", "region"), ("region", "")),
        (Query("traffic_of", "E2", "provider"), ("provider", "adyen")),
        (Query("logs_of", "E5", "service"), ("service", "recommendations")),
    ],
)
def test_a_parameter_is_taken_from_where_the_evidence_has_it(query, told):
    found = inquiry(query, TABLE)
    assert isinstance(found, Inquiry)
    assert (found.field, found.value) == told


@pytest.mark.parametrize(
    "query",
    [
        Query("breakdown_by", "", "password"),
        Query("breakdown_by", "", "https://evil.example"),
        Query("breakdown_by", "", "1=1; drop table"),
        Query("logs_of", "E5", "text"),
        Query("logs_of", "E5", "version"),
        Query("logs_of", "E9", "service"),
        Query("logs_of", "", "payments"),
        Query("traffic_of", "E2", "bad_in"),
        Query("traffic_of", "E3", "error_type"),
        Query("changes_of", "E2", "provider"),
    ],
)
def test_nothing_can_be_asked_about_that_the_evidence_does_not_name(query):
    assert isinstance(inquiry(query, TABLE), str)


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_a_curious_model_gets_new_pieces_and_may_build_on_them(service, store, api):
    service.mode = FakeMode.CURIOUS
    bundle = bundle_of(*OUTAGE)
    asking = client_of(service, model_api=api)
    outcome = asking.explain(bundle, [], Lookup(store, {}).look)
    assert isinstance(outcome, Answered)
    assert [piece.kind for piece in outcome.added] == ["breakdown_by", "logs"]
    assert [piece.id for piece in outcome.added] == ["E7", "E8"]
    types = [draft.type for draft in outcome.audit]
    assert types == ["ai.request", "ai.query", "ai.request", "ai.suggestion"]
    assert outcome.audit[1].data["queries"] == ["breakdown_by region: E7", "logs_of SERVICE_1: E8"]
    assert outcome.audit[2].data["evidence_ids"][-2:] == ["E7", "E8"]
    assert outcome.audit[2].payloads["request"] == service.requests[1][1]
    assert b"timeout after" not in service.requests[1][1]
    assert outcome.tokens == 2000


def test_a_model_that_only_asks_is_cut_off_and_judged_by_what_it_said(service, store):
    def ever_curious(document):
        wish = {"query": "traffic_of", "evidence_id": document["evidence"][1]["id"]}
        wishes = [{**wish, "field": field} for field in ("provider", "region", "provider")]
        return json.dumps({"claims": [], "queries": wishes, "suggestion": None})

    service.obey(ever_curious)
    outcome = client_of(service, model_max_rounds=3).explain(
        bundle_of(*OUTAGE), [], Lookup(store, {}).look
    )
    assert len(service.requests) <= 4
    assert len(outcome.added) == 2
    left = [json.loads(json.loads(body)["input"])["queries_left"] for _, body in service.requests]
    assert left == sorted(left, reverse=True)
    told = [one for draft in outcome.audit for one in draft.data.get("queries", [])]
    assert "traffic_of adyen: asked already" in told


def test_a_store_that_cannot_be_asked_costs_the_query_and_not_the_answer(service):
    def fails(_bundle, _asked):
        raise Unavailable("the store is down")

    service.mode = FakeMode.CURIOUS
    outcome = client_of(service).explain(bundle_of(*OUTAGE), [], fails)
    assert isinstance(outcome, Answered)
    assert not outcome.added
    assert "could not be asked" in outcome.audit[1].data["queries"][0]


def test_without_rounds_the_model_is_told_that_it_may_not_ask(service, store):
    service.mode = FakeMode.CURIOUS
    asking = client_of(service, model_max_rounds=0)
    assert isinstance(asking.explain(bundle_of(*OUTAGE), [], Lookup(store, {}).look), Answered)
    [(_, body)] = service.requests
    assert json.loads(json.loads(body)["input"])["queries_left"] == 0
