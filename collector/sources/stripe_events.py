"""What Stripe's events mean for the shop. Pure.

The PaymentIntent tells the outcome, its charges only confirm: one attempt sends both, and only one
of them may count. So `payment_intent.succeeded|payment_failed` end a payment, and the charge of a
PaymentIntent is told as `payment.authorized` (which ends nothing and adds the method to the unit)
or, where it failed, as an event that counts nowhere. A charge without a
PaymentIntent (the old Charges API) has nobody else to speak for it and tells the outcome itself.

Silence is judged here, not by Stripe's tidying up: a session that expired and an intent that was
cancelled as abandoned say that nobody paid, not why. They are told under Stripe's own names and
count nowhere, so that they cannot turn an outage's failures into harmless ones a day later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from collector.sources.amounts import Money, from_integer
from collector.sources.declines import CUSTOMER, FRAUD, stripe_class
from collector.sources.keep import Shape, at, identifiers, text_at
from collector.sources.outcome import Outcome, shop_event
from collector.sources.port import Stored, Told
from kernel.clock import SECOND_US
from kernel.errors import BadInput
from kernel.shop_event import ShopEvent

PROVIDER: Final = "stripe"
# Where Stripe's smallest unit is not that of ISO 4217: docs.stripe.com/currencies, zero-decimal
# currencies and special cases.
EXPONENTS: Final = {"ISK": 2, "MGA": 0, "UGX": 2}

_METADATA_IDS: Final = ("payment_id", "checkout_id", "order_id", "session_id", "trace_id")
_METADATA_FIELDS: Final = ("country", "region", "channel", "release", "method")
_METHOD_DETAILS: Final[Shape] = {"type": True, "card": {"brand": True, "country": True}}
_ERROR: Final[Shape] = {
    "type": True,
    "code": True,
    "decline_code": True,
    "network_decline_code": True,
    "payment_method": _METHOD_DETAILS,
}
_OBJECT: Final[Shape] = {
    "id": True,
    "object": True,
    "amount": True,
    "amount_received": True,
    "amount_refunded": True,
    "amount_total": True,
    "amount_capturable": True,
    "currency": True,
    "status": True,
    "payment_status": True,
    "cancellation_reason": True,
    "captured": True,
    "failure_code": True,
    "reason": True,
    "payment_intent": True,
    "latest_charge": True,
    "charge": True,
    "last_payment_error": _ERROR,
    "outcome": {"type": True, "reason": True, "network_status": True},
    "payment_method_details": _METHOD_DETAILS,
    "metadata": dict.fromkeys(_METADATA_FIELDS, True),
}
SHAPE: Final[Shape] = {
    "id": True,
    "type": True,
    "created": True,
    "livemode": True,
    "api_version": True,
    "account": True,
    "data": {"object": _OBJECT},
}

Read = Callable[[Stored], tuple[str, Mapping[str, Any]]]


def ids_of(event: Mapping[str, Any]) -> dict[str, str]:
    """The shop's identifiers in the metadata, and Stripe's own of the object."""
    thing = at(event, "data", "object")
    metadata = at(thing, "metadata")
    named = {name: at(metadata, name) for name in _METADATA_IDS}
    is_intent = at(thing, "object") == "payment_intent"
    named["stripe_id"] = at(thing, "id")
    named["stripe_payment_intent_id"] = at(thing, "id" if is_intent else "payment_intent")
    return identifiers(named)


def tell(stored: Stored, told: Told) -> list[ShopEvent]:
    """At most one event. Raises BadInput where the stored document is not ours."""
    name, event_id = text_at(stored.event, "type"), stored.ids.get("event_id", "")
    created = at(stored.event, "created")
    if not name or not event_id or not isinstance(created, int):
        raise BadInput("the stored Stripe event lacks its type, id or time")
    read = _READERS.get(name)
    if read is None:
        return []
    event_type, fields = read(stored)
    thing = at(stored.event, "data", "object")
    outcome = Outcome(
        id=event_id,
        type=event_type or f"com.stripe.{name}",
        at_us=created * SECOND_US,
        provider=PROVIDER,
        money=_money(name, thing),
        fields=_described(stored) | dict(fields),
        attributes={
            "provider_event": name,
            "provider_id": stored.ids.get("stripe_payment_intent_id")
            or stored.ids.get("stripe_id", ""),
            "card_country": text_at(_method(thing), "card", "country"),
            "card_brand": text_at(_method(thing), "card", "brand"),
            "test": at(stored.event, "livemode") is False,
        },
    )
    return [shop_event(outcome, stored, told)]


def _money(name: str, thing: Any) -> Money:
    first = {
        "payment_intent.succeeded": "amount_received",
        "charge.refunded": "amount_refunded",
    }.get(name, "amount")
    candidates = (at(thing, field) for field in (first, "amount", "amount_total"))
    amount = next((one for one in candidates if one is not None), None)
    return from_integer(amount, at(thing, "currency"), EXPONENTS)


def _described(stored: Stored) -> dict[str, str]:
    """What the shop wrote into the metadata, else the method that Stripe knows.

    The card's country is an attribute: the unit's country is the shop's market, not the bank's.
    """
    thing = at(stored.event, "data", "object")
    return {"method": text_at(_method(thing), "type")} | {
        name: text for name in _METADATA_FIELDS if (text := text_at(thing, "metadata", name))
    }


def _method(thing: Any) -> Any:
    error = at(thing, "last_payment_error")
    return at(thing, "payment_method_details") or at(error, "payment_method")


def _as(event_type: str, **fields: str) -> Read:
    return lambda _stored: (event_type, fields)


def _intent_failed(stored: Stored) -> tuple[str, Mapping[str, Any]]:
    error = at(stored.event, "data", "object", "last_payment_error")
    codes = (text_at(error, "decline_code"), text_at(error, "code"))
    return "payment.failed", {
        "decline_class": stripe_class(codes, error_type=text_at(error, "type")),
        "decline_code": codes[0] or codes[1],
        "error_type": text_at(error, "type") or "unknown",
    }


def _intent_canceled(stored: Stored) -> tuple[str, Mapping[str, Any]]:
    """A cancelled authorization ends its payment, and so does a human's reason to cancel.

    `abandoned`, `automatic`, `expired` and no reason at all are silence, which is judged elsewhere.
    """
    intent = at(stored.event, "data", "object")
    reason = text_at(intent, "cancellation_reason")
    by_reason = {"fraudulent": FRAUD, "requested_by_customer": CUSTOMER, "duplicate": CUSTOMER}
    was_authorized = bool(text_at(intent, "latest_charge")) and not at(intent, "last_payment_error")
    decline_class = by_reason.get(reason, CUSTOMER if was_authorized else "")
    if not decline_class:
        return "", {"outcome": reason or "canceled"}
    return "payment.failed", {
        "decline_class": decline_class,
        "decline_code": f"canceled:{reason or 'no_reason'}",
        "error_type": "canceled",
    }


def _charge_succeeded(stored: Stored) -> tuple[str, Mapping[str, Any]]:
    charge = at(stored.event, "data", "object")
    speaks_for_itself = not at(charge, "payment_intent") and at(charge, "captured") is True
    return ("payment.succeeded" if speaks_for_itself else "payment.authorized"), {}


def _charge_failed(stored: Stored) -> tuple[str, Mapping[str, Any]]:
    charge = at(stored.event, "data", "object")
    codes = (text_at(charge, "outcome", "reason"), text_at(charge, "failure_code"))
    fields = {
        "decline_class": stripe_class(codes, outcome_type=text_at(charge, "outcome", "type")),
        "decline_code": codes[0] or codes[1],
        "error_type": text_at(charge, "outcome", "type") or "unknown",
    }
    return ("" if at(charge, "payment_intent") else "payment.failed"), fields


def _charge_captured(stored: Stored) -> tuple[str, Mapping[str, Any]]:
    has_intent = at(stored.event, "data", "object", "payment_intent")
    return ("" if has_intent else "payment.succeeded"), {}


def _session_completed(stored: Stored) -> tuple[str, Mapping[str, Any]]:
    """The customer is through, even where a bank transfer is still to be paid."""
    status = text_at(stored.event, "data", "object", "payment_status")
    return "checkout.completed", {"outcome": status}


def _dispute(stored: Stored) -> tuple[str, Mapping[str, Any]]:
    dispute = at(stored.event, "data", "object")
    return "payment.disputed", {
        "outcome": text_at(dispute, "status"),
        "decline_code": text_at(dispute, "reason"),
    }


_READERS: Final[Mapping[str, Read]] = {
    "payment_intent.succeeded": _as("payment.succeeded"),
    "payment_intent.payment_failed": _intent_failed,
    "payment_intent.canceled": _intent_canceled,
    # The methods name how long an outcome may take: days for a debit of a bank account, and
    # minutes for a customer who was sent to the bank's own page.
    "payment_intent.processing": _as(
        "payment.attempted", step="processing", method="bank_transfer"
    ),
    "payment_intent.requires_action": _as(
        "payment.attempted", step="authentication", method="redirect"
    ),
    "payment_intent.amount_capturable_updated": _as("payment.authorized"),
    "charge.succeeded": _charge_succeeded,
    "charge.failed": _charge_failed,
    "charge.captured": _charge_captured,
    "charge.expired": _as(""),
    "charge.refunded": _as("payment.refunded"),
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _as(""),
    "charge.dispute.closed": _as(""),
    "charge.dispute.funds_withdrawn": _as(""),
    "charge.dispute.funds_reinstated": _as(""),
    "checkout.session.completed": _session_completed,
    "checkout.session.async_payment_succeeded": _as(""),
    "checkout.session.async_payment_failed": _as(""),
    "checkout.session.expired": _as(""),
}
TOLD: Final = frozenset(_READERS)
