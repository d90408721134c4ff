"""Which spans speak of a payment or a checkout, and what they say."""

from __future__ import annotations

from typing import Any

import pytest

from collector.otel_demo import event_of_span
from kernel.shop_event import Origin
from kernel.telemetry_store.port import SpanRow

NOW_US = 1_795_347_000_000_000


def span(name: str, attributes: dict[str, Any], **changed: Any) -> SpanRow:
    fields: dict[str, Any] = {
        "position": 7,
        "item": 2,
        "trace_id": "0" * 31 + "1",
        "span_id": "0" * 15 + "1",
        "parent_span_id": "",
        "service": "payments",
        "name": name,
        "kind": "internal",
        "start_us": NOW_US - 900_000,
        "end_us": NOW_US - 100_000,
        "status": "unset",
        "status_message": "",
        "attributes": attributes,
    }
    return SpanRow(**(fields | changed))


def told(row: SpanRow) -> Any:
    return event_of_span(row, source="shop", received_us=NOW_US)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("charge", "payment_id"),
        ("oteldemo.PaymentService/Charge", "payment.id"),
        ("payment.charge", "payment_id"),
        ("anything", "tillwatch.payment_id"),
    ],
)
def test_a_span_that_charges_and_names_its_payment_tells_its_outcome(name: str, key: str) -> None:
    event = told(span(name, {key: "pay-1"}))
    assert (event.type, event.payment_id, event.origin) == (
        "payment.succeeded",
        "pay-1",
        Origin.SPAN,
    )
    assert (event.id, event.time_us, event.latency_ms) == ("7:2", NOW_US - 100_000, 800.0)


def test_a_span_that_only_carries_the_id_of_a_payment_tells_nothing() -> None:
    assert told(span("SELECT orders", {"payment_id": "pay-1"})) is None
    assert told(span("send receipt", {"payment.id": "pay-1"})) is None


def test_an_error_status_is_a_failed_payment_with_its_error_type() -> None:
    event = told(span("charge", {"payment_id": "p", "error.type": "timeout"}, status="error"))
    assert (event.type, event.error_type) == ("payment.failed", "timeout")


def test_a_decline_is_a_failed_payment_although_the_span_is_no_error() -> None:
    attributes = {"tillwatch.payment_id": "p", "tillwatch.decline_class": "issuer"}
    event = told(span("charge", attributes))
    assert (event.type, event.decline_class) == ("payment.failed", "issuer")


def test_the_demos_place_order_span_is_a_checkout_with_its_amount() -> None:
    attributes = {
        "demo.order.id": "or-1",
        "demo.order.amount": 49.9,
        "demo.user_context.selected_currency": "EUR",
    }
    event = told(span("oteldemo.CheckoutService/PlaceOrder", attributes, kind="server"))
    assert (event.type, event.order_id) == ("checkout.completed", "or-1")
    assert (event.amount_minor, event.currency) == (4990, "EUR")


@pytest.mark.parametrize(
    "attributes",
    [
        {"payment_id": "p", "user_agent.synthetic.type": "test"},
        {"payment_id": "p", "demo.payment.charged": False},
    ],
)
def test_synthetic_traffic_is_no_business(attributes: dict[str, Any]) -> None:
    assert told(span("charge", attributes)) is None


@pytest.mark.parametrize(
    "amount", ["1e999999999", "1e999997", "-1e400", "sNaN", float("inf"), 1e308]
)
def test_an_absurd_amount_costs_no_time_and_stops_nothing(amount: Any) -> None:
    attributes = {
        "tillwatch.payment_id": "pay-1",
        "tillwatch.currency": "EUR",
        "demo.payment.amount": amount,
    }
    event = told(span("charge", attributes))
    assert (event.payment_id, event.amount_minor) == ("pay-1", None)
