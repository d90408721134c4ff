"""The ledger without what is left out equals a ledger that never heard of it, to the last unit."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.clock import HOUR_US, MINUTE_US, SECOND_US
from kernel.shop_event import ShopEvent
from slo.corrections.dropping import Drop, Drops, labels_of
from slo.corrections.reader import CorrectedReader
from slo.ledger.sums import MoneySums, Sums, total_of
from slo.ledger_view import LedgerView
from tests.slo.ledger.till import T0, event
from tests.slo.ledger.till import Till as Ledger
from tests.slo.ledger.till import payments as ledger_payments
from tests.slo.shop_till import START_US, Till, payments

HOURS = 4
LABELS = [{}, {"provider": "adyen"}, {"country": "DE"}, {"provider": "stripe", "country": "FR"}]


class Shop:
    """Four hours of attempts, a third of them failing, and the events themselves to count by."""

    def __init__(self, folder: Path) -> None:
        self.till = Till(folder)
        self.events: list[ShopEvent] = []
        for minute in range(HOURS * 60):
            start_us = START_US + minute * MINUTE_US
            found = [
                self.till.attempt(
                    start_us + self.till.random.randrange(60) * SECOND_US,
                    lambda *_: self.till.random.random() < 0.3,
                    ("stripe", "adyen"),
                )
                for _ in range(3)
            ]
            self.events += found
            self.till.clock.set_us(start_us + MINUTE_US)
            self.till.arrive(found)
        self.objective = self.till.objectives[0]
        self.plain = self.till.reader()

    def corrected(self, drops: Drops) -> CorrectedReader:
        return CorrectedReader(self.plain, drops)

    def key(self, event: ShopEvent) -> tuple[str, ...]:
        return tuple(str(event.field(name)) for name in self.objective.segments)

    def kept(self, drops: list[Drop], from_us: int, to_us: int) -> list[ShopEvent]:
        names = self.objective.segments
        return [
            event
            for event in self.events
            if from_us <= event.time_us < to_us
            and not any(
                one.from_us <= event.time_us < one.to_us
                and all(
                    dict(zip(names, self.key(event), strict=True)).get(name) == value
                    for name, value in one.labels
                )
                for one in drops
            )
        ]


def counted(events: list[ShopEvent]) -> Sums:
    bad = [one for one in events if one.type == "payment.failed"]
    good = [one for one in events if one.type != "payment.failed"]
    values = (sum(one.amount_minor for one in part) for part in (good, bad))
    money = MoneySums(*values, len(good), len(bad))
    by_currency = {"EUR": money} if events else {}
    return Sums(len(good), len(bad), 0, len(events), len(bad), 0, by_currency)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Shop]:
    made = Shop(tmp_path_factory.mktemp("ledger"))
    yield made
    made.plain.close()
    made.till.database.close()


minutes = st.integers(-10, HOURS * 60 + 10)
drops = st.lists(
    st.builds(
        lambda begin, length, labels: Drop(
            START_US + begin * MINUTE_US,
            START_US + (begin + length) * MINUTE_US,
            labels_of(labels),
        ),
        minutes,
        st.integers(0, 90),
        st.sampled_from(LABELS),
    ),
    max_size=6,
)
few = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@few
@given(drops, minutes, st.integers(0, HOURS * 60))
def test_a_window_is_what_was_not_left_out_in_counts_and_in_money(shop, given_drops, begin, length):
    from_us = START_US + begin * MINUTE_US
    to_us = from_us + length * MINUTE_US
    reader = shop.corrected(Drops(given_drops))
    found = reader.segment_sums(shop.objective, from_us, to_us)
    kept = shop.kept(given_drops, from_us, to_us)
    whole = counted(kept)
    assert total_of(found.values()) == whole
    assert reader.counts(shop.objective, from_us, to_us) == (whole.good, whole.bad)
    alone = reader.segment_counts(shop.objective, from_us, to_us)
    assert alone == {key: (sums.good, sums.bad) for key, sums in found.items()}
    for key in {shop.key(one) for one in kept} | set(found):
        assert found.get(key) == counted([one for one in kept if shop.key(one) == key])


@few
@given(drops, minutes, st.integers(0, 120), st.integers(0, 120))
def test_corrected_windows_are_additive(shop, given_drops, begin, first, second):
    low = START_US + begin * MINUTE_US
    middle, high = low + first * MINUTE_US, low + (first + second) * MINUTE_US
    reader = shop.corrected(Drops(given_drops))
    parts = reader.sums(shop.objective, low, middle) + reader.sums(shop.objective, middle, high)
    assert parts == reader.sums(shop.objective, low, high)


@few
@given(drops)
def test_the_steps_of_a_series_leave_out_the_same(shop, given_drops):
    to_us = START_US + HOURS * HOUR_US
    reader = shop.corrected(Drops(given_drops))
    for step_us in (MINUTE_US, 5 * MINUTE_US):
        points = reader.series(shop.objective, START_US, to_us, step_us)
        for at_us, sums in points:
            assert sums == counted(shop.kept(given_drops, at_us, at_us + step_us))
        alone = reader.outcomes(shop.objective, START_US, to_us, step_us)
        assert alone == [(sums.good, sums.bad, sums.excluded) for _, sums in points]


@few
@given(drops)
def test_the_fast_tier_sees_the_same(shop, given_drops):
    to_us = START_US + HOURS * HOUR_US
    from_us = to_us - 2 * HOUR_US
    cells = shop.corrected(Drops(given_drops)).fine(shop.objective, from_us, to_us)
    kept = counted(shop.kept(given_drops, from_us, to_us))
    assert sum(cell.total for rows in cells.values() for cell in rows) == kept.alert_total
    assert sum(cell.bad for rows in cells.values() for cell in rows) == kept.alert_bad


def test_windows_on_five_second_borders_lose_nothing_and_count_nothing_twice(shop):
    to_us = START_US + HOURS * HOUR_US - 25 * SECOND_US
    given_drops = [Drop(to_us - to_us % MINUTE_US - 5 * MINUTE_US, to_us - to_us % MINUTE_US)]
    for from_us in range(to_us - 20 * MINUTE_US, to_us - 10 * MINUTE_US, 35 * SECOND_US):
        at_us = from_us - from_us % (5 * SECOND_US)
        found = shop.corrected(Drops(given_drops)).sums(shop.objective, from_us, to_us)
        assert found == counted(shop.kept(given_drops, at_us, to_us))


def test_lost_baskets_leave_out_what_failed_in_the_correction(shop):
    given_drops = [Drop(START_US + HOUR_US, START_US + 2 * HOUR_US, labels_of({"country": "DE"}))]
    to_us = START_US + HOURS * HOUR_US
    lost = shop.corrected(Drops(given_drops)).segment_lost(shop.objective, START_US, to_us)
    kept = shop.kept(given_drops, START_US, to_us)
    assert sum(value["EUR"] for value in lost.values()) == counted(kept).money["EUR"].bad_minor


def test_a_basket_that_failed_on_both_sides_of_a_correction_is_lost_once(tmp_path):
    till = Ledger(tmp_path, [ledger_payments()])
    for number, minute in enumerate((1, 12, 31)):
        told = event("failed", 60 * minute, f"p{number}", checkout_id="c1")
        till.take(told, received_s=60 * minute + 1)
    hour = (T0, T0 + HOUR_US)
    given_drops = Drops([Drop(T0 + 10 * MINUTE_US, T0 + 20 * MINUTE_US)])
    reader = CorrectedReader(till.reader, given_drops)
    assert reader.sums(ledger_payments(), *hour).bad == 2
    assert reader.segment_lost(ledger_payments(), *hour) == {("", "", ""): {"EUR": 1000}}


def test_a_window_that_is_left_out_as_a_whole_is_covered_and_empty(shop):
    reader = shop.corrected(Drops([Drop(START_US, START_US + HOUR_US)]))
    assert reader.sums(shop.objective, START_US, START_US + HOUR_US) == Sums()
    assert reader.coverage(["shop"], START_US, START_US + HOUR_US, 300) == 1
    assert reader.coverage([], START_US, START_US + HOUR_US, 300) == 0
    assert reader.coverage(["nobody"], START_US, START_US + 2 * HOUR_US, 300) == 0


def test_a_shop_that_is_off_in_its_maintenance_lacks_no_coverage(tmp_path):
    till = Till(tmp_path)
    till.play(600, per_s=0.2, evaluate=False)
    begin_us = till.clock.now_us()
    till.clock.advance_s(3600)
    till.arrive([])
    till.play(600, per_s=0.2, evaluate=False)
    reader, to_us = till.reader(), till.clock.now_us()
    whole = reader.coverage(["shop"], START_US, to_us, 300)
    assert whole == Fraction(1, 4)
    corrected = CorrectedReader(reader, Drops([Drop(begin_us, begin_us + HOUR_US)]))
    assert corrected.coverage(["shop"], START_US, to_us, 300) == 1
    part = CorrectedReader(reader, Drops([Drop(begin_us, begin_us + HOUR_US // 2)]))
    assert whole < part.coverage(["shop"], START_US, to_us, 300) < 1
    reader.close()
    till.database.close()


def test_time_before_the_first_event_lacks_no_coverage(shop):
    to_us = START_US + HOURS * HOUR_US
    from_us = START_US - 300 * HOUR_US
    early = Drop(from_us + 10 * HOUR_US, from_us + 20 * HOUR_US)
    late = Drop(START_US + HOUR_US, START_US + 2 * HOUR_US)
    for given_drops in ([early], [late], [early, late]):
        reader = shop.corrected(Drops(given_drops))
        assert reader.coverage(["shop"], from_us, to_us, 300) == 1
        assert shop.plain.coverage(["shop"], from_us, to_us, 300) == 1


def test_a_view_has_both_figures(shop):
    half = [Drop(START_US, START_US + 2 * HOUR_US)]
    view = LedgerView(shop.plain, payments(), shop.till.clock.now_us(), ["shop"], Drops(half))
    to_us = view.end_us
    kept, everything = (counted(shop.kept(one, START_US, to_us)) for one in (half, []))
    assert total_of(view.window_by_segment(86_400).values()) == kept
    assert total_of(view.uncorrected.window_by_segment(86_400).values()) == everything
    assert view.counts(86_400) == Sums(kept.good, kept.bad)
    assert view.uncorrected.counts(86_400) == Sums(everything.good, everything.bad)
    assert view.uncorrected.uncorrected is view.uncorrected
