"""Burn alerts while something is left out: no page for it, and no calm from it either."""

from __future__ import annotations

from kernel.clock import MINUTE_US
from tests.slo.corrections.people import CLEO, approved, asked
from tests.slo.shop_till import all_fail

ADYEN = {"provider": "adyen"}


def stripe_fails(provider: str, country: str) -> bool:
    return provider == "stripe"


def adyen_fails(provider: str, country: str) -> bool:
    return provider == "adyen"


def now_and(shop, minutes: int, **more):
    """A correction from now on."""
    begin_us = shop.clock.now_us()
    return asked(begin_us, begin_us + minutes * MINUTE_US, **more)


def test_what_is_left_out_opens_no_page_and_what_outlasts_it_does(shop, corrections):
    shop.play(300, per_s=4)
    approved(corrections, now_and(shop, 5, objectives=[], service="payments"))
    shop.play(300, per_s=4, fails=all_fail)
    assert shop.alerts() == []
    assert shop.service.show("payment-success").uncorrected.counts.bad > 0
    shop.play(20, per_s=4, fails=all_fail)
    assert {row.tier for row in shop.alerts()} == {"fast"}


def test_a_failure_elsewhere_still_pages(shop, corrections):
    shop.play(300, per_s=4)
    service = asked(
        shop.clock.now_us(),
        shop.clock.now_us() + 5 * MINUTE_US,
        objectives=[],
        service="payments",
        segment=ADYEN,
    )
    approved(corrections, service)
    shop.play(60, per_s=4, fails=adyen_fails)
    assert shop.alerts() == []
    shop.play(30, per_s=4, fails=stripe_fails)
    assert {row.objective_id for row in shop.alerts()} == {"payment-success", "payment-latency"}


def test_an_open_alert_is_frozen_while_its_failures_are_left_out(shop, corrections):
    shop.play(300, per_s=4)
    shop.play(60, per_s=4, fails=all_fail)
    opened = {row.id for row in shop.alerts(open_only=True)}
    assert len(opened) == 2
    approved(corrections, now_and(shop, 6, objectives=[], service="payments"))
    shop.play(360, per_s=4, fails=all_fail)
    assert {row.id for row in shop.alerts()} == opened
    assert {row.state for row in shop.alerts()} == {"open"}
    # Healthy again, and counted again: the quiet time begins now, not when the failures vanished.
    shop.play(115, per_s=4)
    assert {row.state for row in shop.alerts()} == {"open"}
    shop.play(60, per_s=4)
    assert {row.state for row in shop.alerts()} == {"closed"}
    assert {row.id for row in shop.alerts()} == opened


def test_an_alert_on_another_segment_is_not_frozen(shop, corrections):
    shop.play(300, per_s=4)
    shop.play(60, per_s=4, fails=stripe_fails)
    assert [row.segment for row in _pages(shop)] == [{"provider": "stripe"}]
    approved(corrections, now_and(shop, 20, segment=ADYEN))
    shop.play(240, per_s=4)
    [row] = _pages(shop)
    assert row.state == "closed"


def _pages(shop):
    """What paged for one objective; a ticket may come as well while there is little history."""
    rows = shop.alerts()
    return [row for row in rows if row.page and row.objective_id == "payment-success"]


def test_withdrawing_lets_the_pass_after_it_page(shop, corrections):
    shop.play(300, per_s=4)
    made = approved(corrections, now_and(shop, 60))
    shop.play(60, per_s=4, fails=all_fail)
    shop.evaluator.run_once()
    assert [row for row in shop.alerts() if row.objective_id == "payment-success"] == []
    corrections.decide(made.id, CLEO, "withdraw", "this is an outage")
    shop.evaluator.run_once()
    assert [row.state for row in shop.alerts() if row.objective_id == "payment-success"] == ["open"]
