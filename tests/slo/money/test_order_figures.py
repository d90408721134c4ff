"""Conversion and average order value out of the ledger, with the week before beside them."""

from pathlib import Path

import pytest

from kernel.clock import DAY_US, MINUTE_US, SECOND_US
from kernel.shop_event import ShopEvent
from slo.money.schemas import ConversionOut, ConversionWindowOut
from slo.objective import Indicator, Objective, Selector, Threshold, UnitKind
from tests.slo.shop_till import Till, payments

HOUR_MIN = 60
CHECKOUTS = Indicator(
    total=Selector(
        frozenset({"checkout.completed", "checkout.failed", "checkout.expired"}),
        exclude_where={"decline_class": frozenset({"issuer"})},
    ),
    good=Selector(frozenset({"checkout.completed"})),
    unit_kind=UnitKind.CHECKOUT,
)
SLOW = Indicator(
    total=Selector(frozenset({"checkout.completed"})),
    threshold=Threshold("latency_ms", "lte", 2000),
    unit_kind=UnitKind.CHECKOUT,
)


def checkouts(indicator: Indicator = CHECKOUTS) -> Objective:
    return payments(id="checkout-success", indicator=indicator, segments=("country",))


class Shop:
    """Plays minutes of checkouts into a real ledger."""

    def __init__(self, folder: Path, indicator: Indicator = CHECKOUTS) -> None:
        self.till = Till(folder, [checkouts(indicator)])
        self.number = 0

    def end(self, kind: str, **changes: object) -> ShopEvent:
        self.number += 1
        values: dict[str, object] = {
            "id": f"k{self.number}",
            "source": "shop",
            "type": f"checkout.{kind}",
            "time_us": self.till.clock.now_us() - 30 * SECOND_US,
            "checkout_id": f"k{self.number}",
            "amount_minor": 5000,
            "currency": "EUR",
            "country": "DE",
        }
        return ShopEvent(**{**values, **changes})

    def minute(self, completed: int, failed: int = 0, declined: int = 0, value: int = 5000) -> None:
        self.till.clock.advance_s(60)
        paid = [self.end("completed", amount_minor=value) for _ in range(completed)]
        broken = [self.end("failed") for _ in range(failed)]
        refused = [self.end("failed", decline_class="issuer") for _ in range(declined)]
        self.till.arrive(paid + broken + refused)

    def conversion(self) -> ConversionOut:
        found = self.till.service.show("checkout-success").conversion
        assert found is not None
        return found

    def last_hour(self) -> ConversionWindowOut:
        return self.conversion().windows[0]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_whoever_was_declined_began_too_and_did_not_complete(shop: Shop) -> None:
    for _ in range(HOUR_MIN + 5):
        shop.minute(7, failed=1, declined=2)
    hour = shop.last_hour()
    assert (hour.completed, hour.ended, hour.ratio) == (420, 600, 0.7)
    assert hour.order_values[0].average_minor == 5000


def test_the_hour_is_compared_with_the_same_hour_a_week_before(shop: Shop) -> None:
    for _ in range(HOUR_MIN + 10):
        shop.minute(8, failed=2, value=5000)
    shop.till.clock.advance_s((7 * DAY_US - (HOUR_MIN + 10) * MINUTE_US) // SECOND_US)
    for _ in range(HOUR_MIN + 10):
        shop.minute(9, failed=1, value=6000)
    hour = shop.last_hour()
    assert (hour.ratio, hour.week_before, hour.note) == (0.9, 0.8, "")
    assert hour.change == pytest.approx(0.1)
    [value] = hour.order_values
    assert (value.average_minor, value.week_before_minor) == (6000, 5000)
    assert value.change == pytest.approx(0.2)


def test_what_was_not_observed_a_week_ago_is_not_compared(shop: Shop) -> None:
    for _ in range(HOUR_MIN + 5):
        shop.minute(8, failed=2)
    hour, *longer = shop.conversion().windows
    assert (hour.week_before, hour.change) == (None, None)
    assert hour.note == "not compared: the week before was observed for less than 90 %"
    assert {one.note for one in longer} == {"not told: this span was observed for less than 90 %"}
    assert {(one.ratio, one.completed > 0) for one in longer} == {(None, True)}


def test_without_a_single_checkout_there_is_no_conversion_and_no_zero(shop: Shop) -> None:
    hour = shop.last_hour()
    assert (hour.completed, hour.ended, hour.ratio, hour.order_values) == (0, 0, None, [])


def test_a_latency_objective_has_order_values_and_says_why_it_has_no_conversion(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path, SLOW)
    for latency_ms in (100, 100, 9_000):
        shop.till.clock.advance_s(60)
        shop.till.arrive([shop.end("completed", latency_ms=latency_ms)])
    found = shop.conversion()
    assert found.reason == "this objective counts only what succeeded: all of it was completed"
    assert found.windows[0].ratio is None
    assert found.windows[0].order_values[0].orders == 3


def test_a_slow_checkout_is_not_a_lost_one(tmp_path: Path) -> None:
    shop = Shop(tmp_path, SLOW)
    shop.till.clock.advance_s(60)
    shop.till.arrive([shop.end("completed", latency_ms=9_000)])
    slo = shop.till.service.show("checkout-success")
    assert [(one.bad_minor, one.lost_minor) for one in slo.money] == [(5000, 0)]
    now_us = shop.till.clock.now_us()
    assert shop.till.service.impact("checkout-success", {}, 0, now_us).lost == {}


def test_several_currencies_are_told_apart(shop: Shop) -> None:
    for _ in range(HOUR_MIN + 5):
        shop.till.clock.advance_s(60)
        shop.till.arrive(
            [
                shop.end("completed", amount_minor=4_000),
                shop.end("completed", amount_minor=6_000),
                shop.end("completed", amount_minor=900, currency="JPY", country="JP"),
            ]
        )
    hour = shop.last_hour()
    assert {(one.currency, one.average_minor, one.orders) for one in hour.order_values} == {
        ("EUR", 5_000, 120),
        ("JPY", 900, 60),
    }


def test_one_segment_may_mix_currencies_and_orders_without_an_amount(shop: Shop) -> None:
    shop.till.clock.advance_s(60)
    told = [
        shop.end("completed"),
        shop.end("completed", currency="USD", amount_minor=300),
        shop.end("completed", currency="USD", amount_minor=500),
        shop.end("completed", amount_minor=None, currency=""),
    ]
    shop.till.arrive(told)
    hour = shop.last_hour()
    assert {(one.currency, one.average_minor, one.orders) for one in hour.order_values} == {
        ("EUR", 5_000, 1),
        ("USD", 400, 2),
    }
