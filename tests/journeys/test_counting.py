"""What counts: each attempt once, whoever reports it and however often; what is lost, once."""

from __future__ import annotations

import uuid
from typing import Any

import httpx2
import pytest

from kernel.clock import HOUR_US, MINUTE_US, SECOND_US, rfc3339
from tests.journeys.running import RunningService, until
from tests.journeys.shop import now_us, payment, span_export


def counts(service: RunningService) -> dict[str, int]:
    found = dict(service.slo()["counts"])
    found.pop("pending")
    return found


def difference(service: RunningService, before: dict[str, int]) -> dict[str, int]:
    return {name: number - before[name] for name, number in counts(service).items()}


def money(service: RunningService, currency: str) -> dict[str, Any]:
    return next((one for one in service.slo()["money"] if one["currency"] == currency), {})


def send_span(service: RunningService, payment_id: str) -> None:
    """Our own attribute names on a span, as OTLP/JSON."""
    attributes = {
        "tillwatch.payment_id": payment_id,
        "tillwatch.checkout_id": f"co-{payment_id}",
        "tillwatch.provider": "stripe",
        "tillwatch.amount_minor": 4_200,
        "tillwatch.currency": "EUR",
    }
    answer = httpx2.post(
        f"{service.otlp_url}/v1/traces",
        json=span_export(uuid.uuid4().hex, attributes, now_us()),
        headers={"Authorization": f"Bearer {service.token}"},
    )
    assert answer.status_code == 200, answer.text


def test_a_payment_told_by_event_then_by_span_then_twice_again_counts_once(service):
    before = counts(service)
    told = payment("pay-once", provider="stripe")
    assert service.send([told])["accepted"] == 1
    until(lambda: difference(service, before)["good"] == 1, "the payment counts")
    send_span(service, "pay-once")
    for _ in range(2):
        again = service.send([told])
        assert (again["accepted"], again["duplicates"]) == (0, 1)
        send_span(service, "pay-once")
    # The same attempt under another event id is the same attempt.
    service.send([payment("pay-once", event_id="told-anew")])
    # What was sent after all of these, on both ways, is counted: so they were looked at.
    send_span(service, "pay-after-span")
    service.send([payment("pay-after-event")])
    until(lambda: difference(service, before)["good"] >= 3, "what came later counts")
    assert difference(service, before) == {"good": 3, "bad": 0, "excluded": 0}
    stored = service.client.get("/api/events", limit=10_000)["events"]
    assert sum(one["id"] == told["id"] for one in stored) == 1


def test_a_span_alone_counts_and_a_later_event_adds_nothing(service):
    before = counts(service)
    send_span(service, "pay-span-first")
    until(lambda: difference(service, before)["good"] == 1, "the span counts")
    service.send([payment("pay-span-first"), payment("pay-span-other")])
    until(lambda: difference(service, before)["good"] >= 2, "what came later counts")
    assert difference(service, before) == {"good": 2, "bad": 0, "excluded": 0}


def test_three_failed_tries_and_a_success_of_one_checkout_lose_no_basket(service):
    before = counts(service)
    start_us = now_us() - 20 * SECOND_US
    basket = {"checkout_id": "co-patient", "currency": "USD", "amount_minor": 9_900}
    tries = [
        payment(f"pay-try-{n}", "failed", at_us=start_us + n * SECOND_US, **basket)
        for n in range(3)
    ]
    good = payment("pay-try-3", at_us=start_us + 4 * SECOND_US, **basket)
    service.send([*tries, good])
    until(lambda: difference(service, before)["good"] == 1, "the success counts")
    assert difference(service, before) == {"good": 1, "bad": 3, "excluded": 0}
    lost = money(service, "USD")
    assert (lost["bad_minor"], lost["lost_minor"]) == (3 * 9_900, 0)


def test_three_failed_tries_without_a_success_lose_the_basket_once(service):
    before = counts(service)
    basket = {"checkout_id": "co-gone", "currency": "CHF", "amount_minor": 7_000}
    service.send([payment(f"pay-gone-{n}", "failed", **basket) for n in range(3)])
    until(lambda: difference(service, before)["bad"] == 3, "the failures count")
    lost = money(service, "CHF")
    assert (lost["bad_minor"], lost["lost_minor"]) == (3 * 7_000, 7_000)


def test_a_declined_card_is_excluded_not_bad(service):
    before = counts(service)
    service.send([payment("pay-declined", "declined", currency="GBP")])
    until(lambda: difference(service, before)["excluded"] == 1, "the decline is seen")
    assert difference(service, before) == {"good": 0, "bad": 0, "excluded": 1}
    assert money(service, "GBP").get("lost_minor", 0) == 0


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_a_late_event_counts_in_its_own_time(service, outcome):
    before = counts(service)
    then_us = now_us() - 3 * HOUR_US - (HOUR_US if outcome == "failed" else 0)
    then_us -= then_us % MINUTE_US
    service.send([payment(f"pay-late-{outcome}", outcome, at_us=then_us + SECOND_US)])
    name = {"succeeded": "good", "failed": "bad"}[outcome]
    until(lambda: difference(service, before)[name] == 1, "the late payment counts")
    points = service.client.get(
        "/api/slos/payment-success/series",
        **{"from": rfc3339(then_us - MINUTE_US), "to": rfc3339(then_us + 2 * MINUTE_US)},
        step=60,
    )["points"]
    assert [(one["at_us"], one[name]) for one in points if one[name]] == [(then_us, 1)]
