"""28 days of history for the simulated shop: weekly pattern, declines, a few old incidents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from app.demo.world import Fault, World, basket, event, payment_event, rate_share
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US

DAYS = 28
MAX_EVENTS = 200_000
# Baskets an hour at the weekly peak: about 78,000 in 28 days, so some 175,000 events.
_PEAK_PER_H = 265
# A page view at least this often, as a shop that is open has: the source is heard.
_HEARD_EVERY_US = 4 * MINUTE_US


@dataclass(frozen=True)
class OldIncident:
    """An outage that the shop has already lived through."""

    days_ago: float
    length_us: int
    fault: Fault


OLD_INCIDENTS = (
    OldIncident(23.2, 150 * MINUTE_US, Fault("stripe", "us-east", 0.6, ("provider_5xx",))),
    OldIncident(12.4, 180 * MINUTE_US, Fault("adyen", "eu-west", 0.5, ("provider_timeout",))),
    OldIncident(6.3, 100 * MINUTE_US, Fault("stripe", "eu-central", 0.4, ("provider_5xx",))),
)


def history(world: World, now_us: int, until_us: int) -> Iterator[dict[str, Any]]:
    """Events of the 28 days before `now_us`, up to `until_us`, oldest first, bounded in number."""
    made = 0
    hour_us = now_us - DAYS * DAY_US
    while hour_us < until_us and made < MAX_EVENTS:
        for one in _hour(world, hour_us, now_us):
            if made >= MAX_EVENTS:
                return
            if one[0] < until_us:
                yield one[1]
                made += 1
        hour_us += HOUR_US


def _hour(world: World, hour_us: int, now_us: int) -> list[tuple[int, dict[str, Any]]]:
    """One hour's events as (time, event), in time order."""
    found: list[tuple[int, dict[str, Any]]] = []
    heard_us = hour_us
    while heard_us < hour_us + HOUR_US:
        data = {"channel": "web", "attributes": {"simulated": True, "path": "/"}}
        found.append((heard_us, event("page.viewed", f"view:{heard_us}", heard_us, data)))
        heard_us += _HEARD_EVERY_US
    for _ in range(world.count(_PEAK_PER_H * rate_share(hour_us + HOUR_US // 2))):
        at_us = hour_us + world.rng.randrange(HOUR_US)
        found.extend(_basket(replace(world, faults=_faults(at_us, now_us)), at_us))
    return sorted(found, key=lambda pair: pair[0])


def _faults(at_us: int, now_us: int) -> list[Fault]:
    starts = ((now_us - round(old.days_ago * DAY_US), old) for old in OLD_INCIDENTS)
    return [old.fault for start, old in starts if start <= at_us < start + old.length_us]


def _basket(world: World, at_us: int) -> list[tuple[int, dict[str, Any]]]:
    customer = world.customer()
    attempt = world.attempt(customer)
    found = [(at_us, payment_event(attempt, at_us))]
    if attempt.succeeded:
        done_us = at_us + SECOND_US
        data = basket(customer) | {
            "payment_id": attempt.payment_id,
            "provider": attempt.provider,
            "order_id": f"or_{customer.checkout_id[3:]}",
            "latency_ms": world.checkout_latency_ms(),
        }
        found.append(
            (done_us, event("checkout.completed", f"{customer.checkout_id}:done", done_us, data))
        )
    return found
