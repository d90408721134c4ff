"""The simulated shop's world: who buys, where, through whom, and what goes wrong ordinarily.

Pure: a seeded generator in, event dictionaries out. The hour and weekday pattern is that of the
detection study (rate relative to the peak, hour centres, Monday first).
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kernel.clock import HOUR_US, from_us, rfc3339

HOURS = (
    *(0.22, 0.14, 0.10, 0.08, 0.08, 0.10, 0.17, 0.30, 0.45, 0.56, 0.63, 0.68),
    *(0.72, 0.70, 0.67, 0.66, 0.69, 0.75, 0.85, 0.95, 1.00, 0.93, 0.70, 0.42),
)
WEEKDAYS = (0.95, 0.92, 0.92, 0.93, 0.90, 0.85, 1.00)

REGIONS: Mapping[str, Mapping[str, float]] = {
    "eu-central": {"DE": 0.7, "AT": 0.2, "CH": 0.1},
    "eu-west": {"FR": 0.45, "NL": 0.3, "GB": 0.25},
    "us-east": {"US": 0.85, "CA": 0.15},
}
REGION_SHARE = {"eu-central": 0.5, "eu-west": 0.3, "us-east": 0.2}
# Share of a region's payments that go through adyen while its routing flag says "balanced".
ADYEN_SHARE = {"eu-central": 0.6, "eu-west": 0.5, "us-east": 0.3}
PROVIDERS = ("stripe", "adyen")
CURRENCY = {"US": "USD", "CA": "USD", "GB": "GBP", "CH": "CHF"}
METHODS = {"card": 0.72, "redirect": 0.24, "bank_transfer": 0.04}
CHANNELS = {"web": 0.6, "ios": 0.25, "android": 0.15}
RELEASE = "2026.46.2"
DECLINES = {
    ("issuer", "insufficient_funds"): 0.5,
    ("issuer", "do_not_honor"): 0.2,
    ("authentication", "3ds_abandoned"): 0.15,
    ("fraud", "risk_score"): 0.1,
    ("customer", "cancelled"): 0.05,
}
DECLINE_RATE = 0.04
TECHNICAL_RATE = 0.0008


@dataclass(frozen=True)
class Fault:
    """A provider that fails in a region: `share` of its attempts, with these error types."""

    provider: str
    region: str
    share: float
    error_types: Sequence[str] = ("provider_timeout", "provider_5xx")


@dataclass(frozen=True)
class Customer:
    """One basket on its way through the checkout."""

    checkout_id: str
    session_id: str
    country: str
    region: str
    currency: str
    method: str
    channel: str
    amount_minor: int


@dataclass(frozen=True)
class Attempt:
    """One payment attempt and how it ended."""

    payment_id: str
    customer: Customer
    provider: str
    succeeded: bool
    latency_ms: float
    decline_class: str = ""
    decline_code: str = ""
    error_type: str = ""
    trace_id: str = ""


@dataclass
class World:
    """Draws customers and outcomes. `routing` maps a region to "balanced" or one provider."""

    rng: random.Random
    routing: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def customer(self) -> Customer:
        """A basket: region, country, method and amount by the shop's ordinary mix."""
        region = self._pick(REGION_SHARE)
        country = self._pick(REGIONS[region])
        amount = round(math.exp(self.rng.gauss(math.log(6_400), 0.6)))
        return Customer(
            checkout_id=f"co_{self._hex(12)}",
            session_id=f"se_{self._hex(12)}",
            country=country,
            region=region,
            currency=CURRENCY.get(country, "EUR"),
            method=self._pick(METHODS),
            channel=self._pick(CHANNELS),
            amount_minor=max(490, min(amount, 240_000)),
        )

    def attempt(self, customer: Customer) -> Attempt:
        """Route the payment as the flags say, then let it succeed, be declined or fail."""
        provider = self._route(customer.region)
        ended = partial(
            Attempt,
            payment_id=f"pay_{self._hex(14)}",
            customer=customer,
            provider=provider,
            trace_id=self._hex(32),
        )
        latency_ms = round(math.exp(self.rng.gauss(math.log(620), 0.35)), 1)
        fault = self._fault(provider, customer.region)
        if fault is not None:
            error = self.rng.choice(list(fault.error_types))
            slow_ms = 10_000.0 if error.endswith("timeout") else latency_ms * 2
            return ended(
                succeeded=False,
                latency_ms=slow_ms,
                decline_class="technical",
                error_type=error,
            )
        draw = self.rng.random()
        if draw < TECHNICAL_RATE:
            return ended(
                succeeded=False,
                latency_ms=latency_ms * 3,
                decline_class="technical",
                error_type="connection_reset",
            )
        if draw < TECHNICAL_RATE + DECLINE_RATE:
            decline = self._pick(DECLINES)
            return ended(
                succeeded=False,
                latency_ms=latency_ms,
                decline_class=decline[0],
                decline_code=decline[1],
            )
        return ended(succeeded=True, latency_ms=latency_ms)

    def checkout_latency_ms(self) -> float:
        """How long the shop takes to place the order, without the payment."""
        return round(math.exp(self.rng.gauss(math.log(430), 0.4)), 1)

    def count(self, mean: float) -> int:
        """A Poisson draw (Knuth's product of uniforms; `mean` below 500)."""
        limit, product, count = math.exp(-mean), self.rng.random(), 0
        while product > limit:
            product *= self.rng.random()
            count += 1
        return count

    def _route(self, region: str) -> str:
        chosen = self.routing.get(region, "balanced")
        if chosen in PROVIDERS:
            return chosen
        return "adyen" if self.rng.random() < ADYEN_SHARE[region] else "stripe"

    def _fault(self, provider: str, region: str) -> Fault | None:
        for fault in self.faults:
            hit = fault.provider == provider and fault.region == region
            if hit and self.rng.random() < fault.share:
                return fault
        return None

    def _pick(self, weights: Mapping[Any, float]) -> Any:
        return self.rng.choices(list(weights), weights=list(weights.values()))[0]

    def _hex(self, digits: int) -> str:
        return f"{self.rng.getrandbits(4 * digits):0{digits}x}"


def rate_share(at_us: int) -> float:
    """Traffic at this time relative to the weekly peak (linear between hour centres)."""
    at = from_us(at_us - HOUR_US // 2)
    here, there = HOURS[at.hour], HOURS[(at.hour + 1) % 24]
    share = here + (there - here) * (at.minute * 60 + at.second) / 3600
    return share * WEEKDAYS[at.weekday()]


def event(kind: str, event_id: str, at_us: int, data: Mapping[str, Any]) -> dict[str, Any]:
    """A CloudEvents 1.0 envelope as a shop would send it."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "shop",
        "type": kind,
        "time": rfc3339(at_us),
        "data": {key: value for key, value in data.items() if value not in ("", None)},
    }


def basket(customer: Customer) -> dict[str, Any]:
    """The fields that every event of a basket carries."""
    return {
        "checkout_id": customer.checkout_id,
        "session_id": customer.session_id,
        "amount_minor": customer.amount_minor,
        "currency": customer.currency,
        "method": customer.method,
        "country": customer.country,
        "region": customer.region,
        "channel": customer.channel,
        "release": RELEASE,
        "attributes": {"simulated": True},
    }


def payment_event(attempt: Attempt, at_us: int) -> dict[str, Any]:
    """The terminal event of one attempt."""
    kind = "payment.succeeded" if attempt.succeeded else "payment.failed"
    data = basket(attempt.customer) | {
        "payment_id": attempt.payment_id,
        "provider": attempt.provider,
        "latency_ms": attempt.latency_ms,
        "decline_class": attempt.decline_class,
        "decline_code": attempt.decline_code,
        "error_type": attempt.error_type,
        "trace_id": attempt.trace_id,
    }
    return event(kind, f"{attempt.payment_id}:end", at_us, data)
