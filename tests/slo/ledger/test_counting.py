"""What the ledger says after events came in."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from kernel.errors import BadInput
from kernel.journal import Stream
from kernel.shop_event import Origin
from slo.ledger import MoneySums, Sums, unit_reader
from slo.objective import Indicator, Selector, UnitKind
from tests.slo.ledger.till import T0, Till, checkouts, event, latencies, payments, record

DAY = (T0 - 2 * HOUR_US, T0 + DAY_US)


def test_good_bad_excluded_and_money_are_counted(till):
    till.take(
        event("succeeded", 0, "p1"),
        event("failed", 0, "p2", decline_class="technical"),
        event("failed", 0, "p3", decline_class="issuer"),
    )
    sums = till.reader.sums(payments(), *DAY)
    assert (sums.good, sums.bad, sums.excluded) == (1, 1, 1)
    assert sums.money == {"EUR": MoneySums(good_minor=1000, bad_minor=1000, good=1, bad=1)}


def test_a_failure_without_a_decline_class_is_bad(till):
    till.take(event("failed", 0))
    assert till.reader.sums(payments(), *DAY).bad == 1


def test_a_payment_told_by_event_span_and_twice_more_counts_once(till):
    told = event("succeeded", 1)
    till.take(event("attempted", 0), told)
    till.take(event("succeeded", 1, id="span", source="otel", origin=Origin.SPAN))
    till.take(told, told)
    till.take(told)
    assert till.reader.sums(payments(), *DAY).good == 1


def test_a_revised_outcome_moves_from_bad_to_good_with_its_money(till):
    till.take(event("failed", 1, amount_minor=500))
    till.take(event("succeeded", 70, origin=Origin.PROVIDER, source="stripe"), received_s=71)
    sums = till.reader.sums(payments(), *DAY)
    assert (sums.good, sums.bad, sums.alert_bad, sums.alert_total) == (1, 0, 0, 1)
    assert sums.money == {"EUR": MoneySums(good_minor=1000, good=1)}
    assert till.reader.lost(payments(), *DAY) == {}


def test_three_failed_tries_and_a_success_lose_no_basket(till):
    for number in range(3):
        till.take(event("failed", number * 10, f"p{number}", checkout_id="c1"))
    till.take(event("succeeded", 60, "p9", checkout_id="c1"))
    sums = till.reader.sums(payments(), *DAY)
    assert (sums.bad, sums.good) == (3, 1)
    assert till.reader.lost(payments(), *DAY) == {}


def test_a_basket_tried_in_vain_is_lost_once(till):
    for number in range(3):
        till.take(event("failed", number * 10, f"p{number}", checkout_id="c1"))
    till.take(event("failed", 5, "q", checkout_id="", currency="USD"))
    assert till.reader.lost(payments(), *DAY) == {"EUR": 1000, "USD": 1000}


def test_a_basket_paid_after_more_than_half_an_hour_stays_lost(till):
    till.take(event("failed", 0, "p1", checkout_id="c1"))
    till.take(event("succeeded", 1801, "p2", checkout_id="c1"), received_s=1802)
    assert till.reader.lost(payments(), *DAY) == {"EUR": 1000}


def test_repeats_of_one_basket_leave_both_alert_counts(till):
    for at_s in (0, 10, 899):
        till.take(event("failed", at_s, f"p{at_s}", checkout_id="c1"), received_s=900)
    till.take(event("succeeded", 20, "g", checkout_id="c2"), received_s=900)
    sums = till.reader.sums(payments(), *DAY)
    assert (sums.bad, sums.alert_bad, sums.alert_total, sums.alert_keyless) == (3, 1, 2, 0)


def test_a_basket_counts_again_after_a_quarter_of_an_hour(till):
    for at_s in (0, 900):
        till.take(event("failed", at_s, f"p{at_s}", session_id="s1"), received_s=900)
    assert till.reader.sums(payments(), *DAY).alert_bad == 2


def test_an_earlier_attempt_that_arrives_late_takes_over_the_alert_count(till):
    till.take(event("failed", 30, "late", checkout_id="c1"), received_s=31)
    till.take(event("failed", 4, "early", checkout_id="c1"), received_s=32)
    cells = till.reader.fine(payments(), T0, T0 + MINUTE_US)
    assert [(c.slice_us, c.total, c.bad) for c in cells["", "", ""]] == [(T0, 1, 1)]


def test_without_checkout_and_session_bad_attempts_are_counted_raw_and_marked(till):
    till.take(event("failed", 0, "p1"), event("failed", 1, "p2"))
    sums = till.reader.sums(payments(), *DAY)
    assert (sums.alert_bad, sums.alert_keyless) == (2, 2)


def test_segments_add_up_and_money_stays_by_currency(till):
    till.take(
        event("succeeded", 0, "p1", provider="stripe", country="DE", method="card"),
        event("failed", 0, "p2", provider="adyen", country="DE", method="card"),
        event("succeeded", 0, "p3", provider="adyen", country="US", currency="USD"),
    )
    parts = till.reader.segment_sums(payments(), *DAY)
    assert set(parts) == {("stripe", "DE", "card"), ("adyen", "DE", "card"), ("adyen", "US", "")}
    total = Sums()
    for part in parts.values():
        total += part
    assert total == till.reader.sums(payments(), *DAY)
    assert total.money["USD"] == MoneySums(good_minor=1000, good=1)


def test_a_broken_amount_counts_the_unit_without_money(till):
    till.take(event("succeeded", 0, amount_minor=1 << 62), event("failed", 0, "p2", currency="?"))
    sums = till.reader.sums(payments(), *DAY)
    assert (sums.good, sums.bad, sums.money) == (1, 1, {})


def test_a_threshold_without_its_number_is_not_counted(tmp_path):
    till = Till(tmp_path, [latencies(800)])
    till.take(
        event("succeeded", 0, "p1", latency_ms=800),
        event("succeeded", 0, "p2", latency_ms=801),
        event("succeeded", 0, "p3"),
    )
    sums = till.reader.sums(latencies(), *DAY)
    assert (sums.good, sums.bad) == (1, 1)


def test_checkouts_are_units_of_their_own(tmp_path):
    till = Till(tmp_path, [checkouts(), payments()])
    till.take(
        event("checkout.started", 0, "", checkout_id="c1"),
        event("checkout.started", 0, "", checkout_id="c2"),
        event("failed", 5, "p1", checkout_id="c1"),
        event("checkout.completed", 9, "", checkout_id="c1"),
    )
    assert till.reader.sums(checkouts(), *DAY).good == 1
    assert till.reader.sums(payments(), *DAY).bad == 1
    assert till.reader.pending(checkouts(), *DAY) == 1


def test_an_objective_by_the_message_counts_each_item_key_once(tmp_path):
    views = frozenset({"page.viewed"})
    fast = Indicator(
        Selector(views),
        good=Selector(views, where={"channel": frozenset({"web"})}),
        unit_kind=UnitKind.ITEM,
    )
    pages = payments("pages", indicator=fast)
    till = Till(tmp_path, [pages])
    one, other = event("page.viewed", 0, "1", channel="web"), event("page.viewed", 0, "2")
    till.take(one, other)
    till.take(one)
    sums = till.reader.sums(pages, *DAY)
    assert (sums.good, sums.bad) == (1, 1)


def test_pending_counts_only_what_fits_the_objective(tmp_path):
    adyen = Selector(
        frozenset({"payment.succeeded", "payment.failed"}), where={"provider": frozenset({"adyen"})}
    )
    good = Selector(frozenset({"payment.succeeded"}))
    mine = payments("adyen", indicator=Indicator(adyen, good=good))
    till = Till(tmp_path, [mine])
    till.take(
        event("attempted", 0, "p1", provider="adyen"),
        event("attempted", 0, "p2", provider="stripe"),
    )
    assert till.reader.pending(mine, *DAY) == 1
    assert till.reader.pending(payments(), *DAY) == 2


def test_objectives_of_the_same_traffic_ask_once_for_what_is_pending(tmp_path, monkeypatch):
    part = Selector(frozenset({"payment.succeeded"}), {"provider": frozenset({"adyen"})})
    adyen = payments("adyen", indicator=Indicator(part, good=part))
    every = [payments(f"o{number}") for number in range(20)]
    till = Till(tmp_path, [*every, adyen])
    till.take(event("attempted", 0, "p1", provider="adyen"), event("attempted", 0, "p2"))
    decoded: list[bytes] = []
    decode = unit_reader.decode_unit
    monkeypatch.setattr(
        unit_reader, "decode_unit", lambda blob: decoded.append(blob) or decode(blob)
    )
    with till.reader.at_once():
        assert {till.reader.pending(one, *DAY) for one in every} == {2}
        assert till.reader.pending(adyen, *DAY) == 1
    assert len(decoded) == 4
    till.take(event("succeeded", 1, "p2"))
    with till.reader.at_once():
        assert till.reader.pending(every[0], *DAY) == 1
    till.close()


def test_segments_beyond_the_daily_bound_are_other(tmp_path):
    till = Till(tmp_path, [payments()], max_segments_a_day=2)
    for number in range(4):
        till.take(event("failed", 0, f"p{number}", country=f"C{number}"))
    till.take(event("succeeded", 1, "p3", origin=Origin.PROVIDER, country="C3"))
    parts = till.reader.segment_sums(payments(), *DAY)
    other = parts["__other__", "__other__", "__other__"]
    assert (len(parts), other.bad, other.good) == (3, 1, 1)


def test_a_late_event_touches_only_its_own_cells(till):
    till.take(event("succeeded", 0, "p1"), event("succeeded", 7300, "p2"), received_s=7301)
    before = set(till.table("cell"))
    late_s = -3 * 3600
    till.take(event("failed", late_s, "p3"), received_s=7302)
    changed = {row[1:3] for row in set(till.table("cell")) ^ before}
    at_us = T0 + late_s * SECOND_US
    # The day is not over: it will be added up with this one in it.
    assert changed == {(span, at_us - at_us % span) for span in (MINUTE_US, HOUR_US)}


def test_as_known_then_leaves_out_what_came_later(till):
    till.take(event("failed", 10, "p1"), received_s=11)
    till.take(event("succeeded", 20, "late"), received_s=185)
    till.take(event("succeeded", 10, "p1", origin=Origin.PROVIDER, source="psp"), received_s=400)
    window = (T0, T0 + MINUTE_US)
    known = [
        till.reader.sums_as_known(payments(), *window, T0 + minute * MINUTE_US)
        for minute in (0, 1, 3, 4, 7)
    ]
    assert [(sums.good, sums.bad) for sums in known] == [(0, 0), (0, 1), (0, 1), (1, 1), (2, 0)]
    assert known[-1] == till.reader.sums(payments(), *window)
    assert known[1].alert_bad == 1


def test_fine_slices_are_kept_for_two_hours_and_windows_stay_right(till):
    till.take(event("failed", 0, "p1"), event("failed", 62, "p2"), received_s=63)
    till.take(event("failed", 3 * 3600, "p3"), received_s=3 * 3600 + 1)
    fine = till.reader.fine(payments(), *DAY)
    assert [cell.slice_us for cell in fine["", "", ""]] == [T0 + 3 * HOUR_US]
    assert till.reader.sums(payments(), T0, T0 + 2 * MINUTE_US).bad == 2
    assert till.reader.sums(payments(), T0 + 65 * SECOND_US, T0 + 2 * MINUTE_US).bad == 1


def test_a_series_is_zero_filled_and_adds_up_to_the_window(till):
    till.take(*(event("succeeded", at_s, f"p{at_s}") for at_s in (0, 59, 600)))
    points = till.reader.series(payments(), T0, T0 + 20 * MINUTE_US, 5 * MINUTE_US)
    assert [(at_us - T0) // MINUTE_US for at_us, _ in points] == [0, 5, 10, 15]
    assert [sums.good for _, sums in points] == [2, 0, 1, 0]


def test_a_series_off_the_slices_is_refused(till):
    with pytest.raises(BadInput):
        till.reader.series(payments(), T0 + 1, T0 + HOUR_US, 5 * SECOND_US)


def test_day_and_night_are_weighted_by_events(till):
    """V8, two blocks each: day 10,000 per 5 min at 0.05 %, night 10 per 5 min at 5 %."""
    day = [event("failed" if n < 10 else "succeeded", 0, f"d{n}") for n in range(20_000)]
    night = [event("failed" if n < 1 else "succeeded", 7200, f"n{n}") for n in range(20)]
    till.take(*day)
    till.take(*night, received_s=7201)
    sums = till.reader.sums(payments(), *DAY)
    assert Fraction(sums.bad, sums.total) == Fraction(11, 20_020)
    assert f"{100 * sums.bad / sums.total:.6f}" == "0.054945"


@pytest.mark.parametrize(
    "body", [b'[{"id":1}]', b'[{"id":"\xff","source":"s","type":"t","time_us":1}]']
)
def test_undecodable_records_and_impossible_times_are_noted_not_fatal(till, body):
    broken = record(1, [], 1)
    till.writer.apply(Stream.SHOP, [type(broken)(**{**vars(broken), "body": body})])
    till.take(event("succeeded", -600 * 86400))
    assert [row[1] for row in till.table("skipped")] == [1]
    assert till.writer.cursor(Stream.SHOP) == 1


def test_units_go_after_seven_days_and_the_sums_stay(till):
    till.take(event("failed", 0, "old", checkout_id="c1"))
    eight_days_s = 8 * 86400
    till.take(event("succeeded", eight_days_s, "new"), received_s=eight_days_s)
    assert [row[1] for row in till.table("unit")] == ["=new"]
    assert till.reader.sums(payments(), *DAY).bad == 1
    assert till.reader.lost(payments(), *DAY) == {}


def test_what_was_known_more_than_five_weeks_ago_is_kept_by_day(till):
    till.take(event("failed", 0), received_s=70)
    next_day_s = 86400
    revised = event("succeeded", 1, origin=Origin.PROVIDER, source="psp")
    till.take(revised, received_s=next_day_s + 5)
    days_s = 40 * 86400
    till.take(event("succeeded", days_s, "new"), received_s=days_s)
    assert {row[1] for row in till.table("revision")} == {DAY_US}
    day_us = T0 - T0 % DAY_US
    week = (day_us, day_us + 7 * DAY_US)
    known = [
        till.reader.sums_as_known(payments(), *week, day_us + days * DAY_US + HOUR_US)
        for days in (0, 1, 2, 3)
    ]
    assert [(sums.good, sums.bad) for sums in known] == [(0, 0), (0, 1), (1, 0), (1, 0)]


def test_an_objective_of_another_generation_sees_nothing(till):
    till.take(event("succeeded", 0))
    assert till.reader.sums(payments(generation="2"), *DAY) == Sums()


def _shop(seed: int, size: int = 60):
    rng = random.Random(seed)
    ends = ["attempted", "succeeded", "failed", "authorized", "expired"]
    for number in range(size):
        kind = rng.choice(ends)
        yield event(
            kind,
            rng.randrange(-9000, 2000),
            f"p{rng.randrange(12)}",
            id=str(number),
            origin=rng.choice(list(Origin)),
            checkout_id=rng.choice(["", "c1", "c2"]),
            session_id=rng.choice(["", "s1"]),
            provider=rng.choice(["", "stripe", "adyen"]),
            country=rng.choice(["", "DE"]),
            decline_class=rng.choice(["", "issuer", "technical"]),
            amount_minor=rng.choice([None, 100, 2000]),
            currency=rng.choice(["", "EUR", "USD"]),
            latency_ms=rng.choice([None, 5.0, 900.0]),
        )


def _state(till: Till) -> dict[str, object]:
    """Everything counted, segments by name; empty cells (added and taken back) do not matter."""
    names = dict(till.table("segment"))
    cells = [(*r[:3], names[r[3]], *r[4:]) for r in till.table("cell") if any(r[5:])]
    bads = [(*r[:4], names[r[4]], *r[5:]) for r in till.table("bad")]
    return {
        "cells": sorted(cells),
        "bads": sorted(bads),
        "units": till.table("unit"),
        "presence": till.table("presence"),
    }


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000), order=st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_arrival_changes_a_row(tmp_path_factory, seed, order):
    events = list(_shop(seed))
    shuffled = events + order.choices(events, k=20)
    order.shuffle(shuffled)
    states = []
    for arrival in (events, shuffled):
        till = Till(tmp_path_factory.mktemp("order"), [payments(), latencies()])
        size = order.randrange(1, 20)
        for begin in range(0, len(arrival), size):
            till.take(*arrival[begin : begin + size], received_s=2000)
        states.append(_state(till))
        till.close()
    assert states[0] == states[1]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(borders=st.lists(st.integers(-9100, 2100), min_size=3, max_size=3).map(sorted))
def test_neighbouring_windows_add_up(tmp_path_factory, borders):
    till = Till(tmp_path_factory.mktemp("windows"), [payments()])
    till.take(*_shop(7, 200), received_s=2000)
    low, middle, high = (T0 + at_s * SECOND_US for at_s in borders)
    reader = till.reader
    both = reader.sums(payments(), low, middle) + reader.sums(payments(), middle, high)
    assert both == reader.sums(payments(), low, high)
    till.close()
