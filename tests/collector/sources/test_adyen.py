"""Adyen: its published vectors, and what its notifications mean."""

from __future__ import annotations

import json

import pytest

from collector.sources.adyen import AdyenKind, signed_text
from collector.sources.hmac_text import fits, signature
from collector.sources.port import Delivery
from kernel.clock import parse_rfc3339
from kernel.errors import NotAuthenticated
from kernel.shop_event import Origin
from tests.collector.sources.signing import (
    ADYEN_KEY,
    NOW_US,
    Signed,
    adyen_item,
    b64_hmac,
    by_adyen,
)
from tests.shared_data import shared

VECTORS_KEY = bytes.fromhex("74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174")
VECTORS = ["backslash", "colon", "forwardslash", "mixed"]
DAY_OF_VECTORS_US = parse_rfc3339("2023-01-10T13:00:00Z")


def vector(name: str) -> dict:
    folder = shared("vectors/adyen/test/mocks/util")
    return json.loads((folder / f"{name}_notification.json").read_text())


@pytest.mark.parametrize("name", VECTORS)
def test_adyens_own_notifications_fit_their_signatures(name):
    item = vector(name)
    assert fits(item["additionalData"]["hmacSignature"], [VECTORS_KEY], signed_text(item))
    body = json.dumps({"notificationItems": [{"NotificationRequestItem": item}]}).encode()
    verified = AdyenKind().verify(Delivery(body, {}, DAY_OF_VECTORS_US), [VECTORS_KEY])
    [note] = verified.notes
    assert note.ids["payment_id"] == item["merchantReference"]
    assert note.key == f"{item['pspReference']}\0AUTHORISATION\0true"


@pytest.mark.parametrize("name", VECTORS)
def test_adyens_own_notifications_with_another_reference_fit_no_more(name):
    item = {**vector(name), "merchantReference": "another"}
    body = json.dumps({"notificationItems": [{"NotificationRequestItem": item}]}).encode()
    with pytest.raises(NotAuthenticated):
        AdyenKind().verify(Delivery(body, {}, DAY_OF_VECTORS_US), [VECTORS_KEY])


def test_the_documented_sample_gives_the_documented_signature():
    sample = {
        "pspReference": "7914073381342284",
        "merchantAccountCode": "TestMerchant",
        "merchantReference": "TestPayment-1407325143704",
        "amount": {"value": 1130, "currency": "EUR"},
        "eventCode": "AUTHORISATION",
        "success": "true",
    }
    assert signed_text(sample) == (
        b"7914073381342284::TestMerchant:TestPayment-1407325143704:1130:EUR:AUTHORISATION:true"
    )
    assert signature(bytes.fromhex(ADYEN_KEY), signed_text(sample)) == (
        "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="
    )


def test_the_same_text_cut_into_other_fields_is_not_what_was_signed(send):
    shop = adyen_item(merchantAccountCode="Shop", merchantReference="a:pay-1")
    text = b64_hmac(
        bytes.fromhex(ADYEN_KEY), b"7914073381342284::Shop:a:pay-1:1000:EUR:AUTHORISATION:true"
    )
    details = {"hmacSignature": text}
    assert send(by_adyen({**shop, "additionalData": details})).status_code == 200
    moved = adyen_item(
        merchantAccountCode="Shop:a", merchantReference="pay-1", additionalData=details
    )
    assert send(by_adyen(moved)).status_code == 401


def test_the_whole_body_may_be_signed_by_a_header_instead(told):
    item = adyen_item()
    del item["additionalData"]
    body = json.dumps({"notificationItems": [{"NotificationRequestItem": item}]}).encode()
    header = {"hmacsignature": b64_hmac(bytes.fromhex(ADYEN_KEY), body)}
    [event] = told(Signed("/webhooks/adyen/main", body, header))
    assert event.payment_id == "pay-1"


def test_a_header_that_does_not_fit_is_never_passed_over(send):
    good = by_adyen()
    assert send(Signed(good.address, good.body, {"hmacsignature": "AAAA"})).status_code == 401


def test_a_signed_webhook_of_the_platform_is_refused_with_the_way_out(send):
    body = json.dumps({"type": "balancePlatform.transfer.created", "data": {}}).encode()
    header = {"hmacsignature": b64_hmac(bytes.fromhex(ADYEN_KEY), body)}
    answer = send(Signed("/webhooks/adyen/main", body, header))
    assert answer.status_code == 400
    assert "platform" in answer.json()["hint"]


MEANINGS = [
    ("AUTHORISATION", "true", "payment.succeeded"),
    ("AUTHORISATION", "false", "payment.failed"),
    ("CAPTURE", "true", "com.adyen.capture.true"),
    ("CAPTURE", "false", "payment.failed"),
    ("CAPTURE_FAILED", "true", "payment.failed"),
    ("CANCELLATION", "true", "payment.refunded"),
    ("CANCELLATION", "false", "com.adyen.cancellation.false"),
    ("REFUND", "true", "payment.refunded"),
    ("REFUND", "false", "com.adyen.refund.false"),
    ("REFUND_FAILED", "true", "com.adyen.refund_failed.true"),
    ("NOTIFICATION_OF_CHARGEBACK", "true", "payment.disputed"),
    ("CHARGEBACK", "true", "payment.disputed"),
    ("CHARGEBACK_REVERSED", "true", "com.adyen.chargeback_reversed.true"),
    ("PENDING", "true", "payment.attempted"),
]


@pytest.mark.parametrize(("code", "success", "event_type"), MEANINGS)
def test_each_event_code_means_what_the_table_says(told, code, success, event_type):
    [event] = told(by_adyen(adyen_item(eventCode=code, success=success, reason="")))
    assert event.type == event_type
    assert event.id == f"7914073381342284:{code}:{success}"
    assert (event.origin, event.source) == (Origin.PROVIDER, "adyen/main")
    assert (event.payment_id, event.provider, event.time_us) == ("pay-1", "adyen", NOW_US)
    assert (event.amount_minor, event.currency) == (1_000, "EUR")


def test_an_event_code_that_nobody_knows_is_kept_and_tells_nothing(hooks, told):
    assert told(by_adyen(adyen_item(eventCode="REPORT_AVAILABLE"))) == []
    assert hooks.webhooks.tally.of("adyen/main")["accepted"] == 1


def test_the_reason_of_a_refusal_is_its_decline_class(told):
    [event] = told(by_adyen(adyen_item(success="false", reason="Issuer Unavailable")))
    assert (event.decline_class, event.decline_code) == ("technical", "Issuer Unavailable")
    assert (event.method, event.attributes["card_brand"]) == ("card", "visa")


def test_a_reason_that_nobody_knows_has_no_class_and_so_counts_as_ours(told):
    [event] = told(by_adyen(adyen_item(success="false", reason="Something New")))
    assert (event.decline_class, event.decline_code) == ("", "Something New")


def test_a_capture_that_failed_is_technical_and_keeps_its_reason(told):
    item = adyen_item(
        eventCode="CAPTURE_FAILED",
        reason="Insufficient balance on payment",
        originalReference="9914073381342284",
    )
    [event] = told(by_adyen(item))
    assert (event.decline_class, event.step) == ("technical", "capture")
    assert event.decline_code == "Insufficient balance on payment"
    assert event.attributes["provider_id"] == "9914073381342284"


def test_a_notification_without_a_reference_has_no_unit_and_says_so(told):
    [event] = told(by_adyen(adyen_item(merchantReference="")))
    assert event.payment_id == ""
    assert event.attributes["unmatched"] is True


def test_a_reference_that_looks_like_a_card_joins_like_the_shops_own_id(hooks, told):
    reference = "4242424242424242"
    [event] = told(by_adyen(adyen_item(merchantReference=reference)))
    backend = hooks.redactor.document({"payment_id": reference})["payment_id"]
    assert event.payment_id == backend != reference
