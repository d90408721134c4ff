"""Too little room: debug logs are refused first and money last, so that senders try again."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from collections.abc import Iterator

import grpc
import httpx2
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from collector.bodies import decompress, read_bounded
from collector.body_budget import BodyBudget
from collector.events.intake import EventIntake
from collector.otlp import json_shapes
from collector.otlp.grpc_server import OtlpGrpcServer
from collector.otlp.http import OtlpHttpApp
from collector.otlp.signals import LOGS, METRICS, TRACES
from collector.otlp.worth import held_by, worth
from kernel.clock import DAY_US, FrozenClock
from kernel.journal import ItemClass, JournalReader, JournalWriter, Refused
from kernel.journal.admission import Reason
from kernel.journal.metrics import JournalCollector
from tests.collector.otlp_server import running
from tests.collector.world import World

HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer shop-token"}
MIB = 1024**2
SPAN = {
    "traceId": "ab" * 16,
    "spanId": "cd" * 8,
    "name": "pay",
    "startTimeUnixNano": "1795000000000000000",
    "endTimeUnixNano": "1795000001000000000",
}


@pytest.fixture
def journal(tmp_path) -> Iterator[JournalWriter]:
    writer = JournalWriter(tmp_path / "budget.db", FrozenClock())
    yield writer
    writer.close()


@pytest.fixture
def budget(world: World) -> BodyBudget:
    return BodyBudget(world.writer, max_bytes=8 * MIB)


@pytest.fixture
def url(world: World, budget: BodyBudget) -> Iterator[str]:
    app = OtlpHttpApp(world.otlp, world.writer, world.tokens, budget)
    with running(app) as address:
        yield address


def traces(count: int = 1) -> dict:
    spans = [{**SPAN, "spanId": f"{number:016x}"} for number in range(1, count + 1)]
    return {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}


def logs(*severities: int) -> dict:
    records = [{"severityNumber": one, "body": {"stringValue": "x"}} for one in severities]
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}


def event(kind: str = "payment.succeeded", **more: object) -> dict:
    return {"type": kind, "source": "web", **more}


def post(url: str, signal: str, document: dict) -> httpx2.Response:
    return httpx2.post(f"{url}/v1/{signal}", json=document, headers=HEADERS)


def day(world: World) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """(source, class) -> (stored, rejected, duplicate, shed) of today."""
    reader = JournalReader(world.journal_path)
    now_us = world.clock.now_us()
    found = reader.day_tallies(now_us - now_us % DAY_US)
    reader.close()
    return {(one.source, str(one.item_class)): one.counts.by_verdict() for one in found}


# --- classes ---------------------------------------------------------------------------------


def test_events_are_counted_as_money_or_business_under_their_own_sources(world: World) -> None:
    batch = [
        event(),
        event("page.viewed"),
        event("order.placed", source="app"),
        event("nonsense"),
        event("checkout.failed", id="once"),
        event("checkout.failed", id="once"),
    ]
    world.client().post("/api/events", json=batch)
    assert day(world) == {
        ("web", "money"): (2, 0, 1, 0),
        ("web", "business"): (1, 0, 0, 0),
        ("app", "money"): (1, 0, 0, 0),
        ("shop", "money"): (0, 1, 0, 0),
    }


def test_a_batch_is_admitted_as_its_most_precious_item(world: World) -> None:
    intake = EventIntake(world.redactor, world.clock)

    def worth_of(*kinds: str) -> ItemClass:
        body = json.dumps([event(kind) for kind in kinds]).encode()
        return intake.prepare(body, {"content-type": "application/json"}, "shop").append.worth

    assert worth_of("page.viewed") is ItemClass.BUSINESS
    assert worth_of("page.viewed", "payment.failed") is ItemClass.MONEY
    assert worth_of("nonsense") is ItemClass.BUSINESS


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        ([1, 8], ItemClass.DEBUG_LOG),
        ([5, 9], ItemClass.LOG),
        ([0], ItemClass.LOG),
        ([17], ItemClass.LOG),
    ],
)
def test_an_export_of_nothing_but_debug_logs_has_a_class_of_its_own(severities, expected):
    message = LOGS.request()
    scope = message.resource_logs.add().scope_logs.add()
    scope.log_records.extend(LogRecord(severity_number=one) for one in severities)
    held = held_by(LOGS, message)
    assert worth(LOGS, held) is expected
    assert held.items == len(severities)
    assert json_shapes.items_in(LOGS, json.dumps(logs(*severities)).encode()).held == held


def test_data_points_are_the_items_of_metrics():
    message = METRICS.request()
    metrics = message.resource_metrics.add().scope_metrics.add().metrics
    metrics.add().gauge.data_points.add()
    for _ in range(3):
        metrics.add().histogram.data_points.add()
    metrics.add(name="nothing in it")
    held = held_by(METRICS, message)
    assert held.items == 4
    assert worth(METRICS, held) is ItemClass.METRIC


def test_an_export_counts_as_its_spans_and_its_repeat_as_duplicates(world: World, url: str) -> None:
    document = traces(3)
    document["resourceSpans"][0]["scopeSpans"][0]["spans"].append({**SPAN, "spanId": ""})
    first, second = post(url, "traces", document), post(url, "traces", document)
    assert day(world) == {("shop", "trace"): (3, 2, 3, 0)}
    receipts = [
        world.client().get(f"/api/receipts/{answer.headers['tillwatch-receipt']}").json()
        for answer in (first, second)
    ]
    assert receipts[0]["items"] == {"stored": [[0, 2]], "duplicate": []}
    assert receipts[1]["items"] == {"stored": [], "duplicate": [[0, 2]]}
    assert [one["rejected_count"] for one in receipts] == [1, 1]
    assert [one["sender"] for one in receipts] == ["shop", "shop"]


# --- receipts --------------------------------------------------------------------------------


def test_a_receipt_says_for_each_item_what_became_of_it(world: World) -> None:
    client = world.client()
    client.post("/api/events", json=[event(id="a"), event(id="d")])
    batch = [event(id="a"), event("nonsense"), event(id="b"), event(id="c"), event(id="d")]
    answer = client.post("/api/events", json=batch).json()
    receipt = client.get(f"/api/receipts/{answer['receipt']}").json()
    assert receipt["items"] == {"stored": [[2, 3]], "duplicate": [[0, 0], [4, 4]]}
    assert [one["index"] for one in receipt["rejected"]] == [1]
    assert (receipt["accepted"], receipt["duplicates"], receipt["rejected_count"]) == (2, 2, 1)


def test_a_receipt_of_more_rejected_items_than_are_noted_gives_counts_alone(
    world: World, url: str
) -> None:
    document = traces(1)
    bad = [{**SPAN, "spanId": ""}] * 150
    document["resourceSpans"][0]["scopeSpans"][0]["spans"] += bad
    answer = post(url, "traces", document)
    path = f"/api/receipts/{answer.headers['tillwatch-receipt']}"
    receipt = world.client().get(path).json()
    assert (receipt["accepted"], receipt["rejected_count"]) == (1, 150)
    assert len(receipt["rejected"]) == 100
    assert receipt["items"] is None
    assert day(world) == {("shop", "trace"): (1, 150, 0, 0)}


# --- refusals --------------------------------------------------------------------------------


def test_a_full_quota_refuses_telemetry_and_takes_payments(world: World, url: str) -> None:
    world.writer.gate.measured(quota_share=0.92, free_share=9.0)
    refused = post(url, "traces", traces(7))
    assert refused.status_code == 503
    assert 1 <= int(refused.headers["retry-after"]) <= 2
    assert "quota" in refused.json()["message"]
    client = world.client()
    assert client.post("/api/events", json=event()).status_code == 202
    assert client.post("/api/changes", json={"service": "till"}).status_code == 202
    found = day(world)
    assert found["shop", "trace"] == (0, 0, 0, 7)
    assert found["web", "money"] == (1, 0, 0, 0)


def test_changes_and_page_views_go_before_payments(world: World) -> None:
    world.writer.gate.measured(quota_share=0.99, free_share=9.0)
    client = world.client()
    change = client.post("/api/changes", json={"service": "till"})
    view = client.post("/api/events", json=event("page.viewed"))
    assert [change.status_code, view.status_code] == [503, 503]
    assert {change.headers["Retry-After"], view.headers["Retry-After"]} == {"2"}
    assert client.post("/api/events", json=[event("page.viewed"), event()]).status_code == 202


def test_debug_logs_go_before_other_logs(world: World, url: str) -> None:
    world.writer.gate.measured(quota_share=0.87, free_share=9.0)
    assert post(url, "logs", logs(5, 6)).status_code == 503
    assert post(url, "logs", logs(5, 9)).status_code == 200
    assert day(world) == {("shop", "debug_log"): (0, 0, 0, 2), ("shop", "log"): (2, 0, 0, 0)}


def test_refused_exports_are_unavailable_over_grpc(world: World, budget: BodyBudget) -> None:
    world.writer.gate.measured(quota_share=0.92, free_share=9.0)
    server = OtlpGrpcServer(world.otlp, world.writer, world.tokens, budget)
    port = server.start("127.0.0.1", 0)
    message = TRACES.request()
    message.resource_spans.add().scope_spans.add().spans.add(
        trace_id=b"\x01" * 16, span_id=b"\x01" * 8
    )
    try:
        with (
            grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
            pytest.raises(grpc.RpcError) as refused,
        ):
            channel.unary_unary(f"/{TRACES.service}/Export")(
                message.SerializeToString(),
                metadata=[("authorization", "Bearer shop-token")],
                timeout=30,
            )
    finally:
        server.stop()
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def test_metrics_tell_items_by_source_and_refusals_by_class(world: World, url: str) -> None:
    world.client().post("/api/events", json=[event(), event("nonsense")])
    world.writer.gate.measured(quota_share=0.92, free_share=9.0)
    post(url, "traces", traces(2))
    world.client().post("/api/events", json=event())
    registry = CollectorRegistry()
    registry.register(JournalCollector(world.writer))
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }
    items = "tillwatch_collector_items_total"
    assert found[items, "money", "stored", "web"] == 2
    assert found[items, "money", "rejected", "web"] == 1
    assert found[items, "shed", "shop", "trace"] == 2
    assert found["tillwatch_collector_refused_requests_total", "quota", "trace"] == 1
    assert found["tillwatch_journal_quota_used_ratio",] == 0.92
    assert found["tillwatch_journal_healthy",] == 1


# --- memory for bodies -----------------------------------------------------------------------


def test_telemetry_may_hold_half_of_the_memory_and_money_all_of_it(journal: JournalWriter) -> None:
    budget = BodyBudget(journal, max_bytes=100)
    with budget.lease(ItemClass.TRACE, "otel", 50), budget.lease(ItemClass.MONEY, "shop") as money:
        with pytest.raises(Refused) as refused, budget.lease(ItemClass.LOG, "otel", 1):
            pass
        assert refused.value.reason is Reason.MEMORY
        money.grow(50)
        with pytest.raises(Refused):
            money.grow(1)
        assert budget.held_bytes == 100
    assert budget.held_bytes == 0
    assert journal.refusals.totals() == {
        (ItemClass.LOG, Reason.MEMORY): 1,
        (ItemClass.MONEY, Reason.MEMORY): 1,
    }


def test_what_was_announced_is_used_up_before_more_is_taken(journal: JournalWriter) -> None:
    budget = BodyBudget(journal, max_bytes=100)
    with budget.lease(ItemClass.MONEY, "shop", 30) as lease:
        lease.grow(20)
        lease.grow(10)
        assert budget.held_bytes == 30
        lease.grow(5)
        assert budget.held_bytes == 35
    assert budget.held_bytes == 0


def test_a_lone_body_that_is_larger_than_its_share_gets_through(journal: JournalWriter) -> None:
    budget = BodyBudget(journal, max_bytes=100)
    with budget.lease(ItemClass.TRACE, "otel", 90):
        assert budget.held_bytes == 90


def test_reading_and_inflating_are_told_before_bytes_are_kept():
    told: list[int] = []

    async def chunks():
        yield b"ab"
        yield b"c"

    async def read() -> bytes:
        return await read_bounded(chunks(), 10, told.append)

    assert asyncio.run(read()) == b"abc"
    plain = bytes(200_000)
    assert decompress(gzip.compress(plain), "gzip", MIB, told.append) == plain
    assert told[:2] == [2, 1]
    assert sum(told[2:]) == len(plain)


def test_inflating_stops_where_there_is_no_room():
    class Full(Exception):
        pass

    def none_left(_more: int) -> None:
        raise Full

    with pytest.raises(Full):
        decompress(gzip.compress(bytes(10 * MIB)), "gzip", 64 * MIB, none_left)


def test_parallel_exports_beyond_the_memory_are_refused_unread_and_money_still_gets_in(
    world: World, url: str, budget: BodyBudget
) -> None:
    port = int(url.rsplit(":", 1)[1])
    head = (
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
        "Authorization: Bearer shop-token\r\nContent-Length: {length}\r\n\r\n"
    )
    slow = socket.create_connection(("127.0.0.1", port))
    try:
        slow.sendall(head.format(length=4 * MIB).encode() + b"the beginning")
        while budget.held_bytes < 4 * MIB:
            pass_time(slow)
        refused = post(url, "traces", traces())
        assert refused.status_code == 503
        assert day_after_commit(world)["shop", "trace"] == (0, 0, 0, 1)
    finally:
        slow.close()
    while budget.held_bytes:
        httpx2.get(url)
    assert post(url, "traces", traces()).status_code == 200


def pass_time(connection: socket.socket) -> None:
    """A moment for the server: it will not say anything yet."""
    connection.settimeout(0.05)
    with pytest.raises(TimeoutError):
        connection.recv(1)


def day_after_commit(world: World) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """A payment is taken, and with its commit the refused items are counted."""
    assert world.client().post("/api/events", json=event()).status_code == 202
    return day(world)
