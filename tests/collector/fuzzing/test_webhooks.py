"""Whatever a provider signed: taken, let go or refused; and what is taken can be told."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, note
from stripe import WebhookSignature

from collector.changes.change import change_row
from collector.redaction import Redactor
from collector.sources.github_changes import change_of
from collector.sources.intake import Received, WebhookIntake
from collector.sources.keyring import Keyring
from collector.sources.port import Told
from collector.sources.registry import KINDS, stored_of
from collector.sources.tally import Tally
from kernel import strict_json
from kernel.clock import FrozenClock, rfc3339
from kernel.errors import BadInput, NotAuthenticated, UnsupportedFormat
from kernel.shop_event import decode_events, encode_event
from tests.collector.fuzzing.choices import DECISIONS, MORE, Choices, mutated
from tests.collector.fuzzing.documents import anything, bent, text_of
from tests.collector.sources.signing import (
    ADYEN_KEY,
    NOW_S,
    NOW_US,
    SECRETS,
    SHOPIFY_SECRET,
    STANDARD_KEY,
    STRIPE_SECRET,
    adyen_item,
    b64_hmac,
    by_adyen,
    intent,
    our_event,
    shopify_order,
    stripe_event,
)

GITHUB_SECRET = "a secret for tests only"
TOKEN = "a-token-of-24-characters"
CLOCK = FrozenClock()
NAMES = {
    "stripe": "eu",
    "adyen": "main",
    "shopify": "shop",
    "standard": "psp",
    "github": "org",
    "statuspage": "psp",
}
_MORE = {"github/org": [GITHUB_SECRET], "statuspage/psp": [TOKEN]}
INTAKE = WebhookIntake(
    Keyring.parse(json.dumps({**json.loads(SECRETS), **_MORE}), KINDS),
    Redactor(b"a key for tests only"),
    CLOCK,
    Tally(),
)
_AT = rfc3339(NOW_US)
_DEPLOYMENT: Mapping[str, Any] = {
    "action": "created",
    "repository": {"name": "payments", "full_name": "shop/payments", "default_branch": "main"},
    "deployment": {
        "id": 7,
        "ref": "main",
        "sha": "ab" * 20,
        "task": "deploy",
        "environment": "prod",
        "payload": '{"service": "payments"}',
        "created_at": _AT,
        "creator": {"login": "ada"},
    },
}
_STATUS: Mapping[str, Any] = {
    **_DEPLOYMENT,
    "deployment_status": {
        "id": 8,
        "state": "success",
        "created_at": _AT,
        "log_url": "https://ci.example",
    },
}
_RELEASE: Mapping[str, Any] = {
    "action": "published",
    "repository": _DEPLOYMENT["repository"],
    "release": {"id": 9, "tag_name": "v1", "name": "One", "published_at": _AT},
}
_STRIPE_TYPES = (
    "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled",
    "charge.failed", "charge.succeeded", "charge.refunded", "charge.dispute.created",
    "checkout.session.completed", "checkout.session.expired",
)  # fmt: skip
_ERROR = {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"}
MOULDS: Mapping[str, tuple[Any, ...]] = {
    "stripe": tuple(
        stripe_event(name, intent(last_payment_error=_ERROR, outcome={"type": "issuer_declined"}))
        for name in _STRIPE_TYPES
    ),
    "adyen": ({"notificationItems": [{"NotificationRequestItem": adyen_item()}]},),
    "shopify": (shopify_order(), shopify_order(cancelled_at=_AT, financial_status="voided")),
    "standard": (our_event(), our_event(timestamp=_AT), our_event(specversion="1.0", source="s")),
    "github": (_DEPLOYMENT, _STATUS, _RELEASE),
    "statuspage": (
        {"page": {"id": "p"}, "incident": {"id": "i", "updated_at": _AT}},
        {"page": {"id": "p"}, "component_update": {"component_id": "c", "created_at": _AT}},
    ),
}
_TOPICS = ("orders/paid", "orders/create", "orders/cancelled", "refunds/create", "checkouts/create")


def stripe_headers(body: bytes, _: Choices) -> dict[str, str]:
    text = f"{NOW_S}.".encode() + body
    digest = hmac.new(STRIPE_SECRET.encode(), text, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={NOW_S},v1={digest}"}


def adyen_headers(body: bytes, _: Choices) -> dict[str, str]:
    return {"hmacsignature": b64_hmac(bytes.fromhex(ADYEN_KEY), body)}


def shopify_headers(body: bytes, choices: Choices) -> dict[str, str]:
    return {
        "x-shopify-hmac-sha256": b64_hmac(SHOPIFY_SECRET.encode(), body),
        "x-shopify-topic": choices.of((*_TOPICS, "", "Ä")),
        "x-shopify-webhook-id": choices.of(("a-1", "a-1", "a-1", "", "x" * 65)),
    }


def standard_headers(body: bytes, _: Choices) -> dict[str, str]:
    signed = f"msg_1.{NOW_S}.".encode() + body
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(NOW_S),
        "webhook-signature": f"v1,{b64_hmac(STANDARD_KEY, signed)}",
    }


def github_headers(body: bytes, choices: Choices) -> dict[str, str]:
    digest = hmac.new(GITHUB_SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {
        "x-hub-signature-256": f"sha256={digest}",
        "x-github-event": choices.of(("deployment", "deployment_status", "release", "ping", "")),
        "x-github-delivery": choices.of(("guid-1", "guid-1", "", "x" * 300)),
    }


def no_headers(_body: bytes, _: Choices) -> dict[str, str]:
    return {}


SIGNED: Mapping[str, Callable[[bytes, Choices], dict[str, str]]] = {
    "stripe": stripe_headers,
    "adyen": adyen_headers,
    "shopify": shopify_headers,
    "standard": standard_headers,
    "github": github_headers,
    "statuspage": no_headers,
}
EVERY_KIND = pytest.mark.parametrize("kind", SIGNED)


def is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def received(kind: str, body: bytes, headers: Mapping[str, str]) -> Received:
    """What becomes of a delivery: all that is refused has its place, path and reason."""
    found = INTAKE.prepare(kind, NAMES[kind], body, headers, TOKEN)
    refusal = found.refusal
    assert refusal is None or isinstance(refusal, BadInput | NotAuthenticated | UnsupportedFormat)
    for one in found.refused:
        assert {"index", "path", "reason", "digest"} <= one.keys()
        assert one["path"]
        assert one["reason"]
    taken = len(found.append.items) if found.append else 0
    assert taken or found.refused or found.ignored
    return found


def check_told(kind: str, found: Received) -> None:
    """What was acknowledged can be told, for `verify` took nothing that `tell` does not know."""
    told = Told(found.source, NOW_US)
    for item in found.append.items if found.append else ():
        stored = stored_of(json.loads(item.data))
        for event in KINDS[kind].tell(stored, told):
            assert decode_events(b"[" + encode_event(event) + b"]")[0].id
        if kind == "github":
            assert change_row(change_of(stored, told), 1, 0, NOW_US).service


@EVERY_KIND
@MORE
@given(decisions=DECISIONS)
def test_any_signed_body_is_taken_and_told_or_refused(kind, decisions):
    choices = Choices(decisions)
    body = text_of(bent(choices.of(MOULDS[kind]), choices))
    if choices.once_in(4):
        body = mutated(body, choices)
    elif choices.once_in(6):
        body = choices.of((text_of(anything(choices)), choices.some(80)))
    note(body)
    found = received(kind, body, SIGNED[kind](body, choices))
    # Stripe's SDK reads the body as text before it looks at the signature.
    is_text = kind != "stripe" or is_utf8(body)
    assert not (is_text and isinstance(found.refusal, NotAuthenticated))
    check_told(kind, found)


@EVERY_KIND
@MORE
@given(decisions=DECISIONS)
def test_no_header_of_a_stranger_is_more_than_a_refusal(kind, decisions):
    choices = Choices(decisions)
    body = text_of(choices.of(MOULDS[kind]))
    headers = SIGNED[kind](body, choices)
    for name in headers:
        if choices.below(2):
            headers[name] = mutated(headers[name].encode(), choices).decode("latin-1")
    note(headers)
    received(kind, mutated(body, choices) if choices.below(2) else body, headers)


@MORE
@given(decisions=DECISIONS)
def test_a_good_item_of_adyen_is_kept_whatever_its_neighbours_are(decisions):
    """Each item is signed by itself; strangers' items and broken ones stand between them."""
    choices = Choices(decisions)
    items: list[Any] = []
    good: set[str] = set()
    for place in range(choices.below(7)):
        item = adyen_item(pspReference=f"good-{place}")
        [whole] = json.loads(by_adyen(item).body)["notificationItems"]
        if choices.below(2):
            good.add(f"good-{place}")
            items.append(whole)
        else:
            items.append(strict(anything(choices) if choices.below(2) else bent(whole, choices)))
    note(items)
    found = received("adyen", text_of({"notificationItems": items}), {})
    kept = found.append.items if found.append else []
    stored = {msgspec.json.decode(one.data)["ids"]["psp_reference_id"] for one in kept}
    assert good <= stored
    if good:
        assert len(kept) + len(found.refused) == len(items)
    check_told("adyen", found)


def strict(document: Any) -> Any:
    """The document, or nothing where it is no JSON: that would be the whole body's fault."""
    try:
        return strict_json.loads(text_of(document))
    except BadInput:
        return None


def test_the_signatures_are_those_of_the_providers():
    """Or the laws above would end at the signature."""
    header = stripe_headers(b"{}", Choices(b""))["stripe-signature"]
    assert WebhookSignature.verify_header(b"{}", header, STRIPE_SECRET, tolerance=None)
    for kind, moulds in MOULDS.items():
        body = text_of(moulds[0])
        found = received(kind, body, SIGNED[kind](body, Choices(b"")))
        assert found.append is not None, kind
        assert found.append.items, kind
        check_told(kind, found)
