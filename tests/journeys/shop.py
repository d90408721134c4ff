"""Events as a shop would send them, with ids that say what they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from kernel.clock import SystemClock, from_us, rfc3339

COUNTRIES = {"eu-central": "DE", "eu-west": "FR", "us-east": "US"}


def now_us() -> int:
    """The time now."""
    return SystemClock().now_us()


def coming_monday() -> str:
    """The next Monday, like 2026-12-07: corrections of a fixed one would be too old one day."""
    today = from_us(now_us()).date()
    return (today + timedelta(days=7 - today.weekday())).isoformat()


def payment(
    payment_id: str,
    outcome: str = "succeeded",
    *,
    at_us: int | None = None,
    provider: str = "stripe",
    region: str = "eu-west",
    **more: Any,
) -> dict[str, Any]:
    """The terminal event of one payment attempt: succeeded | failed | declined.

    `more` replaces data fields, and with `event_id` the event's id.
    """
    event_id = more.pop("event_id", f"{payment_id}:end")
    data: dict[str, Any] = {
        "payment_id": payment_id,
        "checkout_id": f"co-{payment_id}",
        "amount_minor": 4_200,
        "currency": "EUR",
        "provider": provider,
        "method": "card",
        "country": COUNTRIES[region],
        "region": region,
        "channel": "web",
        "latency_ms": 480.0,
        **_ending(outcome),
        **more,
    }
    kind = "payment.succeeded" if outcome == "succeeded" else "payment.failed"
    return event(kind, event_id, data, at_us)


def event(
    kind: str, event_id: str, data: Mapping[str, Any], at_us: int | None = None
) -> dict[str, Any]:
    """A CloudEvents envelope."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "shop",
        "type": kind,
        "time": rfc3339(now_us() if at_us is None else at_us),
        "data": dict(data),
    }


def _ending(outcome: str) -> dict[str, str]:
    endings = {
        "succeeded": {},
        "failed": {"decline_class": "technical", "error_type": "provider_timeout"},
        "declined": {"decline_class": "issuer", "decline_code": "insufficient_funds"},
    }
    return endings[outcome]


def span_export(trace_id: str, attributes: Mapping[str, str | int], at_us: int) -> dict[str, Any]:
    """An OTLP/JSON export of one client span of `payments` that ends at `at_us`."""
    span = {
        "traceId": trace_id,
        "spanId": trace_id[:16],
        "name": "charge",
        "kind": 3,
        "startTimeUnixNano": str((at_us - 400_000) * 1_000),
        "endTimeUnixNano": str(at_us * 1_000),
        "attributes": [_attribute(name, value) for name, value in attributes.items()],
        "status": {},
    }
    service = {"attributes": [_attribute("service.name", "payments")]}
    return {"resourceSpans": [{"resource": service, "scopeSpans": [{"spans": [span]}]}]}


def _attribute(name: str, value: str | int) -> dict[str, Any]:
    kind = "intValue" if isinstance(value, int) else "stringValue"
    return {"key": name, "value": {kind: str(value)}}
