"""Shopify's topics, and our own events under a Standard Webhooks signature."""

from __future__ import annotations

import pytest

from kernel.clock import rfc3339
from kernel.shop_event import Origin
from slo.ledger.unit import unit_keys
from tests.collector.sources.signing import (
    NOW_S,
    NOW_US,
    by_shopify,
    by_standard,
    our_event,
    shopify_order,
)


def checkout(**more):
    return {
        "id": 981820079255243537,
        "token": "tok-1",
        "created_at": rfc3339(NOW_US),
        "updated_at": rfc3339(NOW_US),
        "completed_at": None,
        "currency": "JPY",
        "total_price": "403",
        "line_items": [],
        **more,
    }


def transaction(**more):
    return {
        "id": 120560818172775265,
        "order_id": 820982911946154508,
        "kind": "sale",
        "status": "success",
        "gateway": "shopify_payments",
        "amount": "403.00",
        "currency": "USD",
        "created_at": rfc3339(NOW_US),
        "error_code": None,
        **more,
    }


REFUND = {
    "id": 890088186047892319,
    "order_id": 820982911946154508,
    "created_at": rfc3339(NOW_US),
    "processed_at": rfc3339(NOW_US),
    "refund_line_items": [],
    "transactions": [
        {"kind": "refund", "status": "success", "amount": "10.00", "currency": "USD"},
        {"kind": "refund", "status": "success", "amount": "0.50", "currency": "USD"},
    ],
}
FAILED = {"status": "failure", "error_code": "card_declined"}
MEANINGS = [
    ("orders/create", shopify_order(), ["order.placed", "checkout.completed"]),
    ("orders/create", shopify_order(checkout_token=None), ["order.placed"]),
    ("orders/paid", shopify_order(), ["payment.succeeded"]),
    (
        "orders/cancelled",
        shopify_order(cancelled_at=rfc3339(NOW_US)),
        ["com.shopify.orders.cancelled"],
    ),
    ("checkouts/create", checkout(), ["checkout.started"]),
    ("checkouts/update", checkout(), ["checkout.step_completed"]),
    ("refunds/create", REFUND, ["payment.refunded"]),
    ("order_transactions/create", transaction(), ["payment.succeeded"]),
    ("order_transactions/create", transaction(kind="authorization"), ["payment.authorized"]),
    ("order_transactions/create", transaction(**FAILED), ["payment.failed"]),
    ("order_transactions/create", transaction(kind="void"), ["com.shopify.transaction.void"]),
]


@pytest.mark.parametrize(("topic", "document", "types"), MEANINGS)
def test_each_topic_means_what_the_table_says(told, topic, document, types):
    events = told(by_shopify(document, topic))
    assert [event.type for event in events] == types
    assert {event.origin for event in events} == {Origin.PROVIDER}
    assert {event.time_us for event in events} == {NOW_US}
    assert len({event.id for event in events}) == len(events)


@pytest.mark.parametrize("topic", sorted({topic for topic, _, _ in MEANINGS}))
def test_a_body_under_a_topic_that_is_not_its_own_is_refused(send, topic):
    own = next(document for name, document, _ in MEANINGS if name == topic)
    others = [
        document
        for name, document, _ in MEANINGS
        if name.partition("/")[0] != topic.partition("/")[0]
    ]
    assert send(by_shopify(own, topic)).status_code == 200
    for number, document in enumerate(others):
        answer = send(by_shopify(document, topic, webhook_id=f"other-{number}"))
        assert (answer.status_code, answer.json()["path"]) == (400, "x-shopify-topic")


@pytest.mark.parametrize("topic", ["orders/paid", "orders/cancelled"])
def test_an_unpaid_order_cannot_be_passed_off_as_paid_or_cancelled(send, topic):
    answer = send(by_shopify(shopify_order(financial_status="pending"), topic))
    assert answer.status_code == 400


def test_the_note_attributes_join_the_payment_and_the_checkout(told):
    noted = [{"name": "payment_id", "value": "pay-9"}, {"name": "checkout_id", "value": "co-9"}]
    [event] = told(by_shopify(shopify_order(note_attributes=noted)))
    assert (event.payment_id, event.checkout_id) == ("pay-9", "co-9")
    assert (event.amount_minor, event.currency) == (40_300, "EUR")


def test_without_a_note_a_payment_is_unmatched_and_the_checkout_is_its_token(told):
    [event] = told(by_shopify(shopify_order(note_attributes=[])))
    assert event.attributes["unmatched"] is True
    assert (event.checkout_id, unit_keys(event, frozenset())) == ("tok-1", [])


def test_the_same_body_under_another_webhook_id_is_the_same_event(told):
    first = told(by_shopify(webhook_id="one"))
    assert told(by_shopify(webhook_id="two")) == first


def test_a_failed_transaction_says_whose_failure_it_was(told):
    events = told(
        by_shopify(transaction(**FAILED), "order_transactions/create", "one"),
        by_shopify(transaction(id=2, status="error"), "order_transactions/create", "two"),
    )
    assert [event.decline_class for event in events] == ["issuer", "technical"]


def test_a_refund_is_the_sum_of_its_transactions(told):
    [event] = told(by_shopify(REFUND, "refunds/create"))
    assert (event.amount_minor, event.currency) == (1_050, "USD")


def test_a_topic_that_is_not_read_names_those_that_are(send):
    answer = send(by_shopify(topic="products/create"))
    assert answer.status_code == 400
    assert "orders/paid" in answer.json()["hint"]


def test_a_standard_webhook_brings_our_event_as_the_providers_word(told):
    [event] = told(by_standard())
    assert (event.type, event.payment_id) == ("payment.succeeded", "pay-1")
    assert (event.id, event.source, event.origin) == ("msg_1", "standard/psp", Origin.PROVIDER)
    assert event.time_us == NOW_S * 1_000_000


def test_a_standard_webhook_brings_a_cloud_event_under_the_source_that_was_verified(told):
    cloud = our_event(
        specversion="1.0", id="ce-1", source="//somebody/else", time=rfc3339(NOW_US - 5_000_000)
    )
    [event] = told(by_standard(cloud))
    assert (event.id, event.source) == ("ce-1", "standard/psp")
    assert event.time_us == NOW_US - 5_000_000


def test_a_sender_may_say_that_its_backend_speaks(told):
    data = {"payment_id": "pay-1", "origin": "backend"}
    [event] = told(by_standard(our_event(data=data)))
    assert event.origin is Origin.BACKEND


def test_the_time_of_the_proposed_payload_is_read(told):
    [event] = told(by_standard(our_event(timestamp=rfc3339(NOW_US - 7_000_000))))
    assert event.time_us == NOW_US - 7_000_000


def test_several_signatures_may_stand_in_the_header(send):
    good = by_standard()
    text = f"v1a,{'A' * 86} v1,{'A' * 43}= {good.headers['webhook-signature']}"
    assert send(good, **{"webhook-signature": text}).status_code == 202


@pytest.mark.parametrize(
    "document",
    [
        {"data": {}},
        {"type": "payment.succeded"},
        {"type": "payment.expired"},
        our_event(data={"amount_minor": 1.5, "currency": "EUR"}),
        our_event(specversion="0.3", id="x", source="y"),
    ],
)
def test_a_signed_event_that_is_none_of_ours_is_400_with_its_place(send, document):
    answer = send(by_standard(document))
    assert answer.status_code == 400
    assert answer.json()["path"].startswith("$.")
