"""What alerts, empty promises and several currencies say on the pages."""

from __future__ import annotations

import pytest

from access.principal import Role
from dashboards.alert_words import alert_reason, tier_sentence, told_alert
from dashboards.formatting import allowed_words
from slo.schemas import AlertTierOut
from tests.dashboards import samples
from tests.dashboards.test_pages import words
from tests.dashboards.test_silence_shown import LOST
from triage.schemas import AlertOut

SEGMENT = {"provider": "adyen", "region": "eu-west"}
REASON = "15 of 36 attempts failed in 60 s"


def burning(tier: str, *, page: bool = True) -> AlertTierOut:
    reason = f"{REASON} (provider=adyen, region=eu-west)"
    return AlertTierOut(
        id="a1", tier=tier, since=samples.AT, page=page, segment=SEGMENT, reason=reason
    )


@pytest.fixture
def reader(house):
    house.enter(Role.RESPONDER)
    return house


def test_a_burn_names_its_segment_once_and_its_tier_in_words(reader):
    reader.slos = [samples.slo("at_risk", alerts=[burning("down")])]
    text = words(reader.page("/slos/payment-success"))
    assert "Burning: adyen, eu-west" in text
    assert f"{REASON}. (down tier: at least half of what is tried fails; a page)" in text
    assert "provider=adyen, region=eu-west" not in text


def test_a_reason_without_its_segment_at_the_end_stays_whole():
    assert alert_reason({"reason": "(provider=adyen) is down", "segment": SEGMENT}).endswith("down")
    assert tier_sentence("6h") == "6h tier"


def test_without_new_data_an_alert_that_holds_was_burning(reader):
    state = samples.slo("no_data", alerts=[burning("6h")])
    reader.slos = [state]
    text = words(reader.page("/slos/payment-success"))
    assert "Was burning: adyen, eu-west" in text
    assert "are usual now" not in text


def test_an_incident_says_what_each_of_our_alerts_saw_and_nothing_of_others(reader):
    foreign = samples.incident().alerts[0]
    ticket = foreign.model_copy(
        update={"source": "tillwatch", "labels": {"tier": "no_data", "severity": "ticket"}}
    )
    reader.incidents = [samples.incident(alerts=[foreign, ticket])]
    text = words(reader.page("/incidents/INC-1"))
    said = "A source is not heard: neither good nor bad (a ticket, nobody is woken)"
    assert text.count(said) == 1
    assert isinstance(foreign, AlertOut)
    assert told_alert(foreign.model_dump()) == ""


def test_a_promise_nobody_tried_does_not_say_that_data_is_missing(reader):
    reader.slos = [samples.nothing_counted().model_copy(update={"coverage": 1.0})]
    text = words(reader.page("/slos/payment-success"))
    assert "No attempt was told of." in text
    assert "Too little data" not in text
    assert "No new data" not in text
    assert "The budget in money" not in text


def test_no_missing_attempts_are_no_news(reader):
    none = LOST.model_copy(update={"low": 0, "mid": 0, "high": 0, "cost": []})
    reader.slos = [samples.slo("at_risk", alerts=[burning("fast")], lost_estimate=none)]
    assert "missing" not in words(reader.page("/slos/payment-success")).partition("Can we")[0]


def test_of_several_currencies_only_what_is_spent_is_told_in_words(reader):
    [one] = samples.slo().money
    franc = one.model_copy(
        update={"currency": "CHF", "left_minor": -5_00, "sentence": "Francs are beyond it."}
    )
    reader.slos = [samples.slo(money=[one, franc])]
    text = words(reader.page("/slos/payment-success"))
    told = text.partition("The budget in money")[2].partition("Currency")[0]
    assert "Francs are beyond it." in told
    assert one.sentence not in told
    assert "5.00 over" in text


@pytest.mark.parametrize(
    ("allowed", "told"), [(1.33, "1.3"), (1.0, "1"), (39.7, "39"), (4_130.2, "4,130")]
)
def test_a_small_allowance_has_a_digit(allowed, told):
    assert allowed_words(allowed) == told
