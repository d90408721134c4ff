"""What `show` says of money and causes, over the real ledger."""

from fractions import Fraction
from pathlib import Path

import pytest

from kernel.clock import parse_rfc3339
from slo.schemas import SloOut
from tests.slo.shop_till import Till, adyen_in_the_middle_fails


@pytest.fixture
def till(tmp_path: Path) -> Till:
    """Five healthy minutes."""
    found = Till(tmp_path)
    found.play(300, evaluate=False)
    return found


def show(till: Till) -> SloOut:
    return till.service.show("payment-success")


def test_what_burns_is_listed_by_segment_and_adds_up(till: Till) -> None:
    till.play(120, fails=adyen_in_the_middle_fails, evaluate=False)
    slo = show(till)
    assert sum(part.bad for part in slo.attribution) == slo.counts.bad > 0
    assert sum(Fraction(part.share_exact) for part in slo.attribution) == 1
    minor = sum(part.bad_minor["EUR"] for part in slo.attribution)
    assert minor == slo.money[0].bad_minor == 5000 * slo.counts.bad
    assert sum(part.money_share["EUR"] for part in slo.attribution) == pytest.approx(1)


def test_the_cause_is_named_in_a_sentence(till: Till) -> None:
    till.play(120, fails=adyen_in_the_middle_fails, evaluate=False)
    slo = show(till)
    assert slo.burned_by is not None
    assert slo.burned_by.sentence.startswith(
        "All of the burn is provider adyen, region eu-central, with "
    )
    assert [part.labels["provider"] for part in slo.burned_by.by_label["provider"]] == ["adyen"]
    assert slo.burning_now is not None
    assert slo.burning_now.bad == slo.counts.bad


def test_what_fails_now_is_told_per_minute_with_its_interval_and_method(till: Till) -> None:
    till.play(300, fails=adyen_in_the_middle_fails, evaluate=False)
    risk = show(till).at_risk
    assert risk is not None
    assert (risk.state, risk.window_s, risk.total) == ("known", 300, 1800)
    [rate] = risk.money
    assert risk.bad is not None
    assert rate.per_minute_minor == risk.bad * 5000 // 5
    assert 0 < rate.low_minor < rate.per_minute_minor < rate.high_minor
    assert "80 % interval" in risk.method
    assert risk.sentence.startswith("Failing now: ")
    window = parse_rfc3339(risk.start), parse_rfc3339(risk.to)
    assert till.service.lost_rates("payment-success", *window) == risk.money


def test_now_begins_with_the_alert_where_that_is_younger_than_five_minutes(till: Till) -> None:
    till.play(90, fails=adyen_in_the_middle_fails)
    risk = show(till).at_risk
    assert risk is not None
    assert 60 <= risk.window_s <= 100


def test_nothing_failing_is_not_the_same_as_nothing_heard(till: Till) -> None:
    risk = show(till).at_risk
    assert risk is not None
    assert (risk.state, risk.bad, risk.money) == ("known", 0, [])
    assert risk.sentence == "Nothing is failing now: none of 1,800 attempts in the newest 5 min."
    till.silence(600)
    risk = show(till).at_risk
    assert risk is not None
    assert (risk.state, risk.bad, risk.total) == ("no_data", None, None)
    assert risk.sentence.startswith("Cannot tell what fails now: nothing heard from shop")


def test_the_list_leaves_causes_out_and_keeps_the_budget_in_money(till: Till) -> None:
    [slo] = till.service.list()
    assert (slo.attribution, slo.burned_by, slo.at_risk, slo.conversion) == ([], None, None, None)
    [money] = slo.money
    assert money.left_minor == money.allowed_minor == money.good_minor * 5 // 1000
