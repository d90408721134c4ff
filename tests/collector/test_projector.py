"""The projector: shop events found in spans, idempotent at every point, never blocked."""

from __future__ import annotations

import json
import sqlite3

import pytest

from collector.otel_demo import event_of_span
from collector.otlp.json_decode import decode_json
from collector.otlp.rows import metric_rows
from collector.otlp.signals import METRICS, TRACES
from kernel.clock import DAY_US, SECOND_US
from kernel.journal import Append, Item, JournalReader, Stream
from kernel.shop_event import Origin, ShopEvent, decode_events, encode_event, event_key
from kernel.telemetry_store.meta import Notes
from kernel.telemetry_store.port import SpanRow
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore
from tests.collector.world import World

EVER = {"from_us": 0, "to_us": 1 << 60}
NOTHING = Notes()


def row(world: World, **more: object) -> SpanRow:
    now_us = world.clock.now_us()
    given = {
        "position": 7,
        "item": 3,
        "trace_id": "ab" * 16,
        "span_id": "cd" * 8,
        "parent_span_id": "",
        "service": "payments",
        "name": "charge adyen",
        "kind": "client",
        "start_us": now_us - SECOND_US,
        "end_us": now_us,
        "status": "unset",
        "status_message": "",
    }
    return SpanRow(**{**given, **more})


def told(world: World, **more: object) -> ShopEvent | None:
    return event_of_span(row(world, **more), source="shop", received_us=world.clock.now_us())


PAYMENT = {
    "tillwatch.payment_id": "p1",
    "tillwatch.checkout_id": "c1",
    "tillwatch.provider": "adyen",
    "tillwatch.amount_minor": 1999,
    "tillwatch.currency": "EUR",
    "tillwatch.country": "DE",
}


def test_a_span_with_our_names_tells_a_payment(world: World) -> None:
    event = told(world, attributes=PAYMENT)
    assert event is not None
    assert (event.id, event.source, event.origin) == ("7:3", "shop", Origin.SPAN)
    assert (event.type, event.payment_id, event.checkout_id) == ("payment.succeeded", "p1", "c1")
    assert (event.amount_minor, event.currency, event.provider) == (1999, "EUR", "adyen")
    assert (event.latency_ms, event.trace_id) == (1000.0, "ab" * 16)


def test_a_failed_span_is_a_failed_payment_with_its_reason(world: World) -> None:
    event = told(
        world, status="error", attributes={**PAYMENT, "tillwatch.error_type": "provider_timeout"}
    )
    assert event is not None
    assert (event.type, event.error_type) == ("payment.failed", "provider_timeout")


def test_a_declined_payment_failed_although_its_span_did_not(world: World) -> None:
    event = told(world, attributes={**PAYMENT, "tillwatch.decline_class": "issuer"})
    assert event is not None
    assert (event.type, event.decline_class) == ("payment.failed", "issuer")


def test_a_checkout_is_told_by_its_id_alone(world: World) -> None:
    event = told(world, attributes={"tillwatch.checkout_id": "c1"})
    assert event is not None
    assert event.type == "checkout.completed"


def test_the_demo_shop_tells_checkouts_and_payments(world: World) -> None:
    order = {
        "demo.order.id": "o1",
        "demo.order.amount": 12.345,
        "demo.user_context.selected_currency": "eur",
    }
    place = {"name": "oteldemo.CheckoutService/PlaceOrder", "kind": "server", "service": "checkout"}
    event = told(world, **place, attributes=order)
    assert event is not None
    assert (event.type, event.order_id, event.amount_minor) == ("checkout.completed", "o1", 1234)
    failed = told(world, **place, status="error", attributes={"rpc.grpc.status_code": 13})
    assert failed is not None
    assert (failed.type, failed.error_type) == ("checkout.failed", "grpc_13")
    assert told(world, **{**place, "kind": "client"}, attributes=order) is None
    charge = {"name": "charge", "service": "payment", "kind": "internal"}
    thrown = [{"name": "exception", "attributes": {"exception.type": "TypeError"}}]
    event = told(
        world, **charge, status="error", events=thrown, attributes={"demo.payment.card_type": "x"}
    )
    assert event is not None
    assert (event.type, event.error_type) == ("payment.failed", "TypeError")


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"user_agent.synthetic.type": "test", **PAYMENT},
        {"demo.payment.charged": False, "demo.payment.card_type": "visa"},
    ],
)
def test_other_and_synthetic_spans_tell_nothing(world: World, attributes: dict) -> None:
    assert told(world, attributes=attributes) is None


def test_odd_amounts_and_times_never_raise(world: World) -> None:
    for amount in ("x", "1e99999", float("nan"), -5, True, 2**60, "12.34"):
        event = told(world, attributes={**PAYMENT, "tillwatch.amount_minor": amount})
        assert event is not None
        assert event.amount_minor is None
    now_us = world.clock.now_us()
    ahead = told(world, end_us=now_us + DAY_US, attributes=PAYMENT)
    assert ahead is not None
    assert (ahead.time_us, ahead.time_flag) == (now_us, "future")
    assert told(world, end_us=now_us - 500 * DAY_US, attributes=PAYMENT) is None


def send_span(world: World, **attributes: object) -> None:
    now_ns = world.clock.now_us() * 1000
    pairs = [
        {"key": f"tillwatch.{key}", "value": {"stringValue": value}}
        for key, value in attributes.items()
    ]
    span = {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "name": "charge",
        "startTimeUnixNano": str(now_ns),
        "endTimeUnixNano": str(now_ns),
        "attributes": pairs,
    }
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    message = decode_json(json.dumps(document).encode(), TRACES.request())
    prepared = world.otlp.prepare(
        TRACES, message.SerializeToString(), as_json=False, encoding="", sender="shop"
    )
    assert prepared.append is not None
    world.writer.append(prepared.append).result(timeout=60)


def derived(world: World) -> list[ShopEvent]:
    reader = JournalReader(world.derived_path)
    found = [
        one for record in reader.read([Stream.DERIVED], 0) for one in decode_events(record.body)
    ]
    reader.close()
    return found


def test_events_found_in_spans_go_to_derived_and_into_the_store(world: World) -> None:
    send_span(world, payment_id="p1", checkout_id="c1")
    world.project()
    (event,) = derived(world)
    (origin,) = JournalReader(world.journal_path).read([Stream.RAW], 0)
    (found,) = JournalReader(world.derived_path).read([Stream.DERIVED], 0)
    assert (event.id, event.source, event.payment_id) == (f"{origin.position}:0", "shop", "p1")
    (stored,) = world.store.events(**EVER)
    assert stored.position == -found.position
    assert stored.event == event


def test_expiries_written_by_others_are_projected_too(world: World) -> None:
    event = ShopEvent(
        id="expired:p9",
        source="shop",
        type="payment.expired",
        time_us=world.clock.now_us(),
        origin=Origin.DERIVED,
    )
    item = Item(encode_event(event), event_key("shop", event.id))
    world.derived.append(Append(Stream.DERIVED, "shop", "shop.events", [item])).result(timeout=60)
    world.project()
    assert [one.event for one in world.store.events(**EVER)] == [event]


class CrashingStore(SqliteTelemetryStore):
    """Stops before it moves a cursor, as a kill would."""

    crash_at = ""

    def write_as(self, consumer, batch, notes=NOTHING) -> None:
        if consumer == self.crash_at:
            self._write_rows(batch)
            raise sqlite3.OperationalError("killed")
        super().write_as(consumer, batch, notes)


@pytest.mark.parametrize("crash_at", ["journal", "derived"])
def test_a_crash_before_the_cursor_changes_nothing_but_the_work(
    world: World, crash_at: str
) -> None:
    send_span(world, payment_id="p1")
    world.client().post("/api/events", json={"type": "payment.succeeded", "id": "e1"})
    world.store = CrashingStore(world.folder / "telemetry", world.clock)
    world.store.crash_at = crash_at
    world.restart()
    for _ in range(3):
        with pytest.raises(sqlite3.OperationalError):
            world.project()
    world.store.crash_at = ""
    world.project()
    assert len(derived(world)) == 1
    assert len(world.store.events(**EVER)) == 2
    assert len(world.store.trace("ab" * 16)) == 1
    # A consumer that lost its cursor altogether reads all again and adds nothing.
    with sqlite3.connect(world.folder / "telemetry" / "meta.db") as db:
        db.execute("DELETE FROM progress")
    db.close()
    world.restart()
    world.project()
    assert len(derived(world)) == 1
    assert len(world.store.events(**EVER)) == 2


class FullStore(SqliteTelemetryStore):
    """A telemetry store that can neither be written nor asked."""

    def write_as(self, consumer, batch, notes=NOTHING) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    def progress(self, consumer: str) -> int:
        raise sqlite3.DatabaseError("file is not a database")


def test_a_telemetry_store_that_is_down_does_not_stop_what_is_counted(world: World) -> None:
    world.store = FullStore(world.folder / "telemetry", world.clock)
    world.restart()
    for number in range(3):
        send_span(world, payment_id=f"p{number}")
        with pytest.raises(sqlite3.Error):
            world.project()
    assert {event.payment_id for event in derived(world)} == {"p0", "p1", "p2"}
    # Once it is back it gets all rows, and nothing is found a second time.
    world.store = SqliteTelemetryStore(world.folder / "telemetry", world.clock)
    world.restart()
    world.project()
    assert len(derived(world)) == 3
    assert len(world.store.events(**EVER)) == 3


def test_rows_never_overtake_the_search_for_shop_events(world: World) -> None:
    send_span(world, payment_id="p1")
    while world.projector.step():
        pass
    assert world.store.cursor() == 0
    world.find()
    assert world.projector.step()
    assert world.store.cursor() == world.finder.position


def test_an_undecodable_record_is_quarantined_and_never_blocks(world: World) -> None:
    appends = [
        Append(Stream.RAW, "s", format_, [Item(body)], whole=True)
        for format_, body in (("otlp.traces", b"\xff\xff"), ("moon", b"{}"), ("change", b"[{}]"))
    ]
    appends.append(Append(Stream.SHOP, "s", "shop.events", [Item(b"{}")]))
    positions = [world.writer.append(one).result(20).position for one in appends]
    receipt = world.client().post("/api/events", json={"type": "page.viewed"}).json()["receipt"]
    world.project()
    letters = world.store.deadletters()
    assert [letter.position for letter in letters] == positions[::-1]
    assert [letter.rule for letter in letters] == [
        "shop.events",
        "change",
        "format.unknown",
        "otlp.traces",
    ]
    assert all(letter.reason and letter.digest for letter in letters)
    assert len(world.store.events(**EVER)) == 1
    reader = world.client("viewer-token")
    assert reader.get(f"/api/receipts/{receipt}").json()["projected"] is True
    listed = reader.get("/api/deadletters").json()["deadletters"]
    assert {one["id"] for one in listed} == {f"record:{position}" for position in positions}
    assert reader.get(f"/api/deadletters/record:{positions[1]}").json()["rule"] == "format.unknown"


def test_numbers_that_are_none_leave_no_holes() -> None:
    odd = {"value": {"doubleValue": "NaN"}, "key": "a"}
    points = [
        {"timeUnixNano": "1", "asDouble": "Infinity"},
        {"timeUnixNano": "1", "asDouble": 2.5, "attributes": [odd]},
    ]
    document = {
        "resourceMetrics": [{"scopeMetrics": [{"metrics": [{"gauge": {"dataPoints": points}}]}]}]
    }
    message = decode_json(json.dumps(document).encode(), METRICS.request())
    (row_,) = metric_rows(message, 1)
    assert (row_.value, row_.attributes) == (2.5, {"a": "nan"})
