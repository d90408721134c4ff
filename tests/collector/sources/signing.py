"""Each kind of source as its provider signs: one good delivery of each, and its parts to bend."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook
from stripe import WebhookSignature

from kernel.clock import SECOND_US, FrozenClock, rfc3339

NOW_US = FrozenClock().now_us()
NOW_S = NOW_US // SECOND_US
STRIPE_SECRET = "whsec_" + "a1b2c3d4" * 4
STRIPE_NEXT = "whsec_" + "next0000" * 4
ADYEN_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
ADYEN_NEXT = "74F490DD33F7327BAECC88B2947C011FC02D014A473AAA33A8EC93E4DC069174"
SHOPIFY_SECRET = "shpss_0123456789abcdef"
SHOPIFY_NEXT = "shpss_next0123456789ab"
STANDARD_KEY = bytes(range(32))
STANDARD_NEXT = bytes(range(32, 64))


def whsec(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


SECRETS = json.dumps(
    {
        "stripe/eu": [STRIPE_NEXT, STRIPE_SECRET],
        "adyen/main": [ADYEN_NEXT, ADYEN_KEY],
        "shopify/shop": [SHOPIFY_NEXT, SHOPIFY_SECRET],
        "standard/psp": [whsec(STANDARD_NEXT), whsec(STANDARD_KEY)],
        "stripe/unarmed": [],
    }
)


@dataclass(frozen=True)
class Signed:
    """One delivery: where to, what, and the headers that vouch for it."""

    address: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def b64_hmac(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def stripe_event(
    name: str, thing: Mapping[str, Any], event_id: str = "evt_1", created_s: int = NOW_S
) -> dict[str, Any]:
    return {
        "id": event_id,
        "object": "event",
        "api_version": "2026-09-30.clover",
        "created": created_s,
        "data": {"object": dict(thing)},
        "livemode": True,
        "type": name,
    }


def intent(**more: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 4_200,
        "amount_received": 4_200,
        "currency": "eur",
        "metadata": {"payment_id": "pay-1", "checkout_id": "co-1"},
        "status": "succeeded",
        **more,
    }


def by_stripe(
    document: Mapping[str, Any] | None = None, secret: str = STRIPE_SECRET, at_s: int = NOW_S
) -> Signed:
    """Signed by Stripe's own SDK."""
    chosen = document or stripe_event("payment_intent.succeeded", intent())
    body = json.dumps(chosen)
    header = WebhookSignature.generate_signature_header(body, secret, timestamp=at_s)
    return Signed("/webhooks/stripe/eu", body.encode(), {"stripe-signature": header})


def adyen_item(**more: Any) -> dict[str, Any]:
    return {
        "additionalData": {},
        "amount": {"currency": "EUR", "value": 1_000},
        "eventCode": "AUTHORISATION",
        "eventDate": rfc3339(NOW_US),
        "merchantAccountCode": "TestMerchant",
        "merchantReference": "pay-1",
        "paymentMethod": "visa",
        "pspReference": "7914073381342284",
        "reason": "087330:1111:03/2030",
        "success": "true",
        **more,
    }


def adyen_text(item: Mapping[str, Any]) -> bytes:
    names = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
    parts = [str(item.get(name, "")) for name in names]
    parts += [str(item["amount"]["value"]), item["amount"]["currency"]]
    return ":".join(map(str, [*parts, item["eventCode"], item["success"]])).encode()


def by_adyen(*items: Mapping[str, Any], key: str = ADYEN_KEY) -> Signed:
    """Every item is signed by itself, except those that bring a signature (or lack the place)."""
    signed = []
    for item in items or (adyen_item(),):
        details = item.get("additionalData")
        if details is not None and "hmacSignature" not in details:
            text = b64_hmac(bytes.fromhex(key), adyen_text(item))
            details = {**details, "hmacSignature": text}
        whole = item if details is None else {**item, "additionalData": details}
        signed.append({"NotificationRequestItem": whole})
    document = {"live": "false", "notificationItems": signed}
    return Signed("/webhooks/adyen/main", json.dumps(document).encode())


def shopify_order(**more: Any) -> dict[str, Any]:
    return {
        "id": 820982911946154508,
        "checkout_token": "tok-1",
        "created_at": rfc3339(NOW_US),
        "processed_at": rfc3339(NOW_US),
        "updated_at": rfc3339(NOW_US),
        "cancelled_at": None,
        "financial_status": "paid",
        "currency": "EUR",
        "total_price": "403.00",
        "line_items": [],
        "note_attributes": [{"name": "payment_id", "value": "pay-1"}],
        **more,
    }


def by_shopify(
    document: Mapping[str, Any] | None = None,
    topic: str = "orders/paid",
    webhook_id: str = "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
    secret: str = SHOPIFY_SECRET,
) -> Signed:
    body = json.dumps(document or shopify_order()).encode()
    headers = {
        "x-shopify-hmac-sha256": b64_hmac(secret.encode(), body),
        "x-shopify-topic": topic,
        "x-shopify-webhook-id": webhook_id,
    }
    return Signed("/webhooks/shopify/shop", body, headers)


def our_event(**more: Any) -> dict[str, Any]:
    return {
        "type": "payment.succeeded",
        "data": {"payment_id": "pay-1", "amount_minor": 4_200, "currency": "EUR"},
        **more,
    }


def by_standard(
    document: Mapping[str, Any] | None = None,
    webhook_id: str = "msg_1",
    at_s: int = NOW_S,
    key: bytes = STANDARD_KEY,
) -> Signed:
    """Signed by the library of the standard's authors."""
    body = json.dumps(document or our_event())
    at = dt.datetime.fromtimestamp(at_s, tz=dt.UTC)
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": Webhook(key).sign(webhook_id, at, body),
    }
    return Signed("/webhooks/standard/psp", body.encode(), headers)


# A good delivery of every kind, and the header that holds its signature ("" : in the body).
SIGNERS: dict[str, tuple[Callable[[], Signed], str]] = {
    "stripe": (by_stripe, "stripe-signature"),
    "adyen": (by_adyen, ""),
    "shopify": (by_shopify, "x-shopify-hmac-sha256"),
    "standard": (by_standard, "webhook-signature"),
}
