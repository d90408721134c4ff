"""Onset, traffic, units, log templates and outcome rules."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import SECOND_US
from kernel.shop_event import Origin, ShopEvent
from kernel.telemetry_store.port import EventRow, LogRow
from slo.objective import Indicator, Objective, Selector, Threshold
from triage.evidence.logs import compare_logs, template
from triage.evidence.outcome import OutcomeRule, rule_of
from triage.evidence.traffic import change_point, traffic
from triage.evidence.units import Unit, lost_of, units_of


def unit(n: int, *, bad: bool, checkout="", amount=100, currency="EUR") -> Unit:
    return Unit(str(n), n * SECOND_US, bad, {}, checkout, "", amount, currency)


@pytest.mark.parametrize("seed", range(10))
def test_the_onset_is_found_within_a_few_units(seed):
    draw = random.Random(seed)
    units = [unit(n, bad=draw.random() < (0.01 if n < 300 else 0.8)) for n in range(360)]
    found = change_point(units)
    assert found is not None
    assert abs(found.at_us // SECOND_US - 300) <= 6
    assert found.rate_before < 0.05 < found.rate_after


@pytest.mark.parametrize("seed", range(30))
def test_steady_traffic_has_no_onset(seed):
    draw = random.Random(seed)
    assert change_point([unit(n, bad=draw.random() < 0.05) for n in range(500)]) is None


def test_a_recovery_is_not_an_onset():
    assert change_point([unit(n, bad=n < 50) for n in range(300)]) is None


@pytest.mark.parametrize("units", [[], [unit(0, bad=True)], [unit(n, bad=True) for n in range(9)]])
def test_without_a_before_there_is_no_onset(units):
    assert change_point(units) is None


@given(st.lists(st.booleans(), max_size=120))
def test_an_onset_always_raises_the_share_of_bad_ones(outcomes):
    found = change_point([unit(n, bad=bad) for n, bad in enumerate(outcomes)])
    if found is not None:
        assert found.rate_after > found.rate_before
        assert outcomes[found.at_us // SECOND_US]


def test_traffic_is_counted_before_and_since_the_onset():
    units = [unit(n, bad=n >= 60 and n % 2 == 0, checkout=f"c{n // 4}") for n in range(120)]
    found = traffic(units, 60 * SECOND_US, 120 * SECOND_US)
    assert (found.bad, found.total, found.bad_before, found.total_before) == (30, 60, 0, 60)
    assert found.checkouts == 15
    assert found.affected_per_min == 15
    assert found.bad_minor == {"EUR": 3000}


def test_a_basket_is_lost_once_and_only_if_no_payment_of_it_succeeded():
    units = [
        unit(1, bad=True, checkout="a"),
        unit(2, bad=True, checkout="a"),
        unit(3, bad=True, checkout="b"),
        unit(4, bad=False, checkout="b"),
        unit(5, bad=True, currency="CHF", amount=7),
        unit(6, bad=False),
    ]
    assert lost_of(units) == {"EUR": 100, "CHF": 7}


def event(item: int, kind: str, **fields) -> EventRow:
    known = {"id": f"e{item}", "source": "shop", "type": kind, "time_us": item * SECOND_US}
    return EventRow(1, item, 0, ShopEvent(**(known | fields)))


def test_reports_of_one_payment_are_one_unit_and_the_most_trusted_says_the_outcome():
    rows = [
        event(1, "payment.succeeded", payment_id="p", origin=Origin.BROWSER, region="eu-west"),
        event(2, "payment.failed", payment_id="p", origin=Origin.PROVIDER, error_type="timeout"),
        event(3, "payment.failed", payment_id="p", origin=Origin.BACKEND, region="eu-central"),
    ]
    [found] = units_of(rows, OutcomeRule())
    assert found.bad
    assert found.fields == {"error_type": "timeout", "region": "eu-central"}


def test_a_declined_card_is_no_unit():
    assert not units_of([event(1, "payment.failed", decline_class="issuer")], OutcomeRule())


def test_a_providers_word_without_an_attempt_is_no_unit_beside_the_shops_own():
    told = [
        event(1, "payment.failed", payment_id="p"),
        event(2, "payment.failed", origin=Origin.PROVIDER),
        event(3, "payment.failed", origin=Origin.BACKEND),
    ]
    assert [found.time_us for found in units_of(told, OutcomeRule())] == [SECOND_US, 3 * SECOND_US]


def test_attributes_are_fields_and_identifiers_are_not():
    row = event(
        1,
        "payment.failed",
        payment_id="p",
        session_id="s",
        attributes={"b": True, "f": 1.5, "n": 3},
    )
    [found] = units_of([row], OutcomeRule())
    assert found.fields == {"attributes.b": "true", "attributes.n": "3"}


def objective(name: str, indicator: Indicator) -> Objective:
    return Objective(name, name, "payments", Fraction(99, 100), indicator)


def test_the_rule_is_that_of_the_widest_objective_and_leaves_the_contrast_in():
    types = frozenset({"payment.succeeded", "payment.failed"})
    good = Selector(frozenset({"payment.succeeded"}))
    narrow = Selector(types, {"provider": frozenset({"adyen"})})
    wide = Selector(types, {}, {"decline_class": frozenset({"issuer"})})
    rule = rule_of(
        [objective("a", Indicator(narrow, good=good)), objective("b", Indicator(wide, good=good))]
    )
    assert rule.exclude_where == {"decline_class": frozenset({"issuer"})}
    assert rule_of([objective("a", Indicator(narrow, good=good))]).where == {}
    assert rule.bad_types == {"payment.failed"}
    assert rule_of([]) == OutcomeRule()


def test_a_latency_objective_judges_by_its_threshold():
    total = Selector(frozenset({"checkout.completed"}))
    rule = rule_of([objective("l", Indicator(total, threshold=Threshold("latency_ms", "lt", 100)))])
    rows = [
        event(n, "checkout.completed", checkout_id=f"c{n}", latency_ms=ms)
        for n, ms in enumerate([50.0, 100.0, 150.0, None])
    ]
    assert [found.bad for found in units_of(rows, rule)] == [False, True, True]


def test_log_templates_hide_values_and_count_growth():
    assert template('order 4711 of "Jane" at 0xDEADBEEF') == "order # of <text> at #"

    def log(body: str) -> LogRow:
        return LogRow(1, 1, 0, "payments", 17, body)

    before = [log("timeout after 10 ms"), *[log("usual")] * 10]
    since = [*[log(f"timeout after {n} ms") for n in range(8)], *[log("usual")] * 10]
    [found] = compare_logs(before, since)
    assert (found.template, found.before, found.since) == ("timeout after # ms", 1, 8)
