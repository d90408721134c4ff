"""What Shopify's topics mean for the shop. Pure.

Shopify is the shop itself: its checkout token is the checkout's id, unless the order's note
attributes name another one. A payment finds its unit by the note attribute `payment_id` alone;
without one it is told as unmatched and counts nowhere (transactions never carry note attributes:
they show why a payment failed, and `orders/paid` counts).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from collector.sources.amounts import Money, from_decimal
from collector.sources.declines import shopify_class
from collector.sources.keep import Shape, at, identifiers, text_at
from collector.sources.outcome import Outcome, shop_event
from collector.sources.port import Stored, Told
from kernel.clock import parse_rfc3339
from kernel.errors import BadInput
from kernel.shop_event import ShopEvent

PROVIDER: Final = "shopify"
_NOTED: Final = ("payment_id", "checkout_id", "order_id", "session_id", "trace_id")
_MAX_NOTES: Final = 100
_MONEY: Final[Shape] = {"total_price": True, "currency": True}
_ORDER: Final[Shape] = {
    **_MONEY,
    "created_at": True,
    "processed_at": True,
    "updated_at": True,
    "cancelled_at": True,
    "cancel_reason": True,
    "financial_status": True,
    "source_name": True,
    "test": True,
}
_CHECKOUT: Final[Shape] = {
    **_MONEY,
    "created_at": True,
    "updated_at": True,
    "completed_at": True,
    "source_name": True,
}
_TRANSACTION: Final[Shape] = {
    "kind": True,
    "status": True,
    "gateway": True,
    "amount": True,
    "currency": True,
    "created_at": True,
    "processed_at": True,
    "error_code": True,
    "test": True,
}
_REFUND: Final[Shape] = {
    "created_at": True,
    "processed_at": True,
    "transactions": {"kind": True, "status": True, "amount": True, "currency": True},
}


@dataclass(frozen=True)
class Topic:
    """How one topic's document is known, trimmed and timed. `times`: fields, the first that is."""

    shape: Shape
    fits: Callable[[Mapping[str, Any]], bool]
    times: tuple[str, ...]

    def at_us(self, document: Mapping[str, Any]) -> int:
        """Shopify's own time of what happened. Raises BadInput where none can be read."""
        for name in self.times:
            if text := text_at(document, name):
                return _time(text, name)
        raise BadInput("the document has no time", path=f"$.{self.times[0]}")


def _is_order(document: Mapping[str, Any]) -> bool:
    return "financial_status" in document and "line_items" in document


def _is_checkout(document: Mapping[str, Any]) -> bool:
    has_token = bool(text_at(document, "token"))
    return has_token and "line_items" in document and "financial_status" not in document


TOPICS: Final[Mapping[str, Topic]] = {
    "orders/create": Topic(_ORDER, _is_order, ("created_at",)),
    "orders/paid": Topic(
        _ORDER,
        lambda order: _is_order(order) and text_at(order, "financial_status") == "paid",
        ("processed_at", "updated_at", "created_at"),
    ),
    "orders/cancelled": Topic(
        _ORDER,
        lambda order: _is_order(order) and bool(order.get("cancelled_at")),
        ("cancelled_at",),
    ),
    "checkouts/create": Topic(_CHECKOUT, _is_checkout, ("created_at",)),
    "checkouts/update": Topic(_CHECKOUT, _is_checkout, ("updated_at", "created_at")),
    "refunds/create": Topic(
        _REFUND,
        lambda refund: "refund_line_items" in refund and "order_id" in refund,
        ("processed_at", "created_at"),
    ),
    "order_transactions/create": Topic(
        _TRANSACTION,
        lambda one: "kind" in one and "status" in one and "order_id" in one,
        ("processed_at", "created_at"),
    ),
}


def ids_of(document: Mapping[str, Any]) -> dict[str, str]:
    """What the note attributes name, else Shopify's own ids of order and checkout."""
    own = {"shopify_id": document.get("id"), "order_id": document.get("order_id")}
    if _is_order(document):
        own |= {"checkout_id": document.get("checkout_token"), "order_id": document.get("id")}
    elif _is_checkout(document):
        own["checkout_id"] = document.get("token")
    return identifiers(own) | identifiers(_noted(document))


def tell(stored: Stored, told: Told) -> list[ShopEvent]:
    """The events of one document. Raises BadInput where the stored document is not ours."""
    topic, shopify_id = text_at(stored.event, "topic"), stored.ids.get("shopify_id", "")
    reader = TOPICS.get(topic)
    if reader is None or not shopify_id:
        raise BadInput("the stored Shopify document lacks its topic or id")
    at_us = reader.at_us(stored.event)
    return [
        shop_event(
            Outcome(
                id=":".join(filter(None, (topic, shopify_id, name))),
                type=event_type,
                at_us=at_us,
                provider=PROVIDER,
                money=_money(stored.event),
                fields=fields,
                attributes={
                    "provider_event": topic,
                    "provider_id": shopify_id,
                    "source_name": text_at(stored.event, "source_name"),
                    "gateway": text_at(stored.event, "gateway"),
                    "test": at(stored.event, "test") is True,
                },
            ),
            stored,
            told,
        )
        for name, event_type, fields in _meanings(topic, stored)
    ]


Meaning = tuple[str, str, dict[str, str]]


def _meanings(topic: str, stored: Stored) -> list[Meaning]:
    """(what names the event among those of its document, type, fields)."""
    if topic == "orders/create":
        placed: Meaning = ("placed", "order.placed", {})
        # An order that never had a checkout (point of sale, drafts) completes none.
        completed: Meaning = ("completed", "checkout.completed", {})
        return [placed, completed] if stored.ids.get("checkout_id") else [placed]
    if topic == "checkouts/update":
        updated = text_at(stored.event, "updated_at")
        return [(updated, "checkout.step_completed", {"step": "updated"})]
    if topic == "order_transactions/create":
        return [_transaction(stored.event)]
    if topic == "orders/cancelled":
        reason = text_at(stored.event, "cancel_reason")
        return [("cancelled", "com.shopify.orders.cancelled", {"outcome": reason})]
    simple = {
        "orders/paid": "payment.succeeded",
        "checkouts/create": "checkout.started",
        "refunds/create": "payment.refunded",
    }
    return [("", simple[topic], {})]


def _transaction(event: Mapping[str, Any]) -> Meaning:
    kind, status = text_at(event, "kind"), text_at(event, "status")
    if kind == "refund" and status == "success":
        return "", "com.shopify.transaction.refund", {}
    if kind not in {"sale", "authorization", "capture"} or status not in {
        "success",
        "failure",
        "error",
    }:
        return "", f"com.shopify.transaction.{kind or 'unknown'}", {"outcome": status}
    if status == "success":
        is_paid = kind in {"sale", "capture"}
        return "", "payment.succeeded" if is_paid else "payment.authorized", {"step": kind}
    code = text_at(event, "error_code")
    by_status = "technical" if status == "error" else ""
    return (
        "",
        "payment.failed",
        {
            "decline_class": shopify_class(code) or by_status,
            "decline_code": code,
            "error_type": status,
            "step": kind,
        },
    )


def _money(event: Mapping[str, Any]) -> Money:
    refunded = at(event, "transactions")
    if isinstance(refunded, list):
        return _sum([from_decimal(at(one, "amount"), at(one, "currency")) for one in refunded])
    amount = at(event, "total_price") or at(event, "amount")
    return from_decimal(amount, at(event, "currency"))


def _sum(parts: list[Money]) -> Money:
    """One currency's sum; nothing where they are of several, or one is unreadable."""
    amounts = [amount for amount, _ in parts if amount is not None]
    currencies = {currency for _, currency in parts}
    if len(currencies) != 1 or len(amounts) != len(parts):
        return None, ""
    return sum(amounts), currencies.pop()


def _noted(document: Mapping[str, Any]) -> dict[str, Any]:
    notes = document.get("note_attributes")
    if not isinstance(notes, list):
        return {}
    pairs = ((text_at(one, "name"), at(one, "value")) for one in notes[:_MAX_NOTES])
    return {name: value for name, value in pairs if name in _NOTED}


def _time(text: str, name: str) -> int:
    try:
        return parse_rfc3339(text)
    except (ValueError, OverflowError):
        raise BadInput("a time is RFC 3339", path=f"$.{name}") from None
