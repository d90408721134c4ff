"""The shop of the benchmark: many objectives over one stream of payments. Seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from typing import Final

import msgspec

from kernel.clock import SECOND_US
from kernel.shop_event import ShopEvent
from slo.objective import Indicator, Objective, Selector

PROVIDERS: Final = ("adyen", "stripe", "paypal")
COUNTRIES: Final = ("DE", "FR", "NL", "AT", "ES", "IT", "PL", "SE")
METHODS: Final = ("card", "redirect")
TARGETS: Final = ("0.99", "0.995", "0.999")
# Share of attempts that fail: within the budget of most objectives, as on an ordinary day.
BAD_SHARE: Final = 0.0005
LATER_US: Final = 1_500_000
_ENDS: Final = frozenset({"payment.succeeded", "payment.failed", "payment.expired"})
_DECLINES: Final = frozenset({"issuer", "fraud", "authentication", "customer"})


def objectives(amount: int) -> list[Objective]:
    """Objectives over all payments, one provider, one country, and both together, in turn."""
    found = []
    for number in range(amount):
        where = {}
        if number % 4 in {1, 3}:
            where["provider"] = frozenset({PROVIDERS[number // 4 % len(PROVIDERS)]})
        if number % 4 in {2, 3}:
            where["country"] = frozenset({COUNTRIES[number // 12 % len(COUNTRIES)]})
        total = Selector(_ENDS, where, {"decline_class": _DECLINES})
        good = Selector(frozenset({"payment.succeeded"}))
        name = f"bench-{number:04d}"
        found.append(
            Objective(
                id=name,
                display_name=name,
                service="payments",
                target=Fraction(TARGETS[number % len(TARGETS)]),
                indicator=Indicator(total, good=good),
                generation=f"bench{number}",
            )
        )
    return found


class Stream:
    """Attempts and their outcomes, two events a payment."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 (a simulation)
        self._number = count()

    def slice(self, from_us: int, length_us: int, payments: int) -> list[ShopEvent]:
        """The events of so many payments that begin in [from, from + length), in order of time."""
        events = [one for _ in range(payments) for one in self._payment(from_us, length_us)]
        return sorted(events, key=lambda event: event.time_us)

    def _payment(self, from_us: int, length_us: int) -> Iterator[ShopEvent]:
        rng, number = self._random, next(self._number)
        at_us = from_us + rng.randrange(length_us)
        failed = rng.random() < BAD_SHARE
        attempt = ShopEvent(
            id=f"a{number}",
            source="shop",
            type="payment.attempted",
            time_us=at_us,
            payment_id=f"p{number}",
            checkout_id=f"c{number}",
            session_id=f"s{number}",
            amount_minor=rng.randrange(500, 20_000),
            currency="EUR",
            provider=rng.choice(PROVIDERS),
            country=rng.choice(COUNTRIES),
            method=rng.choice(METHODS),
        )
        yield attempt
        yield msgspec.structs.replace(
            attempt,
            id=f"o{number}",
            type="payment.failed" if failed else "payment.succeeded",
            time_us=at_us + LATER_US,
            decline_class="technical" if failed else "",
        )


def seconds(amount: float) -> int:
    """Microseconds of so many seconds."""
    return round(amount * SECOND_US)
