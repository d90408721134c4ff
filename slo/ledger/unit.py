"""One attempt: all that was ever said about it, folded into one outcome. Pure.

The fold looks at the set of events alone, so neither order nor repetition of arrival can change it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from kernel.shop_event import DERIVED_TYPES, Origin, ShopEvent
from slo.objective import UnitKind

ItemKey = tuple[str, str]


class Status(StrEnum):
    """Where a unit stands. An authorized payment waits for its capture and never expires."""

    PENDING = "pending"
    AUTHORIZED = "authorized"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"

    @property
    def terminal(self) -> bool:
        """True once there is an outcome."""
        return self is not Status.PENDING and self is not Status.AUTHORIZED


ENDED: Final = frozenset(status for status in Status if status.terminal)


class UnitKey(NamedTuple):
    """Identity of one attempt."""

    kind: UnitKind
    key: str


class Unit(msgspec.Struct, frozen=True, gc=False):
    """The folded unit: the event that decides, its gaps filled from the unit's other events."""

    status: Status
    merged: ShopEvent


_PAYMENT: Final = {
    "payment.attempted": Status.PENDING,
    "payment.authorized": Status.AUTHORIZED,
    "payment.succeeded": Status.SUCCEEDED,
    "payment.failed": Status.FAILED,
    "payment.expired": Status.EXPIRED,
}
_CHECKOUT: Final = {
    "checkout.started": Status.PENDING,
    "checkout.step_completed": Status.PENDING,
    "checkout.completed": Status.SUCCEEDED,
    "checkout.failed": Status.FAILED,
    "checkout.expired": Status.EXPIRED,
}
_STATUS: Final = {UnitKind.PAYMENT: _PAYMENT, UnitKind.CHECKOUT: _CHECKOUT, UnitKind.ITEM: {}}
_TYPES: Final = {
    event_type: (kind, status)
    for kind, told in _STATUS.items()
    for event_type, status in told.items()
}
_OPENING: Final = frozenset({"payment.attempted", "checkout.started"})
# A unit with more messages than this keeps those that are believed first.
_MAX_EVENTS: Final = 16
# The class of a message in the order of belief is the sum of what its type and its origin say:
# outcomes first, then openings; within these by origin; a real one before an expiry.
_NO_OUTCOME, _NO_OPENING, _ORIGIN, _EXPIRY = 1000, 100, 2, 1
_TYPE_BELIEF: Final = {
    kind: dict.fromkeys(DERIVED_TYPES, _EXPIRY)
    | {
        event_type: (event_type in DERIVED_TYPES) * _EXPIRY
        + (not status.terminal) * (_NO_OUTCOME + (event_type not in _OPENING) * _NO_OPENING)
        for event_type, status in told.items()
    }
    for kind, told in _STATUS.items()
}
_ORIGIN_BELIEF: Final = {origin: origin.rank * _ORIGIN for origin in Origin}

# Filled from whichever event has them ...
_SHARED_FIELDS: Final = (
    "checkout_id",
    "order_id",
    "payment_id",
    "session_id",
    "provider",
    "method",
    "country",
    "region",
    "channel",
    "release",
    "trace_id",
)
# ... and these only from events of the same type: a reason of failure says nothing of a success.
_OUTCOME_FIELDS: Final = ("outcome", "decline_class", "decline_code", "error_type", "step")

_shared_words: Callable[[ShopEvent], tuple[str, ...]] = attrgetter(*_SHARED_FIELDS)
_outcome_words: Callable[[ShopEvent], tuple[str, ...]] = attrgetter(*_OUTCOME_FIELDS)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[ShopEvent])


def item_key(event: ShopEvent) -> ItemKey:
    """Identity of one message."""
    return event.source, event.id


def unit_keys(event: ShopEvent, item_types: frozenset[str]) -> list[UnitKey]:
    """The units that the event speaks of. `item_types`: types that count by the message.

    An outcome without its id is a unit of its own, except a provider's: that attempt is known from
    the shop already and could only be counted twice. A beginning without an id can never be ended
    and makes no unit.
    """
    keys = [UnitKey(UnitKind.ITEM, own_key(event))] if event.type in item_types else []
    kind, key = attempt_of(event)
    return [*keys, UnitKey(kind, key)] if key else keys


def attempt_of(event: ShopEvent) -> tuple[UnitKind, str]:
    """The attempt that the event speaks of, as in `unit_keys`; the key is "" where none."""
    told = _TYPES.get(event.type)
    if told is None:
        return UnitKind.ITEM, ""
    kind, status = told
    named = event.payment_id if kind is UnitKind.PAYMENT else event.checkout_id
    if named:
        return kind, "=" + named
    if status in ENDED and event.origin is not Origin.PROVIDER:
        return kind, "#" + _fallback_key(event)
    return kind, ""


def merge(
    known: Sequence[ShopEvent], kind: UnitKind, news: Sequence[ShopEvent]
) -> tuple[ShopEvent, ...]:
    """The unit's events with the new ones, each message once, the most believed first.

    The same message again replaces what was read from it before (a mapping was mended).
    """
    if len(known) + len(news) == 1:
        return (*known, *news)
    if len(known) + len(news) == 2:
        first, second = (*known, *news)
        if first.id != second.id or first.source != second.source:
            beliefs = _TYPE_BELIEF[kind]
            told = beliefs.get(first.type, 0) + _ORIGIN_BELIEF[first.origin]
            tells = beliefs.get(second.type, 0) + _ORIGIN_BELIEF[second.origin]
            swapped = tells < told
            if told == tells:
                swapped = _belief(kind, second) < _belief(kind, first)
            return (second, first) if swapped else (first, second)
    by_item = {item_key(event): event for event in known}
    for event in news:
        by_item[item_key(event)] = event
    events = sorted(by_item.values(), key=lambda event: _belief(kind, event))
    return tuple(events[:_MAX_EVENTS])


def fold(kind: UnitKind, events: Sequence[ShopEvent]) -> Unit:
    """Status and merged event of the unit's events, as `merge` gives them (at least one)."""
    lead = events[0]
    status = _STATUS[kind].get(lead.type, Status.SUCCEEDED)
    if len(events) == 1:
        return Unit(status, lead)
    if status is Status.PENDING and any(e.type == "payment.authorized" for e in events):
        status = Status.AUTHORIZED
    return Unit(status, _fill(lead, events[1:]))


def encode_unit(events: Collection[ShopEvent]) -> bytes:
    """Bytes of a unit's events, as stored."""
    return _encoder.encode(events)


def decode_unit(blob: bytes) -> list[ShopEvent]:
    """Events of a stored unit, in the order of belief."""
    return _decoder.decode(blob)


def _belief(kind: UnitKind, event: ShopEvent) -> tuple[int, int, str, str]:
    """Outcomes first, by origin, a real one before an expiry, then the first in event time.

    Among messages that are no outcome, the one that opened the unit leads.
    """
    belief = _TYPE_BELIEF[kind].get(event.type, 0) + _ORIGIN_BELIEF[event.origin]
    return belief, event.time_us, event.source, event.id


def _fallback_key(event: ShopEvent) -> str:
    """A span is itself, whatever batch brings it again; other messages are named by their id."""
    if event.origin is Origin.SPAN and event.trace_id and event.span_id:
        return f"span:{event.trace_id}:{event.span_id}"
    return own_key(event)


def own_key(event: ShopEvent) -> str:
    """Key of a unit that is one message."""
    return f"{len(event.source)}:{event.source}{event.id}"


def _fill(lead: ShopEvent, others: Sequence[ShopEvent]) -> ShopEvent:
    """`lead` with each unset field from the first of the others that has it.

    Amount and currency travel together; attributes are joined key by key.
    """
    other = others[0]
    if (
        len(others) == 1
        and other.type != lead.type
        and lead.currency
        and lead.amount_minor is not None
        and not other.attributes
        and _shared_words(other) == _shared_words(lead)
    ):
        # Most of all: an attempt and its outcome, which name the same things.
        return lead
    found: dict[str, object] = {}
    _fill_words(found, lead, others, _SHARED_FIELDS, _shared_words)
    alike = [event for event in others if event.type == lead.type]
    if alike:
        _fill_words(found, lead, alike, _OUTCOME_FIELDS, _outcome_words)
        if lead.latency_ms is None:
            latency = next((e.latency_ms for e in alike if e.latency_ms is not None), None)
            found.update({} if latency is None else {"latency_ms": latency})
    if lead.amount_minor is None or not lead.currency:
        priced = (e for e in others if e.amount_minor is not None and e.currency)
        if (price := next(priced, None)) is not None:
            found.update(amount_minor=price.amount_minor, currency=price.currency)
    for event in others:
        if event.attributes:
            found["attributes"] = _joined_attributes(lead, others)
            break
    return msgspec.structs.replace(lead, **found) if found else lead


def _joined_attributes(
    lead: ShopEvent, others: Sequence[ShopEvent]
) -> dict[str, str | int | float | bool]:
    joined: dict[str, str | int | float | bool] = {}
    for event in reversed((lead, *others)):
        joined.update(event.attributes)
    return joined


def _fill_words(
    found: dict[str, object],
    lead: ShopEvent,
    others: Sequence[ShopEvent],
    names: Sequence[str],
    words: Callable[[ShopEvent], tuple[str, ...]],
) -> None:
    """The first word that another event has for each name that `lead` leaves empty."""
    told = words(lead)
    for event in reversed(others):
        said = words(event)
        # Mostly a unit's messages name the same things.
        if said != told:
            pairs = zip(names, told, said, strict=True)
            found.update({name: other for name, mine, other in pairs if other and not mine})
