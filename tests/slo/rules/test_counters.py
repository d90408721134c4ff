"""Counters for Prometheus only grow, and entered less taken back is what the ledger added."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, generate_latest

from kernel.shop_event import Origin, ShopEvent
from slo.catalogue import Catalogue
from slo.ledger import LedgerReader
from slo.ledger.writer import Told
from slo.rules.counters import OUTCOMES, UnitCounterCollector, UnitCounters
from tests.slo.shop_till import Till, all_fail, payments

counts = st.integers(-1000, 1000)
deltas = st.lists(counts, min_size=8, max_size=8)
places = st.tuples(st.just(1), st.integers(0, 3), st.integers(0, 3), st.sampled_from(["", "EUR"]))
transactions = st.lists(st.dictionaries(places, deltas, max_size=4), max_size=6)


class Numbered(LedgerReader):
    """A ledger that gave its one objective the number 1."""

    def number(self, objective: object) -> int:
        return 1


@given(transactions)
def test_nothing_ever_falls_and_the_difference_is_exact(told: list[dict]) -> None:
    counters = UnitCounters(lambda: Numbered(Path("none.db")), Catalogue([payments()]))
    (before,) = counters.flows().values()
    for number, changes in enumerate(told):
        counters.put(Told(number, [(*place, *delta) for place, delta in changes.items()]))
        (after,) = counters.flows().values()
        for name in OUTCOMES:
            assert after.entered[name] >= before.entered[name]
            assert after.taken_back[name] >= before.taken_back[name]
        before = after
    for index, name in enumerate(OUTCOMES):
        net = before.entered[name] - before.taken_back[name]
        assert net == sum(delta[index] for changes in told for delta in changes.values())


def heard(till: Till) -> UnitCounters:
    counters = UnitCounters(till.reader, till.catalogue)
    till.listeners.append(counters.put)
    return counters


def test_a_failure_that_turns_out_well_is_taken_back_and_nothing_falls(tmp_path: Path) -> None:
    till = Till(tmp_path)
    counters = heard(till)
    failed = till.attempt(till.clock.now_us(), all_fail, ["adyen"])
    till.arrive([failed])
    (flow,) = counters.flows().values()
    assert (flow.entered["bad"], flow.taken_back["bad"]) == (1, 0)
    till.clock.advance_s(30)
    till.arrive([paid_after_all(failed)])
    (flow,) = counters.flows().values()
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


def test_the_same_message_twice_counts_once_and_takes_nothing_back(tmp_path: Path) -> None:
    till = Till(tmp_path)
    counters = heard(till)
    failed = till.attempt(till.clock.now_us(), all_fail, ["adyen"])
    for _ in range(3):
        till.arrive([failed])
    (flow,) = counters.flows().values()
    assert (flow.entered["bad"], flow.taken_back["bad"]) == (1, 0)
    till.database.close()


def test_a_scrape_shows_every_outcome_from_the_first_one_on(tmp_path: Path) -> None:
    till = Till(tmp_path)
    counters = heard(till)
    registry = CollectorRegistry()
    registry.register(UnitCounterCollector(counters, till.catalogue))
    text = generate_latest(registry).decode()
    for name in ("tillwatch_slo_units_total", "tillwatch_slo_units_taken_back_total"):
        for outcome in OUTCOMES:
            labels = f'objective="payment-success",outcome="{outcome}",service="payments"'
            assert f"{name}{{{labels}}} 0.0" in text
    assert "# TYPE tillwatch_slo_units_total counter" in text
    till.database.close()
