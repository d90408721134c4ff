"""What one pass decides, on counts in memory and on the real ledger: the same."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from app.bench.detect.counts import ArrayCounts
from app.bench.detect.shops import START_US, Fault, Shop, payments, slice_at
from app.bench.detect.simulation import first_page, play
from kernel.clock import SECOND_US
from slo.fast_tier import SLICE_US
from slo.ledger.sums import SegmentKey
from slo.replay.player import PlayedAlert
from tests.slo.shop_till import START_US as TILL_START_US
from tests.slo.shop_till import Till
from tests.slo.shop_till import payments as till_payments

DOWN_SEGMENT = {"method": "bank_transfer"}


def lone(outcomes: list[tuple[int, SegmentKey, bool]], slices: int) -> ArrayCounts:
    """Single attempts: (slice, segment, is bad)."""
    keys = sorted({key for _, key, _ in outcomes})
    bad = np.zeros((len(keys), slices), dtype=np.int64)
    total = np.zeros_like(bad)
    for at, key, is_bad in outcomes:
        total[keys.index(key), at] += 1
        bad[keys.index(key), at] += is_bad
    return ArrayCounts(keys, bad, total, START_US)


def small_method(fails_from: int) -> ArrayCounts:
    """One card payment a second, and one bank transfer every 6 min, of which the last ones fail."""
    slices = slice_at(4 * 3600)
    rows = [(at, ("stripe", "DE", "card"), False) for at in range(slices) for _ in range(5)]
    transfers = range(30, slices, 72)
    rows += [
        (at, ("stripe", "DE", "bank_transfer"), place >= fails_from)
        for place, at in enumerate(transfers)
    ]
    return lone(rows, slices)


def test_a_small_payment_method_that_is_fully_down_pages_although_the_total_is_fine() -> None:
    fails_from = 15
    counts = small_method(fails_from)
    page = first_page(counts, payments(), slice_at(3600), counts.slices)
    assert page is not None
    assert (page.tier, dict(page.segment)) == ("down", DOWN_SEGMENT)
    assert page.reason.startswith("5 of 5 attempts failed in 1800 s")
    onset_us = START_US + (30 + fails_from * 72) * SLICE_US
    assert page.onset_us == onset_us
    assert page.opened_us - onset_us < 30 * 60 * SECOND_US


def test_while_it_is_down_its_page_stays_open_and_is_the_only_one() -> None:
    counts = small_method(15)
    [page] = play(counts, payments(), slice_at(3600), counts.slices)
    assert page.closed_us is None


def test_ten_attempts_an_hour_with_one_failure_page_nobody() -> None:
    slices = slice_at(3 * 3600)
    rows = [
        (at, ("stripe", "DE", "card"), place == 20)
        for place, at in enumerate(range(30, slices, 72))
    ]
    assert play(lone(rows, slices), payments("0.999"), 0, slices) == []


def test_a_shop_of_ten_attempts_an_hour_that_is_down_pages_with_the_fifth_failure() -> None:
    slices = slice_at(4 * 3600)
    rows = [
        (at, ("stripe", "DE", "card"), place >= 25)
        for place, at in enumerate(range(30, slices, 72))
    ]
    page = first_page(lone(rows, slices), payments(), 0, slices)
    assert page is not None
    assert page.bad == 5
    assert page.segment == {}


def test_at_one_attempt_a_minute_a_page_closes_half_an_hour_after_the_last_failure() -> None:
    slices = slice_at(3 * 3600)
    card = ("stripe", "DE", "card")
    broken = range(3600 // 5, 5400 // 5)
    rows = [(at, card, at in broken) for at in range(6, slices, 12)]
    [page] = play(lone(rows, slices), payments(), slice_at(3000), slices, tickets=False)
    last_failure_us = START_US + (5400 // 5 - 6) * SLICE_US
    assert page.closed_us is not None
    assert page.closed_us - last_failure_us <= 31 * 60 * SECOND_US
    assert page.closed_us - last_failure_us >= 15 * 60 * SECOND_US


def test_a_short_outage_after_a_busy_quarter_of_an_hour_is_named_and_kills_no_pass() -> None:
    outage = Fault(3600, 7200, labels=(("country", "NL"),))
    counts = Shop(100, 0.004, seed=4).counts(slice_at(3700), (outage,))
    page = first_page(counts, payments("0.99"), slice_at(3600), counts.slices)
    assert page is not None
    assert page.segment == {"country": "NL"}


def test_the_ledger_and_counts_in_memory_decide_the_same(tmp_path: Path) -> None:
    objective = till_payments()
    till = Till(tmp_path, [objective])
    told: dict[SegmentKey, dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    attempt = till.attempt

    def remembered(*given: object):
        event = attempt(*given)
        key = (event.provider, event.region, event.country, event.method)
        cell = told[key][(event.time_us - TILL_START_US) // SLICE_US]
        cell[0] += event.type == "payment.failed"
        cell[1] += 1
        return event

    till.attempt = remembered
    till.play(300)
    till.play(60, fails=lambda provider, _: provider == "adyen")
    till.play(300)
    slices = 132
    keys = sorted(told)
    bad = np.array([[told[key][at][0] for at in range(slices)] for key in keys])
    total = np.array([[told[key][at][1] for at in range(slices)] for key in keys])
    counts = ArrayCounts(keys, bad, total, TILL_START_US)
    played = play(counts, objective, 0, slices)
    assert [_said(one) for one in played] == [_said(row) for row in till.alerts()]
    assert [one.close_reason for one in played] == [row.close_reason for row in till.alerts()]
    assert len(played) == 1


def _said(alert: PlayedAlert) -> tuple[object, ...]:
    names = ("tier", "page", "segment", "opened_us", "onset_us", "closed_us", "reason", "bad")
    return tuple(getattr(alert, name) for name in (*names, "total"))


def test_two_days_at_burn_four_make_one_ticket_and_no_page() -> None:
    slices = slice_at(2 * 86_400)
    counts = Shop(1, 4 * 0.005, seed=8).counts(slices)
    [ticket] = play(counts, payments(), slices - 120, slices)
    assert (ticket.tier, ticket.page, dict(ticket.segment)) == ("1d", False, {})
    assert ticket.closed_us is None


def test_a_part_that_shares_a_label_with_an_open_alert_joins_it() -> None:
    first = Fault(3600, 7200, labels=(("provider", "adyen"), ("country", "DE")))
    second = Fault(3700, 7200, labels=(("provider", "adyen"), ("country", "US")))
    counts = Shop(20, 0.002, seed=2).counts(slice_at(3900), (first, second))
    [page] = play(counts, payments(), slice_at(3600), counts.slices)
    assert page.segment == {"provider": "adyen", "country": "DE"}


def test_parts_with_nothing_in_common_have_alerts_of_their_own() -> None:
    first = Fault(3600, 7200, labels=(("provider", "adyen"), ("country", "DE")))
    second = Fault(3700, 7200, labels=(("provider", "stripe"), ("country", "US")))
    counts = Shop(20, 0.002, seed=2).counts(slice_at(3900), (first, second))
    pages = play(counts, payments(), slice_at(3600), counts.slices)
    assert [dict(one.segment) for one in pages] == [dict(first.labels), dict(second.labels)]


def test_on_and_off_every_minute_is_one_page() -> None:
    faults = tuple(Fault(3600 + 120 * place, 3630 + 120 * place) for place in range(6))
    counts = Shop(5, 0.002, seed=7).counts(slice_at(3600 + 900), faults)
    pages = play(counts, payments(), slice_at(3600), counts.slices, tickets=False)
    assert len(pages) == 1
    assert pages[0].closed_us is not None
