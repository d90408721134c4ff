"""The canonical shop event: CloudEvents 1.0 attributes plus the shop's data fields.

This is what lies in the journal's `shop` and `derived` streams, and the contract between
collector, slo and triage.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final

import msgspec

CANONICAL_TYPES: Final = frozenset(
    {
        "session.started",
        "page.viewed",
        "cart.updated",
        "cart.abandoned",
        "checkout.started",
        "checkout.step_completed",
        "checkout.completed",
        "checkout.failed",
        "checkout.expired",
        "payment.attempted",
        "payment.authorized",
        "payment.succeeded",
        "payment.failed",
        "payment.expired",
        "payment.refunded",
        "payment.disputed",
        "order.placed",
        "order.fulfilled",
    }
)
# Only we say these: they are concluded from silence.
DERIVED_TYPES: Final = frozenset({"cart.abandoned", "checkout.expired", "payment.expired"})
DECLINE_CLASSES: Final = ("issuer", "fraud", "authentication", "customer", "technical")


class Origin(StrEnum):
    """Who told us. The order is the precedence by which outcomes revise each other."""

    PROVIDER = "provider"
    BACKEND = "backend"
    SPAN = "span"
    BROWSER = "browser"
    DERIVED = "derived"

    @property
    def rank(self) -> int:
        """0 is believed first."""
        return list(Origin).index(self)


class ShopEvent(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One event. `time_us`: UTC microseconds; money in minor units; unset fields are ""/None.

    `gc=False`: it holds text and numbers, so it can be part of no cycle, and there are many.
    """

    id: str
    source: str
    type: str
    time_us: int
    origin: Origin = Origin.BACKEND
    checkout_id: str = ""
    order_id: str = ""
    payment_id: str = ""
    session_id: str = ""
    amount_minor: int | None = None
    currency: str = ""
    provider: str = ""
    method: str = ""
    country: str = ""
    region: str = ""
    channel: str = ""
    release: str = ""
    step: str = ""
    outcome: str = ""
    decline_class: str = ""
    decline_code: str = ""
    error_type: str = ""
    latency_ms: float | None = None
    trace_id: str = ""
    span_id: str = ""
    time_flag: str = ""  # "future": the sender's clock was ahead, counted at receive time
    attributes: dict[str, str | int | float | bool] = {}

    def field(self, name: str) -> str | int | float | bool | None:
        """Value of a data field, else of an attribute; None where unset."""
        if name in _FIELDS:
            value = getattr(self, name)
            return None if value == "" else value
        return self.attributes.get(name)


_FIELDS: Final = frozenset(ShopEvent.__struct_fields__) - {"attributes"}
STRING_FIELDS: Final = tuple(
    name
    for name in ShopEvent.__struct_fields__
    if name not in {"id", "source", "type", "time_us", "origin", "time_flag", "attributes"}
    and name not in {"amount_minor", "latency_ms"}
)


def event_key(source: str, event_id: str) -> bytes:
    """The declared identity of an event (CloudEvents: source and id) as a journal key."""
    return hashlib.blake2b(f"{source}\0{event_id}".encode(), digest_size=16).digest()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[ShopEvent])


def encode_event(event: ShopEvent) -> bytes:
    """Canonical JSON bytes of one event, as stored."""
    return _encoder.encode(event)


def decode_events(body: bytes) -> list[ShopEvent]:
    """Events of one `shop` or `derived` record's body (a JSON array)."""
    return _decoder.decode(body)
