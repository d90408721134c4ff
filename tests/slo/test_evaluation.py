"""Shop events in, burn alerts and facts out: the real ledger and the real control database."""

from fractions import Fraction
from pathlib import Path

import pytest

from kernel.clock import DAY_US, HOUR_US, SECOND_US
from slo import evaluation
from slo.catalogue import Catalogue
from slo.evaluation import Turns
from slo.objective import WrittenTier
from tests.slo.corrections.people import approved, asked, corrections_of
from tests.slo.shop_till import (
    Till,
    adyen_in_the_middle_fails,
    all_fail,
    payments,
)


def test_a_healthy_shop_raises_nothing(till: Till) -> None:
    assert till.alerts() == []
    assert till.facts() == []
    assert till.evaluator.last_evaluation_us == till.clock.now_us()


def test_a_total_outage_pages_once_within_fifteen_seconds_and_closes_once(till: Till) -> None:
    onset_us = till.clock.now_us()
    till.play(15, fails=all_fail)
    [alert] = till.alerts()
    assert (alert.state, alert.tier, alert.page, alert.segment) == ("open", "fast", True, {})
    assert alert.onset_us == onset_us
    till.play(300, fails=all_fail)
    assert len(till.alerts()) == 1
    till.play(600)
    [alert] = till.alerts()
    assert alert.state == "closed"
    assert 120 * SECOND_US <= alert.closed_us - (onset_us + 315 * SECOND_US) <= 200 * SECOND_US
    names = [fact.name for fact in till.facts()]
    assert names == ["slo.burn_alert.opened", "slo.burn_alert.closed"]


def test_one_broken_provider_in_one_region_is_named_and_makes_one_alert(till: Till) -> None:
    onset_us = till.clock.now_us()
    till.play(400, fails=adyen_in_the_middle_fails)
    till.play(900)
    [alert] = till.alerts()
    assert alert.segment == {"provider": "adyen", "region": "eu-central"}
    assert "(provider=adyen, region=eu-central)" in alert.reason
    assert alert.onset_us == onset_us
    assert alert.state == "closed"


def test_traffic_routed_away_from_the_broken_segment_lets_its_alert_close(till: Till) -> None:
    till.play(200, fails=adyen_in_the_middle_fails)
    assert len(till.alerts(open_only=True)) == 1
    till.play(240, fails=adyen_in_the_middle_fails, providers=("stripe",))
    assert till.alerts(open_only=True) == []
    assert len(till.alerts()) == 1


def test_tiers_that_the_file_writes_down_are_the_ones_that_page(tmp_path: Path) -> None:
    own = WrittenTier("own", 600, 60, Fraction(100), page=True)
    till = Till(tmp_path, [payments("0.995", fast_tier=False, tiers=(own,))])
    till.play(120)
    till.play(400, fails=all_fail)
    [alert] = till.alerts()
    assert (alert.tier, alert.page, alert.segment) == ("own", True, {})
    assert "times too fast over 10m" in alert.reason


def test_a_slow_burn_is_found_by_a_classic_tier(tmp_path: Path) -> None:
    till = Till(tmp_path, [payments("0.999", fast_tier=False)])
    till.play(900, per_s=2)
    till.play(300, per_s=2, fails=lambda *_: till.random.random() < 0.3)
    [alert] = till.alerts()
    assert alert.tier in {"1h", "6h"}
    assert alert.page
    assert f"over {alert.tier}" in alert.reason


def test_without_data_an_alert_neither_closes_nor_a_new_one_opens(till: Till) -> None:
    till.play(30, fails=all_fail)
    assert len(till.alerts(open_only=True)) == 1
    till.silence(3600)
    [alert] = till.alerts()
    assert alert.state == "open"
    shown = till.service.show("payment-success")
    assert shown.state == "no_data"
    assert "nothing heard from shop" in shown.reason


def test_little_traffic_closes_only_after_fifteen_quiet_minutes(till: Till) -> None:
    till.play(30, fails=all_fail)
    for _ in range(50):
        till.play(5, per_s=0.2)
        till.play(10, per_s=0)
    assert len(till.alerts(open_only=True)) == 1
    for _ in range(200):
        till.play(5, per_s=0.2)
        till.play(10, per_s=0)
    [alert] = till.alerts()
    assert alert.state == "closed"
    assert "lack of evidence" in alert.close_reason


def test_a_new_evaluator_goes_on_where_the_old_one_stopped(till: Till) -> None:
    till.play(30, fails=all_fail)
    till.restart()
    till.play(60, fails=all_fail)
    till.restart()
    till.play(600)
    assert [fact.name for fact in till.facts()] == [
        "slo.burn_alert.opened",
        "slo.burn_alert.closed",
    ]


def test_after_an_alert_has_closed_a_second_outage_opens_a_second_one(till: Till) -> None:
    till.play(30, fails=all_fail)
    till.play(600)
    till.play(30, fails=all_fail)
    assert [row.state for row in till.alerts()] == ["closed", "open"]


def test_a_slow_spend_makes_a_ticket_and_no_page(tmp_path: Path) -> None:
    till = Till(tmp_path, [payments("0.9", fast_tier=False)])
    for _ in range(12):
        till.play(1800, per_s=0.2, fails=lambda *_: till.random.random() < 0.35, evaluate=False)
    till.play(60, per_s=0.2)
    assert [(row.tier, row.page) for row in till.alerts()] == [("1d", False)]


def test_a_first_start_without_any_source_is_no_data_and_quiet(tmp_path: Path) -> None:
    till = Till(tmp_path)
    till.evaluator.run_once()
    shown = till.service.show("payment-success")
    assert (shown.state, shown.sli, shown.budget_left) == ("no_data", None, None)
    assert shown.reason == "no source was ever heard"
    assert shown.coverage == 0


def test_an_outage_right_after_the_very_first_event_is_found(tmp_path: Path) -> None:
    till = Till(tmp_path)
    till.play(20)
    till.play(20, fails=all_fail)
    assert len(till.alerts(open_only=True)) == 1


@pytest.mark.parametrize("target", ["0.99", "0.995", "0.999"])
def test_one_customer_who_tries_thirty_times_pages_nobody(tmp_path: Path, target: str) -> None:
    till = Till(tmp_path, [payments(target)])
    till.play(300)
    for _ in range(30):
        stubborn = till.attempt(till.clock.now_us(), all_fail, ["stripe"])
        till.arrive([type(stubborn)(**{**_fields(stubborn), "checkout_id": "always-me"})])
        till.play(5)
    assert till.alerts() == []


def _fields(event: object) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_the_budget_counts_every_failed_attempt_exactly(till: Till) -> None:
    good_before = till.service.show("payment-success").counts.good
    till.play(10, fails=all_fail)
    till.play(10)
    shown = till.service.show("payment-success")
    assert shown.counts.bad == 60
    assert shown.counts.good == good_before + 60
    total = shown.counts.good + shown.counts.bad
    budget = Fraction("0.005")
    assert shown.budget_left == float(1 - Fraction(60, total) / budget)
    assert shown.bad_left == int(budget * total) - 60
    assert shown.state == "broken"
    assert sum(one.counts.bad for one in shown.segments) == 60
    assert [money.bad_minor for money in shown.money] == [60 * 5000]


def test_with_one_of_two_sources_silent_an_alert_opens_and_does_not_close(tmp_path: Path) -> None:
    till = Till(tmp_path, [payments(sources=("shop", "webhooks"))])
    till.play(60)
    till.play(30, fails=all_fail)
    till.play(400)
    [alert] = till.alerts()
    assert alert.state == "open"
    assert till.service.show("payment-success").reason == "nothing heard from webhooks"


def test_an_outage_right_after_a_gap_is_found(till: Till) -> None:
    till.silence(900)
    till.play(20, fails=all_fail)
    assert len(till.alerts(open_only=True)) == 1
    assert till.service.show("payment-success").state == "no_data"


def test_a_clearly_slow_engine_is_no_data(till: Till) -> None:
    till.clock.advance_s(400)
    shown = till.service.show("payment-success")
    assert shown.state == "no_data"
    assert "watermark is behind" in shown.reason


def test_the_alert_of_an_objective_that_is_no_longer_defined_closes(till: Till) -> None:
    till.play(30, fails=all_fail)
    till.catalogue = Catalogue([payments(id="another")])
    till.restart()
    till.evaluator.run_once()
    [alert] = till.alerts()
    assert (alert.state, alert.close_reason) == ("closed", "the objective is no longer defined")
    assert [fact.name for fact in till.facts()][-1] == "slo.burn_alert.closed"


def test_an_outage_is_found_and_ends_although_the_clock_ran_ahead_for_a_moment(till: Till) -> None:
    now_us = till.clock.now_us()
    till.clock.set_us(now_us + HOUR_US)
    till.arrive([])
    till.clock.set_us(now_us)
    till.play(30, fails=all_fail)
    [alert] = till.alerts(open_only=True)
    assert alert.tier == "fast"
    till.play(600)
    assert till.alerts(open_only=True) == []


def test_the_slow_rules_of_everybody_have_their_turn_once_a_minute() -> None:
    turns = Turns()
    minute_us = 60 * SECOND_US
    assert turns.due(10 * minute_us) == set(range(Turns.A_MINUTE))
    seen = [turns.due(10 * minute_us + passed * 5 * SECOND_US) for passed in range(1, 13)]
    assert [len(one) for one in seen] == [1] * 12
    assert set.union(*seen) == set(range(Turns.A_MINUTE))
    # A pass that was held up makes up for the turns it missed; one too soon has none.
    assert len(turns.due(11 * minute_us + 25 * SECOND_US)) == 5
    assert turns.due(11 * minute_us + 25 * SECOND_US) == set()
    # A clock that was set back does not stop them.
    assert turns.due(9 * minute_us) == set()
    assert len(turns.due(9 * minute_us + 5 * SECOND_US)) == 1


def test_what_a_page_told_makes_no_ticket_however_long_the_tickets_short_window(tmp_path: Path):
    page = WrittenTier("quick", 600, 60, Fraction(20), page=True)
    ticket = WrittenTier("slow", 12 * 3600, 8 * 3600, Fraction(40), page=False)
    till = Till(tmp_path, [payments("0.995", fast_tier=False, tiers=(page, ticket))])
    till.play(120)
    till.play(400, fails=all_fail)
    till.play(900)
    assert [(one.tier, one.state) for one in till.alerts()] == [("quick", "closed")]
    for _ in range(6 * 60 + 30):
        till.clock.advance_s(60)
        till.arrive([till.attempt(till.clock.now_us() - SECOND_US, lambda *_: False, ("stripe",))])
    till.silence(65)
    assert [one.tier for one in till.alerts()] == ["quick"]


@pytest.mark.parametrize(("days", "looked_at"), [(1, 1), (5, 0)])
def test_a_correction_of_long_ago_lets_a_calm_objective_be_passed_over(
    tmp_path: Path, monkeypatch, days: int, looked_at: int
):
    till = Till(tmp_path)
    till.play(60)
    begin_us = (till.clock.now_us() - days * DAY_US) // HOUR_US * HOUR_US
    approved(corrections_of(till, tmp_path), asked(begin_us))
    till.play(60)
    looks: list[str] = []
    decide = evaluation.decide

    def noted(view, known, *, tickets):
        looks.append(view.objective.id)
        return decide(view, known, tickets=tickets)

    monkeypatch.setattr(evaluation, "decide", noted)
    till.play(5)
    assert len(looks) == looked_at
