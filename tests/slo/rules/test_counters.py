"""Counters for Prometheus only grow, and entered less taken back is what the ledger holds."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, generate_latest

from kernel.clock import DAY_US
from kernel.shop_event import Origin, ShopEvent
from slo.ledger import Sums
from slo.rules.counters import OUTCOMES, REACH_US, Flow, UnitCounterCollector, UnitCounters
from tests.slo.shop_till import Till, all_fail

counts = st.integers(0, 10**9)
sums = st.builds(Sums, good=counts, bad=counts, excluded=counts)


@given(st.lists(sums, min_size=1, max_size=12))
def test_nothing_ever_falls_and_the_difference_is_exact(states: list[Sums]) -> None:
    flow = Flow()
    for before, now in pairwise(states):
        after = flow.after(before, now)
        for name in OUTCOMES:
            assert after.entered[name] >= flow.entered[name]
            assert after.taken_back[name] >= flow.taken_back[name]
        flow = after
    for name in OUTCOMES:
        net = flow.entered[name] - flow.taken_back[name]
        assert net == getattr(states[-1], name) - getattr(states[0], name)


def test_a_failure_that_turns_out_well_is_taken_back_and_nothing_falls(tmp_path: Path) -> None:
    till = Till(tmp_path)
    counters = UnitCounters(till.reader, till.catalogue, till.clock)
    counters.advance()
    failed = till.attempt(till.clock.now_us(), all_fail, ["adyen"])
    till.arrive([failed])
    (flow,) = counters.advance().values()
    assert (flow.entered["bad"], flow.taken_back["bad"]) == (1, 0)
    till.clock.advance_s(30)
    till.arrive([paid_after_all(failed)])
    (flow,) = counters.advance().values()
    assert (flow.entered["bad"], flow.taken_back["bad"]) == (1, 1)
    assert (flow.entered["good"], flow.taken_back["good"]) == (1, 0)
    till.database.close()


def paid_after_all(event: ShopEvent) -> ShopEvent:
    """The provider's own word, which outranks the shop's."""
    return replace(
        event,
        id=event.id + "-late",
        type="payment.succeeded",
        source="adyen",
        origin=Origin.PROVIDER,
        decline_class="",
        error_type="",
    )


def test_months_go_by_and_what_leaves_the_compared_span_is_not_taken_back(tmp_path: Path) -> None:
    till = Till(tmp_path)
    counters = UnitCounters(till.reader, till.catalogue, till.clock)
    counters.advance()
    till.play(20, per_s=1, evaluate=False)
    total = 0
    for _ in range(4):
        (flow,) = counters.advance().values()
        total += 20
        assert flow.entered["good"] == total
        till.clock.advance_s(REACH_US // 2_000_000)
        counters.advance()
        till.play(20, per_s=1, evaluate=False)
    (flow,) = counters.advance().values()
    assert flow.taken_back["good"] == 0
    assert REACH_US > 30 * DAY_US
    till.database.close()


def test_a_scrape_shows_every_outcome_from_the_first_one_on(tmp_path: Path) -> None:
    till = Till(tmp_path)
    counters = UnitCounters(till.reader, till.catalogue, till.clock)
    registry = CollectorRegistry()
    registry.register(UnitCounterCollector(counters, till.catalogue))
    text = generate_latest(registry).decode()
    for name in ("tillwatch_slo_units_total", "tillwatch_slo_units_taken_back_total"):
        for outcome in OUTCOMES:
            labels = f'objective="payment-success",outcome="{outcome}",service="payments"'
            assert f"{name}{{{labels}}} 0.0" in text
    assert "# TYPE tillwatch_slo_units_total counter" in text
    till.database.close()
