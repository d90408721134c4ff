"""Who is refused first: whatever is taken, everything more precious is taken too."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import FrozenClock
from kernel.journal import ItemClass, Refused
from kernel.journal.admission import THRESHOLDS, TRIM_TO_SHARE, Limits, Pressure, Reason, refusal
from kernel.journal.gate import Gate, Refusals

LIMITS = Limits(appends=100, bytes=1_000)
PRECIOUS = (ItemClass.MONEY, ItemClass.ALERT, ItemClass.SLACK)
TELEMETRY = (ItemClass.TRACE, ItemClass.METRIC, ItemClass.LOG)

pressures = st.builds(
    Pressure,
    appends=st.integers(0, 120),
    bytes=st.integers(0, 1_200),
    quota_share=st.floats(0, 2),
    free_share=st.one_of(st.floats(0, 3), st.just(math.inf)),
)


@given(pressure=pressures, size=st.integers(0, 2_000))
def test_whatever_is_taken_everything_more_precious_is_taken_too(pressure, size):
    taken = [refusal(one, size, pressure, LIMITS) is None for one in ItemClass]
    assert taken == sorted(taken, reverse=True)


@given(pressure=pressures, size=st.integers(0, 900))
def test_more_pressure_never_opens_the_gate(pressure, size):
    worse = Pressure(
        pressure.appends + 1,
        pressure.bytes + 1,
        pressure.quota_share + 0.1,
        max(0.0, pressure.free_share - 0.1),
    )
    for one in ItemClass:
        if pressure.bytes and refusal(one, size, pressure, LIMITS):
            assert refusal(one, size, worse, LIMITS)


def test_every_class_has_its_thresholds_in_order_of_worth():
    assert list(THRESHOLDS) == list(ItemClass)
    assert [one.rank for one in ItemClass] == list(range(len(ItemClass)))


def test_nothing_is_refused_while_there_is_room():
    assert {refusal(one, 1_000, Pressure(), LIMITS) for one in ItemClass} == {None}


@pytest.mark.parametrize(
    ("pressure", "reason"),
    [
        (Pressure(quota_share=0.91), Reason.QUOTA),
        (Pressure(free_share=0.99), Reason.DISK),
        (Pressure(appends=50), Reason.QUEUE),
        (Pressure(bytes=501), Reason.QUEUE),
    ],
)
def test_telemetry_goes_before_anything_of_the_business(pressure, reason):
    assert {refusal(one, 1, pressure, LIMITS) for one in TELEMETRY} == {reason}
    assert refusal(ItemClass.DEBUG_LOG, 1, pressure, LIMITS) is reason
    kept = (*PRECIOUS, ItemClass.BUSINESS, ItemClass.WEBHOOK, ItemClass.CHANGE)
    assert {refusal(one, 1, pressure, LIMITS) for one in kept} == {None}


def test_debug_logs_go_first():
    pressure = Pressure(appends=30)
    assert refusal(ItemClass.DEBUG_LOG, 1, pressure, LIMITS) is Reason.QUEUE
    assert refusal(ItemClass.LOG, 1, pressure, LIMITS) is None


def test_neither_quota_nor_reserve_ever_stops_what_is_worth_most():
    pressure = Pressure(quota_share=1e9, free_share=0.0)
    assert {refusal(one, 1, pressure, LIMITS) for one in PRECIOUS} == {None}
    assert refusal(ItemClass.BUSINESS, 1, pressure, LIMITS) is Reason.DISK


def test_the_queue_is_bounded_for_everybody():
    assert refusal(ItemClass.MONEY, 1, Pressure(appends=100), LIMITS) is Reason.QUEUE
    assert refusal(ItemClass.MONEY, 1, Pressure(bytes=1_000), LIMITS) is Reason.QUEUE


def test_the_largest_telemetry_body_leaves_room_for_money():
    limits, whole_body = Limits(), 64 * 1024**2
    assert refusal(ItemClass.TRACE, whole_body, Pressure(), limits) is None
    beside = Pressure(appends=1, bytes=whole_body)
    assert refusal(ItemClass.MONEY, 4 * 1024**2, beside, limits) is None
    assert refusal(ItemClass.TRACE, 1, beside, limits) is Reason.QUEUE


def test_trimming_keeps_the_rows_where_every_class_is_taken():
    assert min(one.quota for one in THRESHOLDS.values()) > TRIM_TO_SHARE


def test_the_gate_gives_places_back_and_tells_who_was_refused_for_a_minute():
    clock = FrozenClock()
    refusals = Refusals(clock)
    gate = Gate(refusals, LIMITS)
    gate.enter(ItemClass.TRACE, 500)
    with pytest.raises(Refused) as refused:
        gate.enter(ItemClass.TRACE, 1)
    assert refused.value.status == 503
    assert 1 <= refused.value.retry_after_s <= 2
    gate.leave(500)
    gate.enter(ItemClass.TRACE, 1)
    assert gate.refusing() == {ItemClass.TRACE: Reason.QUEUE}
    clock.advance_s(61)
    assert gate.refusing() == {}
    assert refusals.totals() == {(ItemClass.TRACE, Reason.QUEUE): 1}


def test_a_full_quota_shows_before_anybody_asks():
    gate = Gate(Refusals(FrozenClock()), LIMITS)
    gate.measured(quota_share=0.96, free_share=math.inf)
    assert list(gate.refusing()) == [
        ItemClass.WEBHOOK,
        ItemClass.CHANGE,
        *TELEMETRY,
        ItemClass.DEBUG_LOG,
    ]
