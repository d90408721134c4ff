"""At which step of the way to an order checkouts are lost."""

from __future__ import annotations

import random

from kernel.clock import MINUTE_US, SECOND_US
from kernel.shop_event import ShopEvent
from kernel.telemetry_store.port import EventRow
from triage.evidence.funnel import worst_way

ONSET_US = 1_795_010_530 * SECOND_US
TO_US = ONSET_US + 10 * MINUTE_US
WAY = (
    ("checkout.started", ""),
    ("checkout.step_completed", "address"),
    ("checkout.step_completed", "shipping"),
    ("payment.attempted", ""),
    ("payment.succeeded", ""),
    ("checkout.completed", ""),
)


def journeys(broken: int | None, *, often: float = 0.9, seed: int = 3) -> list[EventRow]:
    """A checkout every 4 s from half an hour before; since the onset most stop at `broken`."""
    draw = random.Random(seed)
    rows = []
    for n in range(600):
        start_us = ONSET_US - 30 * MINUTE_US + n * 4 * SECOND_US
        for place, (kind, step) in enumerate(WAY):
            since = start_us >= ONSET_US
            stops = draw.random() < (often if since and place == broken else 0.02)
            if stops and place:
                break
            event = ShopEvent(
                id=f"e{n}-{place}",
                source="shop",
                type=kind,
                time_us=start_us + place * SECOND_US,
                checkout_id=f"co-{n}",
                step=step,
            )
            rows.append(EventRow(n, place, event.time_us, event))
    return rows


def test_the_step_that_loses_most_is_found_with_its_counts() -> None:
    way = worst_way(journeys(broken=2), ONSET_US, TO_US)

    assert way is not None
    assert (way.stage, way.following) == ("step address", "step shipping")
    assert way.share < 0.25
    assert way.share_before > 0.9


def test_a_payment_that_fails_is_lost_on_the_way_to_paid() -> None:
    way = worst_way(journeys(broken=4), ONSET_US, TO_US)

    assert way is not None
    assert (way.stage, way.following) == ("payment", "paid")


def test_a_way_that_is_as_it_was_loses_nobody() -> None:
    assert all(worst_way(journeys(None, seed=seed), ONSET_US, TO_US) is None for seed in range(20))


def test_checkouts_that_have_just_begun_are_not_lost_yet() -> None:
    rows = [row for row in journeys(None) if row.event.time_us < ONSET_US + 40 * SECOND_US]

    assert worst_way(rows, ONSET_US, ONSET_US + 40 * SECOND_US) is None


def test_events_without_a_checkout_are_passed_over() -> None:
    event = ShopEvent(id="e", source="shop", type="payment.failed", time_us=ONSET_US)

    assert worst_way([EventRow(1, 1, ONSET_US, event)], ONSET_US, TO_US) is None


def test_the_order_in_which_rows_come_does_not_matter() -> None:
    rows = journeys(broken=2)
    mixed = random.Random(1).sample(rows, len(rows))

    assert worst_way(mixed, ONSET_US, TO_US) == worst_way(rows, ONSET_US, TO_US)
