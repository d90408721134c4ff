"""What is lost, as the incident keeps it: what fails and what never began."""

from __future__ import annotations

from kernel.clock import MINUTE_US
from slo.money.schemas import RateOut
from tests.triage.desk import Sums
from triage import repository
from triage.incident import Impact
from triage.loss import measure, stored, with_missing


def loss(desk, incident="INC-1"):
    with desk.database.reading() as session:
        row = repository.incident(session, incident)
        assert row is not None
        return measure(desk.till, row, desk.clock.now_us())


def test_the_objective_that_loses_most_money_speaks_for_the_incident(desk):
    desk.till.sums = {
        "checkout": Sums(bad=90, total=100, bad_minor={"EUR": 10}),
        "payment-success": Sums(bad=9, total=100, bad_minor={"EUR": 90_000}),
    }
    desk.till.rates = {
        "payment-success": [
            RateOut(currency="EUR", per_minute_minor=900, low_minor=500, high_minor=1_500),
            RateOut(currency="CHF", per_minute_minor=0, low_minor=0, high_minor=0),
        ]
    }
    desk.burn("a1", "payment-success", "payments")
    desk.burn("a2", "checkout", "payments")
    found = loss(desk)
    assert found is not None
    assert found.objective_id == "payment-success"
    assert found.lost_per_minute == (
        {"currency": "EUR", "low_minor": 500, "mid_minor": 900, "high_minor": 1_500},
    )
    kept = stored(found, None, (0, MINUTE_US))
    assert (kept["bad"], kept["bad_minor"]) == (9, {"EUR": 90_000})


def test_what_is_over_loses_nothing_per_minute(desk):
    desk.till.sums = {"payment-success": Sums(bad=9, total=100)}
    rate = RateOut(currency="EUR", per_minute_minor=900, low_minor=500, high_minor=1_500)
    desk.till.rates = {"payment-success": [rate]}
    desk.burnt_out(desk.burn("a1", "payment-success", "payments"))
    assert desk.incidents.show("INC-1").state == "resolved"
    found = loss(desk)
    assert found is not None
    assert found.lost_per_minute == ()


def test_where_the_account_says_nothing_nothing_is_made_up(desk):
    desk.burn("a1", "payment-success", "payments")
    assert loss(desk) is None


def test_missing_attempts_weigh_by_the_least_that_is_likely():
    money = [{"currency": "EUR", "low_minor": 5_000, "mid_minor": 9_000, "high_minor": 12_000}]
    missing = {"low": 50, "mid": 60, "high": 70, "money": money, "minutes": 5.0}
    found = with_missing(Impact(total=9, recent_bad=5, minutes=5), missing)
    assert (found.missing_low, found.missing_minor_low) == (10.0, {"EUR": 1_000.0})
    assert found.orders_at_risk == 11.0
    assert with_missing(Impact(), None) == with_missing(Impact(), {**missing, "minutes": 0})
