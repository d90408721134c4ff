"""How a provider's word becomes a shop event: origin, time, identifiers, and whether it has a unit.

An outcome that names no attempt of the shop's is told all the same, without a unit: it shows in the
events with `unmatched`, and counts nowhere, because the shop's own word of the same attempt counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from collector.sources.amounts import NOTHING, Money
from collector.sources.port import Stored, Told
from kernel.shop_event import CANONICAL_TYPES, DECLINE_CLASSES, STRING_FIELDS, Origin, ShopEvent

UNMATCHED = "unmatched"
_IDENTIFIERS = frozenset({"checkout_id", "order_id", "payment_id", "session_id", "trace_id"})
_FIELDS = frozenset(STRING_FIELDS)
_MAX_TEXT = 200


@dataclass(frozen=True)
class Outcome:
    """What one notification means. `id`: the provider's, so that a repeat is the same event."""

    id: str
    type: str
    at_us: int
    provider: str
    money: Money = NOTHING
    fields: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)


def shop_event(outcome: Outcome, stored: Stored, told: Told) -> ShopEvent:
    """The event: identifiers of `stored`, then what the outcome itself says."""
    time_us, flag = told.time_of(outcome.at_us)
    fields = {name: text for name, text in stored.ids.items() if name in _IDENTIFIERS}
    fields |= {
        name: value[:_MAX_TEXT]
        for name, value in outcome.fields.items()
        if name in _FIELDS and isinstance(value, str) and value
    }
    if fields.get("decline_class", "technical") not in DECLINE_CLASSES:
        del fields["decline_class"]
    amount, currency = outcome.money
    fields |= {"provider": outcome.provider, "currency": currency}
    event = ShopEvent(
        id=outcome.id,
        source=told.source,
        type=outcome.type,
        time_us=time_us,
        time_flag=flag,
        origin=Origin.PROVIDER,
        amount_minor=amount,
        attributes={name: value for name, value in outcome.attributes.items() if value},
    )
    return mark_unmatched(msgspec.structs.replace(event, **fields))


def mark_unmatched(event: ShopEvent) -> ShopEvent:
    """The event, with `unmatched` where it speaks of an attempt without naming it."""
    needed = _needs(event.type)
    if not needed or getattr(event, needed):
        return event
    return msgspec.structs.replace(event, attributes={**event.attributes, UNMATCHED: True})


def _needs(event_type: str) -> str:
    """The identifier by which an event of this type finds its unit; "" where it has none."""
    subject = event_type.partition(".")[0]
    if event_type not in CANONICAL_TYPES or subject not in {"payment", "checkout"}:
        return ""
    return f"{subject}_id"
