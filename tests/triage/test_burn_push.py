"""Our burn alerts in Alertmanager: told when they open, renewed while open, ended when closed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx2
import pytest

from kernel.clock import HOUR_US, parse_rfc3339
from tests.triage.desk import Desk
from tests.triage.peers import Receiver
from triage.burn_push import burn_alert, label_name
from triage.identity import ECHO_LABEL, Delivery
from triage.second_channel import register

NAME = "TillwatchBudgetBurn"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def told(tmp_path, receiver) -> Iterator[Desk]:
    """A desk that tells Alertmanager of its burn alerts."""
    with httpx2.Client() as client:
        desk = Desk(tmp_path, alertmanager_url=receiver.url)
        register(desk.outbox, desk.settings, client, desk.clock)
        yield desk
        desk.close()


def pushed(desk: Desk, receiver: Receiver) -> list[dict[str, Any]]:
    """The burn alerts that arrived, in order."""
    while desk.outbox.step():
        pass
    posts = [json.loads(one.body) for one in receiver.heard if one.path == "/api/v2/alerts"]
    return [one for post in posts for one in post if one["labels"]["alertname"] == NAME]


def test_open_renewed_and_over_have_the_same_labels_and_start(told, receiver) -> None:
    opened = told.burn("a1", "payment-success", "payments", segment={"provider": "adyen"})
    (first,) = pushed(told, receiver)
    assert first["labels"] == {
        "alertname": NAME,
        "objective": "payment-success",
        "provider": "adyen",
        "service": "payments",
        "severity": "page",
        "tier": "fast",
        ECHO_LABEL: "a1",
    }
    assert first["annotations"]["reason"] == opened.reason
    assert first["generatorURL"].endswith("/slos/payment-success")
    for _ in range(3):
        told.clock.advance_s(3600)
        told.upkeep.run()
        told.upkeep.run()
    told.burnt_out(opened)
    told.upkeep.run()
    found = pushed(told, receiver)
    assert len(found) == 5
    assert {json.dumps(one["labels"], sort_keys=True) for one in found} == {
        json.dumps(first["labels"], sort_keys=True)
    }
    assert {one["startsAt"] for one in found} == {first["startsAt"]}
    ends = [parse_rfc3339(one["endsAt"]) for one in found]
    assert ends[-1] == told.clock.now_us()
    assert [later - before for before, later in pairwise(ends[:4])] == [HOUR_US] * 3


def test_a_ticket_is_told_as_a_ticket(told, receiver) -> None:
    told.burn("a1", "payment-success", "payments", page=False, tier="3d")
    (alert,) = pushed(told, receiver)
    assert (alert["labels"]["severity"], alert["labels"]["tier"]) == ("ticket", "3d")
    assert told.incidents.list() == []


def test_an_alertmanager_that_is_away_gets_it_later_in_the_right_order(told, receiver) -> None:
    receiver.status = 503
    opened = told.burn("a1", "payment-success", "payments")
    assert not told.outbox.step()
    told.clock.advance_s(5)
    told.burnt_out(opened)
    told.outbox.step()
    receiver.heard.clear()
    receiver.status = 200
    told.clock.advance_s(600)
    first, last = pushed(told, receiver)
    assert parse_rfc3339(first["endsAt"]) > parse_rfc3339(last["endsAt"])


def test_the_switch_leaves_incidents_alone(tmp_path) -> None:
    desk = Desk(tmp_path, alertmanager_url="http://127.0.0.1:9", alertmanager_burn_alerts=False)
    desk.burn("a1", "payment-success", "payments")
    (row,) = desk.deliveries("alertmanager")
    assert row.payload["alerts"][0]["labels"]["alertname"] == "TillwatchIncident"
    desk.close()


def test_labels_are_names_that_prometheus_takes_and_never_empty() -> None:
    told = Delivery("tillwatch", "a1", 1, resolved=False, labels={"till.lane": "7", "x": ""})
    labels = burn_alert(told, "https://till.test", 2)["labels"]
    assert labels == {"till_lane": "7", "alertname": NAME, ECHO_LABEL: "a1"}
    assert [label_name(one) for one in ("a-b", "3ds", "ok_1")] == ["a_b", "_3ds", "ok_1"]
