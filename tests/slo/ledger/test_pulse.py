"""Attempts begun, by source and slice: what silence is measured by."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.clock import HOUR_US, MINUTE_US, SECOND_US
from kernel.errors import BadInput
from slo.ledger.pulse import PULSE_US, QUARTER_US
from slo.objective import Indicator, Selector
from tests.slo.ledger.till import T0, Till, checkouts, event, payments

HOUR = (T0, T0 + HOUR_US)


def _adyen():
    total = Selector(frozenset({"payment.succeeded"}), {"provider": frozenset({"adyen"})})
    return payments("adyen", indicator=Indicator(total, good=total))


def test_an_attempt_is_begun_at_its_first_message_and_once(till):
    till.take(event("attempted", 2), event("succeeded", 31), event("succeeded", 31, id="again"))
    assert till.reader.begun(payments(), *HOUR, PULSE_US) == {"shop": [(T0, 1)]}


def test_a_hanging_attempt_is_begun_and_so_is_an_outcome_without_attempt(till):
    till.take(event("attempted", 7), event("failed", 8, "p2", decline_class="issuer"))
    assert till.reader.begun(payments(), *HOUR, PULSE_US) == {"shop": [(T0 + 5 * SECOND_US, 2)]}


def test_an_earlier_message_that_comes_late_moves_the_beginning(till):
    till.take(event("succeeded", 31))
    till.take(event("attempted", 2, source="backend"), received_s=40)
    found = till.reader.begun(payments(), *HOUR, PULSE_US)
    assert {source: slices for source, slices in found.items() if slices} == {"backend": [(T0, 1)]}


def test_an_attempt_whose_message_is_read_anew_begins_at_its_new_time(till):
    till.take(event("attempted", 0, id="a"))
    till.take(event("succeeded", 20))
    till.take(event("attempted", 7, id="a"))
    rows = till.writer.connection().execute("SELECT slice_us - ? FROM pulse WHERE begun", (T0,))
    assert [at_us // SECOND_US for (at_us,) in rows] == [5]


def test_objectives_see_the_part_of_the_traffic_that_they_watch(tmp_path):
    till = Till(tmp_path, [payments(), _adyen(), checkouts()])
    till.take(
        event("attempted", 0, "p1", provider="adyen"),
        event("attempted", 0, "p2", provider="stripe"),
        event("checkout.started", 0, "", checkout_id="c1"),
    )
    begun = [
        sum(count for _, count in till.reader.begun(one, *HOUR, PULSE_US)["shop"])
        for one in (payments(), _adyen(), checkouts())
    ]
    assert begun == [2, 1, 1]


def test_another_step_is_refused(till):
    with pytest.raises(BadInput):
        till.reader.begun(payments(), *HOUR, MINUTE_US)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000))
def test_quarters_of_an_hour_are_the_sum_of_what_began_in_any_order(tmp_path_factory, seed):
    rng = random.Random(seed)
    told = [
        event(
            rng.choice(["attempted", "succeeded", "failed"]),
            rng.randrange(9_000),
            f"p{rng.randrange(30)}",
            id=str(number),
            source=rng.choice(["shop", "psp"]),
        )
        for number in range(60)
    ]
    till = Till(tmp_path_factory.mktemp("pulse"), [payments()])
    order = rng.sample(told, len(told))
    for number, one in enumerate(order):
        till.take(one, received_s=200 * number)
    expected: dict[str, dict[int, int]] = {}
    for unit in {one.payment_id for one in told}:
        own = [one for one in told if one.payment_id == unit]
        first = min(own, key=lambda one: (one.time_us, one.source, one.id))
        at_us = first.time_us - first.time_us % QUARTER_US
        slices = expected.setdefault(first.source, {})
        slices[at_us] = slices.get(at_us, 0) + 1
    window = (T0 - HOUR_US, T0 + 5 * HOUR_US)
    found = till.reader.begun(payments(), *window, QUARTER_US)
    assert {source: dict(slices) for source, slices in found.items() if slices} == expected
    till.close()
