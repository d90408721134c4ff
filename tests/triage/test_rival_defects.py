"""Defects of other receivers of alerts, each as a test that ours must pass (field notes, 7.1)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlmodel import func, select

from access.principal import Role
from audit.models import AuditOutboxRow
from kernel.clock import HOUR_US, MINUTE_US
from kernel.facts.bus import FactRow
from tests.triage.desk import Desk, alert, post
from tests.triage.web import application
from triage.endpoints import MAX_BODY

T = 1_795_000_000_000_000
HOOK = "/webhooks/alertmanager"


@pytest.fixture
def web(desk: Desk) -> Iterator[TestClient]:
    with TestClient(application(desk)) as client:
        client.headers["authorization"] = f"Bearer {desk.person('am', Role.INGEST)}"
        yield client


def truncated(count, *alerts, group_key="{}:{}"):
    """A post from which the sender left out `count` alerts."""
    return json.dumps(json.loads(post(*alerts, group_key=group_key)) | {"truncatedAlerts": count})


def send(desk, web, body):
    answer = web.post(HOOK, content=body)
    desk.take()
    return answer


# --- "batch 400 loses pages": an unknown service in a batch lost the alerts after it ----------


@pytest.mark.parametrize(
    "broken",
    [
        {"fingerprint": None},
        {"startsAt": "yesterday"},
        {"status": "burning"},
        {"labels": ["service"]},
        {"labels": {"service": 7}},
    ],
)
def test_batch_400_loses_pages(desk, web, broken):
    alerts = [alert(f"f{n}", T, service="never heard of") for n in range(5)]
    alerts[2] |= broken
    assert send(desk, web, post(*alerts)).status_code == 202
    assert desk.incidents.show("INC-1").alerts_total == 4
    (aside,) = desk.incidents.alert_health().quarantined
    assert aside.item == 2


def test_a_resend_of_a_half_read_batch_is_no_duplicate_that_hides_the_rest(desk, web):
    alerts = [alert(f"f{n}", T) for n in range(3)]
    send(desk, web, post({**alerts[0], "labels": 7}, alerts[1]))
    send(desk, web, post(*alerts))
    assert desk.incidents.show("INC-1").alerts_total == 3


# --- "group drop": one resolved alert ended or hid its whole group ------------------------------


@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_group_drop(desk, web, status):
    send(desk, web, post(alert("f1", T), alert("f2", T)))
    body = json.loads(post(alert("f1", T, ends_us=T + 5), alert("f2", T))) | {"status": status}
    send(desk, web, json.dumps(body))
    found = desk.incidents.show("INC-1")
    assert (found.state, [one.status for one in found.alerts]) == ("open", ["resolved", "firing"])


# --- "early resolve": shown as over while members still fire ------------------------------------


def test_early_resolve(desk, web):
    send(desk, web, post(alert("f1", T), alert("f2", T)))
    send(desk, web, post(alert("f1", T, ends_us=T + 5)))
    assert desk.incidents.show("INC-1").state == "open"
    send(desk, web, post(alert("f2", T, ends_us=T + 6)))
    assert desk.incidents.show("INC-1").state == "resolved"


def test_alerts_that_the_sender_left_out_are_shown_and_keep_the_incident_open(desk, web):
    send(desk, web, truncated(7, alert("f1", T)))
    assert desk.incidents.show("INC-1").left_out == 7
    send(desk, web, truncated(7, alert("f1", T, ends_us=T + 5)))
    found = desk.incidents.show("INC-1")
    assert (found.state, found.stale) == ("open", True)
    desk.upkeep.run()
    assert desk.incidents.show("INC-1").state == "open"
    closed = desk.incidents.close("INC-1", desk.somebody("rob"))
    assert (closed.state, closed.resolution) == ("resolved", "closed")


def test_a_later_whole_post_says_that_nothing_is_left_out_any_more(desk, web):
    send(desk, web, truncated(2, alert("f1", T)))
    send(desk, web, truncated(2, alert("f1", T, ends_us=T + 5)))
    ends = [alert(f"f{n}", T, ends_us=T + 5) for n in (1, 2, 3)]
    send(desk, web, post(*ends))
    found = desk.incidents.show("INC-1")
    assert (found.state, found.left_out) == ("resolved", 0)


def test_a_whole_post_whose_alerts_still_fire_closes_nothing_in_between(desk, web):
    send(desk, web, truncated(2, alert("f1", T)))
    send(desk, web, truncated(2, alert("f1", T, ends_us=T + 5)))
    send(desk, web, post(alert("f1", T, ends_us=T + 5), alert("f2", T), alert("f3", T)))
    found = desk.incidents.show("INC-1")
    told = [one.type for one in desk.incidents.timeline("INC-1")]
    assert (found.state, found.left_out) == ("open", 0)
    assert "incident.resolved" not in told
    assert "incident.reopened" not in told


def test_what_two_groups_left_out_adds_up(desk, web):
    send(desk, web, truncated(2, alert("f1", T, service="payments"), group_key="g1"))
    send(desk, web, truncated(3, alert("f2", T, service="payments"), group_key="g2"))
    for _ in range(3):
        send(desk, web, truncated(3, alert("f2", T, service="payments"), group_key="g2"))
    assert desk.incidents.show("INC-1").left_out == 5
    told = [one.what for one in desk.incidents.timeline("INC-1") if "left out" in one.what]
    assert told == ["2 more alerts were left out by their sender"]


# --- senders that repeat themselves -------------------------------------------------------------


def written(desk):
    """How many facts, records and deliveries there are."""
    with desk.database.reading() as session:
        return [
            session.exec(select(func.count()).select_from(table)).one()
            for table in (FactRow, AuditOutboxRow)
        ]


def test_two_alertmanagers_and_a_retry_storm_count_once_and_write_nothing_more(desk, web):
    body = post(alert("f1", T), alert("f2", T))
    other = post(alert("f2", T), alert("f1", T))
    send(desk, web, body)
    before = written(desk)
    for _ in range(25):
        web.post(HOOK, content=body)
        send(desk, web, other)
    assert desk.incidents.show("INC-1").alerts_total == 2
    assert written(desk) == before


def test_an_end_that_comes_before_its_beginning_opens_nothing_that_stays(desk, web):
    send(desk, web, post(alert("f1", T, ends_us=T + 5)))
    assert desk.incidents.list() == []
    send(desk, web, post(alert("f1", T)))
    assert [one.state for one in desk.incidents.list()] == ["resolved"]


def test_an_end_that_never_comes_is_asked_about_and_not_made_up(desk, web):
    send(desk, web, post(alert("f1", T)))
    desk.clock.advance_s(9 * HOUR_US // 1_000_000)
    desk.upkeep.run()
    found = desk.incidents.show("INC-1")
    assert (found.state, found.stale) == ("open", True)


# --- large bodies -------------------------------------------------------------------------------


def test_a_body_of_almost_16_mebibytes_is_stored_whole_and_taken(desk, web):
    alerts = [alert(f"f{n}", T + n * MINUTE_US, service="payments") for n in range(120)]
    room = (MAX_BODY - len(post(*alerts)) - 10_000) // len(alerts)
    for one in alerts:
        one["annotations"]["description"] = "x" * room
    body = post(*alerts)
    assert MAX_BODY - 100_000 < len(body) <= MAX_BODY
    assert send(desk, web, body).status_code == 202
    assert desk.incidents.show("INC-1").alerts_total == 120
    assert len(desk.incidents.show("INC-1").alerts[0].title) <= 2_000
