"""From event rows to units: one attempt each, however often and by whomever it was told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kernel.shop_event import STRING_FIELDS, Origin, ShopEvent
from kernel.telemetry_store.port import EventRow
from triage.evidence.outcome import OutcomeRule

_IDENTIFIERS = frozenset(
    {"checkout_id", "order_id", "payment_id", "session_id", "trace_id", "span_id"}
)
# In the order in which they name a cause best; ties in the breakdown go to the first.
CAUSE_FIELDS = ("provider", "region", "country", "method", "release", "channel", "step", "currency")
OUTCOME_FIELDS = ("error_type", "decline_class", "decline_code", "outcome")
_PLAIN_FIELDS = tuple(
    name for name in STRING_FIELDS if name not in _IDENTIFIERS and name != "attributes"
)


@dataclass(frozen=True)
class Unit:
    """One attempt. `fields` are its describing values; attributes are named `attributes.<key>`."""

    key: str
    time_us: int
    bad: bool
    fields: Mapping[str, str]
    checkout_id: str = ""
    trace_id: str = ""
    amount_minor: int = 0
    currency: str = ""


def units_of(rows: Iterable[EventRow], rule: OutcomeRule) -> list[Unit]:
    """Units by time. Of several reports of one attempt the most trusted origin, then the first,
    says the outcome; the others only add fields that it lacks.
    """
    reports: dict[str, list[ShopEvent]] = {}
    for row in rows:
        if _is_told_elsewhere(row.event):
            continue
        reports.setdefault(_key(row.event), []).append(row.event)
    found = []
    for key, events in reports.items():
        events.sort(key=lambda event: (event.origin.rank, event.time_us, event.id))
        bad = rule.is_bad(events[0])
        if bad is not None:
            found.append(_unit(key, bad, events))
    found.sort(key=lambda unit: (unit.time_us, unit.key))
    return found


def _is_told_elsewhere(event: ShopEvent) -> bool:
    """A provider's word that names no attempt: the shop's own counts, as in the ledger."""
    subject, _, _ = event.type.partition(".")
    named = {"payment": event.payment_id, "checkout": event.checkout_id}.get(subject, "-")
    return event.origin is Origin.PROVIDER and not named


def _key(event: ShopEvent) -> str:
    subject, _, _ = event.type.partition(".")
    if subject == "payment" and event.payment_id:
        return f"payment:{event.payment_id}"
    if subject == "checkout" and event.checkout_id:
        return f"checkout:{event.checkout_id}"
    return f"item:{event.source}\0{event.id}"


def _unit(key: str, bad: bool, events: list[ShopEvent]) -> Unit:
    fields: dict[str, str] = {}
    for event in reversed(events):
        fields.update(_fields(event))
    first = events[0]
    return Unit(
        key=key,
        time_us=first.time_us,
        bad=bad,
        fields=fields,
        checkout_id=next((e.checkout_id for e in events if e.checkout_id), ""),
        trace_id=next((e.trace_id for e in events if e.trace_id), ""),
        amount_minor=next((e.amount_minor for e in events if e.amount_minor), 0) or 0,
        currency=next((e.currency for e in events if e.currency), ""),
    )


def _fields(event: ShopEvent) -> dict[str, str]:
    found = {name: value for name in _PLAIN_FIELDS if (value := getattr(event, name))}
    for name, value in event.attributes.items():
        if isinstance(value, bool):
            found[f"attributes.{name}"] = "true" if value else "false"
        elif not isinstance(value, float):
            found[f"attributes.{name}"] = str(value)
    return found


def lost_of(units: Sequence[Unit]) -> dict[str, int]:
    """Value per currency that was not taken: each checkout once, if none of its units was good."""
    saved = {unit.checkout_id for unit in units if not unit.bad}
    counted: set[str] = set()
    lost: dict[str, int] = {}
    for unit in units:
        basket = unit.checkout_id or unit.key
        if not unit.bad or not unit.currency or basket in saved or basket in counted:
            continue
        counted.add(basket)
        lost[unit.currency] = lost.get(unit.currency, 0) + unit.amount_minor
    return lost
