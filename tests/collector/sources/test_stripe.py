"""Stripe: which event tells the outcome, which only confirms, and what each means."""

from __future__ import annotations

import subprocess
import sys

import pytest

from collector.sources.stripe_events import TOLD
from kernel.shop_event import Origin
from slo.ledger.unit import unit_keys
from tests.collector.sources.signing import NOW_S, by_stripe, intent, stripe_event
from tests.journeys.running import PROJECT


def charge(**more):
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 4_200,
        "amount_refunded": 0,
        "captured": True,
        "currency": "eur",
        "metadata": {"payment_id": "pay-1"},
        "outcome": {"type": "authorized", "reason": None},
        "payment_intent": "pi_1",
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "country": "US"}},
        **more,
    }


def session(**more):
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "amount_total": 4_200,
        "currency": "eur",
        "metadata": {"checkout_id": "co-1"},
        "payment_intent": "pi_1",
        "payment_status": "paid",
        **more,
    }


ALONE = {"payment_intent": None}
AUTHORIZED_THEN = {"latest_charge": "ch_1", "last_payment_error": None}
MEANINGS = [
    ("payment_intent.succeeded", intent(), "payment.succeeded"),
    ("payment_intent.payment_failed", intent(), "payment.failed"),
    ("payment_intent.processing", intent(), "payment.attempted"),
    ("payment_intent.requires_action", intent(), "payment.attempted"),
    ("payment_intent.amount_capturable_updated", intent(), "payment.authorized"),
    ("payment_intent.canceled", intent(), "com.stripe.payment_intent.canceled"),
    ("payment_intent.canceled", intent(**AUTHORIZED_THEN), "payment.failed"),
    (
        "payment_intent.canceled",
        intent(cancellation_reason="abandoned"),
        "com.stripe.payment_intent.canceled",
    ),
    ("payment_intent.canceled", intent(cancellation_reason="fraudulent"), "payment.failed"),
    ("charge.succeeded", charge(), "payment.authorized"),
    ("charge.succeeded", charge(**ALONE), "payment.succeeded"),
    ("charge.succeeded", charge(**ALONE, captured=False), "payment.authorized"),
    ("charge.captured", charge(), "com.stripe.charge.captured"),
    ("charge.captured", charge(**ALONE), "payment.succeeded"),
    ("charge.failed", charge(), "com.stripe.charge.failed"),
    ("charge.failed", charge(**ALONE), "payment.failed"),
    ("charge.refunded", charge(amount_refunded=1_000), "payment.refunded"),
    ("charge.dispute.created", charge(id="dp_1", object="dispute"), "payment.disputed"),
    ("charge.dispute.closed", charge(id="dp_1"), "com.stripe.charge.dispute.closed"),
    ("checkout.session.completed", session(), "checkout.completed"),
    ("checkout.session.completed", session(payment_status="unpaid"), "checkout.completed"),
    ("checkout.session.expired", session(), "com.stripe.checkout.session.expired"),
]


@pytest.mark.parametrize(("name", "thing", "event_type"), MEANINGS)
def test_each_event_means_what_the_table_says(told, name, thing, event_type):
    [event] = told(by_stripe(stripe_event(name, thing)))
    assert (event.type, event.id) == (event_type, "evt_1")
    assert (event.origin, event.source) == (Origin.PROVIDER, "stripe/eu")
    assert (event.provider, event.time_us) == ("stripe", NOW_S * 1_000_000)


def test_every_event_that_is_told_is_in_that_table_or_is_a_name_without_a_count(told):
    tested = {name for name, _, _ in MEANINGS}
    rest = sorted(TOLD - tested)
    for number, name in enumerate(rest):
        told(by_stripe(stripe_event(name, session(), event_id=f"evt_rest_{number}")))
    assert [event.type for event in told()] == [f"com.stripe.{name}" for name in rest]


def test_an_event_that_nobody_knows_is_kept_and_tells_nothing(hooks, told):
    assert told(by_stripe(stripe_event("customer.created", {"id": "cus_1"}))) == []
    assert hooks.webhooks.tally.of("stripe/eu")["accepted"] == 1


def test_intent_and_charge_of_one_attempt_speak_of_one_unit_and_only_one_ends_it(told):
    events = told(
        by_stripe(stripe_event("charge.succeeded", charge(), "evt_c")),
        by_stripe(stripe_event("payment_intent.succeeded", intent(), "evt_p")),
    )
    assert {key for event in events for key in unit_keys(event, frozenset())} == {
        ("payment", "=pay-1")
    }
    assert [event.type for event in events] == ["payment.authorized", "payment.succeeded"]


def test_an_outcome_without_the_shops_id_has_no_unit_and_says_so(told):
    [event] = told(by_stripe(stripe_event("payment_intent.succeeded", intent(metadata={}))))
    assert event.attributes["unmatched"] is True
    assert event.attributes["provider_id"] == "pi_1"
    assert unit_keys(event, frozenset()) == []


def test_what_the_shop_wrote_into_the_metadata_describes_the_payment(told):
    metadata = {
        "payment_id": "pay-7",
        "checkout_id": "co-7",
        "order_id": "or-7",
        "country": "DE",
        "region": "eu",
        "channel": "app",
        "release": "v42",
        "anything": "else",
    }
    [event] = told(by_stripe(stripe_event("charge.succeeded", charge(metadata=metadata))))
    found = (event.payment_id, event.checkout_id, event.order_id, event.country, event.region)
    assert found == ("pay-7", "co-7", "or-7", "DE", "eu")
    assert (event.channel, event.release, event.method) == ("app", "v42", "card")
    assert event.attributes["card_country"] == "US"
    assert "anything" not in event.attributes


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"},
            ("issuer", "insufficient_funds", "card_error"),
        ),
        (
            {"type": "card_error", "code": "card_declined", "decline_code": "fraudulent"},
            ("fraud", "fraudulent", "card_error"),
        ),
        (
            {"type": "invalid_request_error", "code": "payment_intent_authentication_failure"},
            ("authentication", "payment_intent_authentication_failure", "invalid_request_error"),
        ),
        (
            {"type": "card_error", "code": "expired_card"},
            ("customer", "expired_card", "card_error"),
        ),
        ({"type": "api_error"}, ("technical", "", "api_error")),
        ({"type": "api_error", "code": "brand_new"}, ("technical", "brand_new", "api_error")),
        ({"type": "brand_new"}, ("", "", "brand_new")),
        (None, ("", "", "unknown")),
    ],
)
def test_a_failed_intent_says_whose_failure_it_was(told, error, expected):
    thing = intent(last_payment_error=error)
    [event] = told(by_stripe(stripe_event("payment_intent.payment_failed", thing)))
    assert (event.decline_class, event.decline_code, event.error_type) == expected


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ({"type": "blocked", "reason": "highest_risk_level"}, "fraud"),
        ({"type": "blocked", "reason": "some_new_rule"}, "fraud"),
        ({"type": "issuer_declined", "reason": "do_not_honor"}, "issuer"),
        ({"type": "invalid", "reason": None}, "technical"),
        ({"type": "issuer_declined", "reason": "issuer_not_available"}, "technical"),
    ],
)
def test_a_failed_charge_says_whose_failure_it_was(told, outcome, expected):
    thing = charge(payment_intent=None, outcome=outcome)
    [event] = told(by_stripe(stripe_event("charge.failed", thing)))
    assert event.decline_class == expected


def test_a_customer_at_the_banks_page_and_a_bank_debit_get_the_time_they_need(told):
    events = told(
        by_stripe(stripe_event("payment_intent.requires_action", intent(), "evt_a")),
        by_stripe(stripe_event("payment_intent.processing", intent(), "evt_p")),
    )
    assert [event.method for event in events] == ["redirect", "bank_transfer"]


def test_a_time_ahead_of_ours_counts_at_receive_time_and_is_flagged(told):
    ahead = stripe_event("payment_intent.succeeded", intent(), created_s=NOW_S + 3_600)
    [event] = told(by_stripe(ahead))
    assert (event.time_us, event.time_flag) == (NOW_S * 1_000_000, "future")


def test_a_test_mode_event_says_that_it_is_one(told):
    event = {**stripe_event("payment_intent.succeeded", intent()), "livemode": False}
    assert told(by_stripe(event))[0].attributes["test"] is True


@pytest.mark.parametrize(
    "thing",
    [None, [], 7, {"amount": "1", "currency": 5, "metadata": "x", "last_payment_error": []}],
    ids=["null", "a list", "a number", "odd fields"],
)
def test_an_object_of_another_shape_still_tells_its_event(told, thing):
    event = stripe_event("payment_intent.payment_failed", {})
    event["data"] = {"object": thing}
    [found] = told(by_stripe(event))
    assert (found.type, found.amount_minor) == ("payment.failed", None)


def test_the_sdk_is_loaded_only_when_stripe_calls():
    program = (
        "import sys, app.door, app.engine\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'stripe']"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
