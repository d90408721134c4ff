"""Shop events told by spans: our own attribute names, and those of the opentelemetry-demo.

Pure. One span gives at most one event, so that (record position, ordinal of the span) names it
for good: a replay after a change here revises and never adds.

- any span with `tillwatch.payment_id`: payment.succeeded or payment.failed, by the span's status
- else any span with `tillwatch.checkout_id`: checkout.completed or checkout.failed
- a span that names itself a charge or payment and carries `payment_id` (or `payment.id`): payment.*
- the demo's `charge` span: payment.*; its PlaceOrder server span: checkout.*

Sources: opentelemetry-demo 3.x src/checkout/main.go, src/payment/charge.js (`demo.*`, before 3.0
`app.*`). Synthetic traffic (`user_agent.synthetic.type`, an uncharged payment) is no business.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from collector.events.item import MAX_AGE_US, MAX_AHEAD_US
from kernel.money import exponent, is_currency
from kernel.shop_event import DECLINE_CLASSES, STRING_FIELDS, Origin, ShopEvent
from kernel.telemetry_store.port import Scalar, SpanRow

_PLAIN_PAYMENT_KEYS = ("payment_id", "payment.id")
_PLACE_ORDER = "CheckoutService/PlaceOrder"
_MAX_AMOUNT = 1 << 53
_MAX_DIGITS = 40
_MAX_TEXT = 200
_OUTCOMES = {"succeeded": True, "completed": True, "ok": True, "failed": False, "error": False}

# Where a later key of the same field wins: our own name is the last.
_FIELD_KEYS = tuple(
    (name, prefix + name) for name in STRING_FIELDS for prefix in ("", "demo.", "tillwatch.")
)


# Every span that tells something holds one of these; JSON may hide them behind an escape.
_TELLING = (b"payment", b"tillwatch.checkout_id", b"PlaceOrder", b"\\u")


def may_tell(body: bytes) -> bool:
    """Whether any span of an export could tell a shop event: asked of its bytes, in no time."""
    return any(word in body for word in _TELLING)


def event_of_span(span: SpanRow, *, source: str, received_us: int) -> ShopEvent | None:
    """The shop event that a span tells, or None.

    Its id is `<position>:<ordinal>`, its time the end of the span.
    """
    kind = _kind_of(span)
    if kind is None:
        return None
    time_us, flag = span.end_us or span.start_us, ""
    if time_us < received_us - MAX_AGE_US:
        return None
    if time_us > received_us + MAX_AHEAD_US:
        time_us, flag = received_us, "future"
    good = _is_good(span)
    outcome = {"payment": ("failed", "succeeded"), "checkout": ("failed", "completed")}[kind][good]
    amount, currency = _amount(span.attributes)
    event = ShopEvent(
        id=f"{span.position}:{span.item}",
        source=source,
        type=f"{kind}.{outcome}",
        time_us=time_us,
        time_flag=flag,
        origin=Origin.SPAN,
        amount_minor=amount,
        latency_ms=max(0, span.end_us - span.start_us) / 1000,
        attributes={"service": span.service},
    )
    return msgspec.structs.replace(event, **_fields(span, good=good, currency=currency))


def _kind_of(span: SpanRow) -> str | None:
    attributes = span.attributes
    synthetic = attributes.get("user_agent.synthetic.type") in {"test", "bot"}
    if synthetic or _demo(attributes, "payment.charged") is False:
        return None
    if attributes.get("tillwatch.payment_id"):
        return "payment"
    if attributes.get("tillwatch.checkout_id"):
        return "checkout"
    if _charges(span.name) and any(attributes.get(key) for key in _PLAIN_PAYMENT_KEYS):
        return "payment"
    if span.name == "charge" and _demo(attributes, "payment.card_type", "payment.card_valid"):
        return "payment"
    if span.name == "charge" and "payment" in span.service:
        return "payment"
    if span.name.endswith(_PLACE_ORDER) and span.kind == "server":
        return "checkout"
    return None


def _charges(name: str) -> bool:
    """Other spans of a trace carry the id too: only the one that charges speaks of the outcome."""
    words = name.lower()
    return "charge" in words or "payment" in words


def _is_good(span: SpanRow) -> bool:
    """Its own word first, then the span's status; a declined payment is no error of a span."""
    said = str(span.attributes.get("tillwatch.outcome", "")).lower()
    declined = bool(span.attributes.get("tillwatch.decline_class"))
    return _OUTCOMES.get(said, span.status != "error" and not declined)


def _fields(span: SpanRow, *, good: bool, currency: str) -> dict[str, str]:
    attributes = span.attributes
    fields = {
        name: _short(attributes[key])
        for name, key in _FIELD_KEYS
        if key in attributes and attributes[key] not in (None, "")
    }
    fields |= {"trace_id": span.trace_id, "span_id": span.span_id, "currency": currency}
    found = {
        "order_id": _demo(attributes, "order.id"),
        "payment_id": attributes.get("payment.id")
        or _demo(attributes, "payment.transaction.id", "payment.id"),
        "checkout_id": attributes.get("checkout.id"),
        "session_id": attributes.get("session.id"),
        "release": attributes.get("service.version"),
    }
    for name, value in found.items():
        if value not in (None, "", False):
            fields.setdefault(name, _short(value))
    if not good and "error_type" not in fields:
        fields["error_type"] = _short(attributes.get("error.type") or _exception_type(span))
    if fields.get("decline_class", "technical") not in DECLINE_CLASSES:
        del fields["decline_class"]
    return fields


def _demo(attributes: Mapping[str, Scalar], *names: str) -> Scalar | None:
    """A demo attribute under its new (`demo.`) or old (`app.`) prefix."""
    for name in names:
        for prefix in ("demo.", "app."):
            if prefix + name in attributes:
                return attributes[prefix + name]
    return None


def _amount(attributes: Mapping[str, Scalar]) -> tuple[int | None, str]:
    """Minor units and currency; both or nothing."""
    said = (
        attributes.get("tillwatch.currency")
        or _demo(attributes, "user_context.selected_currency", "user.currency", "payment.currency")
        or ""
    )
    currency = str(said).upper()
    if not is_currency(currency):
        return None, ""
    minor = attributes.get("tillwatch.amount_minor")
    if isinstance(minor, str) and minor.isascii() and minor.isdigit() and len(minor) < 17:
        minor = int(minor)
    if not isinstance(minor, int) or isinstance(minor, bool):
        minor = _minor_units(_demo(attributes, "payment.amount", "order.amount"), currency)
    if minor is None or not 0 <= minor < _MAX_AMOUNT:
        return None, currency
    return minor, currency


def _minor_units(major: Scalar | None, currency: str) -> int | None:
    """Major units as a double or a decimal string, rounded half even to minor units."""
    if major is None or isinstance(major, bool):
        return None
    try:
        amount = Decimal(str(major)[:40])
    except InvalidOperation:
        return None
    # `1e999997` is a number too: its digits would take half a minute, its minor units overflow.
    if not amount.is_finite() or abs(amount.adjusted()) > _MAX_DIGITS:
        return None
    return int(amount.scaleb(exponent(currency)).to_integral_value())


def _exception_type(span: SpanRow) -> str:
    for event in span.events:
        inner: Any = event.get("attributes")
        if event.get("name") == "exception" and isinstance(inner, Mapping):
            return str(inner.get("exception.type", ""))
    code = span.attributes.get(
        "rpc.grpc.status_code", span.attributes.get("rpc.response.status_code")
    )
    return f"grpc_{code}" if code is not None else "span_error"


def _short(value: object) -> str:
    return str(value)[:_MAX_TEXT]
