"""Hours and weeks of a shop's past, told to a till in one go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kernel.clock import MINUTE_US
from kernel.shop_event import ShopEvent
from tests.slo.shop_till import Till


def attempts(at_us: int, good: int, bad: int, span_us: int = MINUTE_US) -> Iterator[ShopEvent]:
    """`good` + `bad` payments spread evenly over [at_us, at_us + span_us), the bad ones last."""
    total = good + bad
    for index in range(total):
        failed = index >= good
        time_us = at_us + index * span_us // total
        yield ShopEvent(
            id=f"h{time_us}-{index}",
            source="shop",
            type="payment.failed" if failed else "payment.succeeded",
            time_us=time_us,
            checkout_id=f"hc{time_us}-{index}",
            payment_id=f"hp{time_us}-{index}",
            amount_minor=5000,
            currency="EUR",
            provider="stripe",
            method="card",
            country="DE",
            region="eu-central",
            decline_class="technical" if failed else "",
        )


def steady(
    from_us: int, to_us: int, good: int, bad: int = 0, step_us: int = MINUTE_US
) -> Iterator[ShopEvent]:
    """The same attempts in every step."""
    for at_us in range(from_us, to_us, step_us):
        yield from attempts(at_us, good, bad, step_us)


def tell(till: Till, events: Iterable[ShopEvent], *, now_us: int) -> None:
    """It is `now_us`, and all of it is counted."""
    till.clock.set_us(now_us)
    till.arrive(list(events))
