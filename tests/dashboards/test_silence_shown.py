"""What the pages say of attempts that do not arrive."""

from __future__ import annotations

import pytest

from access.principal import Role
from slo.schemas import AlertTierOut, CostOut, ExpectedOut, LostEstimateOut
from tests.dashboards import samples
from tests.dashboards.test_pages import words
from triage.schemas import MissingMoneyOut, MissingOut

AT = "2026-11-19T12:05:00Z"
SILENCE = AlertTierOut(
    id="a1",
    tier="silence",
    since=AT,
    page=True,
    segment={},
    reason="no payment began since 12:05:00 UTC (55 s), about 28 are usual in that time",
    kind="silence",
    title="Payments have stopped arriving",
)
LOST = LostEstimateOut(
    since=AT,
    start=AT,
    to=AT,
    source="",
    begun=0,
    low=230,
    mid=300,
    high=370,
    cost=[CostOut(currency="EUR", low_minor=1_150_000, mid_minor=1_500_000, high_minor=1_850_000)],
    method="expected minus begun",
)
USUAL = ExpectedOut(
    start=AT, to=AT, begun=0, low=230, mid=300, high=370, basis="weeks", method="median of 6 weeks"
)


@pytest.fixture
def reader(house):
    house.enter(Role.RESPONDER)
    return house


def test_an_objective_says_what_stopped_how_many_are_missing_and_what_they_would_have_brought(
    reader,
):
    reader.slos = [samples.slo("at_risk", alerts=[SILENCE], lost_estimate=LOST, expected=USUAL)]
    text = words(reader.page("/slos/payment-success"))
    assert "Payments have stopped arriving . No payment began since 12:05:00 UTC" in text
    assert "Burning" not in text.partition("Error budget")[0]
    assert "About 300 attempts are missing (230 to 370 in 80 of 100 such cases)" in text
    assert "about 300 are usual now (230 to 370" in text
    assert "median of 6 weeks" in text


def test_an_incident_shows_what_did_not_arrive_where_nothing_failed(reader):
    missing = MissingOut(
        low=230,
        mid=300,
        high=370,
        money=[MissingMoneyOut(currency="EUR", low_minor=1, mid_minor=1_500_000, high_minor=2)],
    )
    impact = samples.impact().model_copy(update={"bad": 0, "total": 0, "missing": missing})
    reader.incidents = [samples.incident(impact=impact)]
    text = words(reader.page("/incidents/INC-1"))
    assert "about 300 (230 to 370) did not arrive, worth about" in text
