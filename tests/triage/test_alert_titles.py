"""What an alert of ours is called where a person is woken by it."""

from __future__ import annotations

import pytest

from kernel.facts.slo import BurnAlertOpened
from triage.intake import opened_delivery

NO_DATA = "No data from shop since 03:12:05 UTC"


def opened(**more):
    values = {
        "alert_id": "a1",
        "objective_id": "payment-success",
        "service": "payments",
        "display_name": "Payments succeed",
        "tier": "fast",
        "page": True,
        "segment": {"method": "paypal"},
        "opened_us": 2,
        "onset_us": 1,
        "reason": "6 of 6 attempts failed in 1800 s",
        "bad": 6,
        "total": 6,
        "burn_rate": 200.0,
    }
    return opened_delivery(BurnAlertOpened(**(values | more)))


@pytest.mark.parametrize(
    ("more", "title"),
    [
        ({}, "Promise at risk: Payments succeed (method paypal)"),
        ({"tier": "down"}, "At least half fails: Payments succeed (method paypal)"),
        ({"tier": "6h", "segment": {}}, "Promise at risk: Payments succeed"),
        ({"tier": "no_data", "kind": "no_data", "title": NO_DATA}, NO_DATA),
    ],
)
def test_the_title_says_what_the_tier_saw(more, title):
    assert opened(**more).title == title


def test_a_ticket_of_no_data_is_not_called_a_burn():
    told = opened(tier="no_data", kind="no_data", title=NO_DATA, page=False)
    assert told.labels["alertname"] == "NoData"
    assert told.labels["severity"] == "ticket"
