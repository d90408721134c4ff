"""What people say about an incident stands, is bounded, and shows who said it."""

from __future__ import annotations

import pytest

from access.principal import Principal, Role
from kernel.clock import HOUR_US, MINUTE_US
from kernel.errors import BadInput, Conflict, NotAllowed
from kernel.facts.triage import IncidentResolved
from tests.triage.desk import alert, post
from triage.incident import Impact

T = 1_795_000_000_000_000


@pytest.fixture
def rob(desk) -> Principal:
    return desk.somebody("rob")


def weigh(desk, incident, *, orders=0.0, total=1_000):
    """A new look at the loss: orders that fail per minute."""
    from triage import repository

    impact = Impact(bad=5, total=total, recent_bad=round(orders * 5), minutes=5)
    with desk.database.unit_of_work() as session:
        row = repository.incident(session, incident)
        assert row is not None
        desk.admission.weigh(session, row, impact)


def words(desk, incident="INC-1"):
    return [one.what for one in desk.incidents.timeline(incident)]


def test_a_persons_severity_stands_until_the_loss_grows_by_a_step(desk, rob):
    desk.burn("a1", "payment-success", "payments", bad=10, total=60)
    weigh(desk, "INC-1", orders=20)
    found = desk.incidents.change_severity("INC-1", rob, "minor", "a load test")
    assert (found.severity, found.severity_by, found.severity_reason) == (
        "minor",
        rob.person_id,
        "a load test",
    )
    weigh(desk, "INC-1", orders=99)
    assert desk.incidents.show("INC-1").severity == "minor"
    weigh(desk, "INC-1", orders=100)
    after = desk.incidents.show("INC-1")
    assert (after.severity, after.severity_by, after.severity_reason) == ("critical", "", "")
    assert words(desk)[-2:] == [
        "Severity minor, was critical",
        "Severity critical, was minor",
    ]


def test_a_person_who_called_it_critical_is_not_overruled_by_a_smaller_step(desk, rob):
    desk.post(post(alert("f1", T)))
    desk.take()
    desk.incidents.change_severity("INC-1", rob, "critical")
    weigh(desk, "INC-1", orders=5)
    assert desk.incidents.show("INC-1").severity_by == rob.person_id


def test_making_it_lighter_needs_a_reason_and_heavier_none(desk, rob):
    desk.burn("a1", "payment-success", "payments")
    with pytest.raises(BadInput, match="needs a reason"):
        desk.incidents.change_severity("INC-1", rob, "minor", " \n")
    with pytest.raises(BadInput, match="no severity"):
        desk.incidents.change_severity("INC-1", rob, "huge", "x")
    desk.incidents.change_severity("INC-1", rob, "major", "mostly bots")
    assert desk.incidents.change_severity("INC-1", rob, "critical").severity == "critical"


def test_a_silence_is_quiet_in_the_second_channel_and_ends_by_itself(tmp_path):
    from tests.triage.desk import Desk

    desk = Desk(tmp_path, alertmanager_url="http://alerts.test")
    rob = desk.somebody("rob")
    desk.burn("a1", "payment-success", "payments")
    told = len(desk.deliveries("alertmanager"))
    until_us = desk.clock.now_us() + 3 * HOUR_US
    desk.incidents.silence("INC-1", rob, until_us, "we know")
    desk.burn("a2", "payment-success", "payments", segment={"provider": "adyen"})
    assert len(desk.deliveries("alertmanager")) == told
    desk.clock.set_us(until_us - 1)
    desk.upkeep.run()
    found = desk.incidents.show("INC-1")
    assert (found.silenced_by, found.silence_reason) == (rob.person_id, "we know")
    renewed = [one.payload["alerts"][0]["labels"] for one in desk.deliveries("alertmanager")[told:]]
    assert all(one.get("provider") != "adyen" for one in renewed)
    desk.clock.set_us(until_us)
    desk.upkeep.run()
    assert desk.incidents.show("INC-1").silenced_until is None
    assert [text for _, text in desk.notices] == [
        "INC-1 still burns and its silence is over: Promise at risk: Payments succeed"
    ]
    assert words(desk)[-1] == "Notifications go out again: its time is over"
    desk.close()


@pytest.mark.parametrize("offset_us", [-1, 0, 24 * HOUR_US + 1])
def test_a_silence_without_an_end_within_a_day_is_refused(desk, rob, offset_us):
    desk.burn("a1", "payment-success", "payments")
    with pytest.raises(BadInput, match="between now and 24 hours"):
        desk.incidents.silence("INC-1", rob, desk.clock.now_us() + offset_us, "")


def test_a_silence_ends_when_the_loss_grows_by_a_step(desk, rob):
    desk.burn("a1", "payment-success", "payments")
    weigh(desk, "INC-1", orders=5)
    desk.incidents.silence("INC-1", rob, desk.clock.now_us() + HOUR_US, "")
    weigh(desk, "INC-1", orders=9)
    assert desk.incidents.show("INC-1").silenced_until
    weigh(desk, "INC-1", orders=10)
    assert desk.incidents.show("INC-1").silenced_until is None
    assert words(desk)[-1] == "Notifications go out again: the loss has grown"


def test_a_silence_is_over_with_the_incident_and_can_be_ended_early(desk, rob):
    desk.post(post(alert("f1", T)))
    desk.take()
    desk.incidents.silence("INC-1", rob, desk.clock.now_us() + HOUR_US, "")
    assert desk.incidents.end_silence("INC-1", rob).silenced_until is None
    desk.incidents.silence("INC-1", rob, desk.clock.now_us() + HOUR_US, "")
    desk.post(post(alert("f1", T, ends_us=T + 5)))
    desk.take()
    assert desk.incidents.show("INC-1").silenced_until is None
    with pytest.raises(Conflict, match="over"):
        desk.incidents.silence("INC-1", rob, desk.clock.now_us() + HOUR_US, "")


def test_what_is_no_incident_stays_closed_while_its_alerts_fire_on(desk, rob):
    body = post(alert("f1", T, service="payments"))
    desk.post(body)
    desk.take()
    found = desk.incidents.not_an_incident("INC-1", rob, "a drill")
    assert (found.state, found.resolution, found.resolution_reason) == (
        "resolved",
        "not_an_incident",
        "a drill",
    )
    desk.clock.advance_s(60)
    desk.post(body)
    desk.take()
    assert desk.incidents.show("INC-1").state == "resolved"
    assert len(desk.incidents.list()) == 1
    (fact,) = desk.published(IncidentResolved)
    assert fact["resolution"] == "not_an_incident"


def test_an_alert_that_begins_after_the_judgement_is_a_new_incident(desk, rob):
    desk.post(post(alert("f1", T, service="payments")))
    desk.take()
    desk.incidents.not_an_incident("INC-1", rob, "a drill")
    desk.post(post(alert("f1", T, ends_us=T + 5, service="payments")))
    desk.post(post(alert("f1", T + MINUTE_US, service="payments")))
    desk.take()
    assert [(one.number, one.state) for one in desk.incidents.list()] == [
        ("INC-2", "open"),
        ("INC-1", "resolved"),
    ]


def test_saying_that_it_is_none_needs_a_reason_and_works_after_the_end_too(desk, rob):
    desk.post(post(alert("f1", T)))
    desk.take()
    with pytest.raises(BadInput, match="needs a reason"):
        desk.incidents.not_an_incident("INC-1", rob, "")
    desk.post(post(alert("f1", T, ends_us=T + 5)))
    desk.take()
    ended = desk.incidents.show("INC-1")
    found = desk.incidents.not_an_incident("INC-1", rob, "a bad rule")
    assert (found.resolution, found.resolved_at) == ("not_an_incident", ended.resolved_at)


def test_taking_over_acknowledges_and_names_the_newest_holder(desk, rob):
    eve = desk.somebody("eve")
    desk.burn("a1", "payment-success", "payments")
    first = desk.incidents.take_over("INC-1", rob)
    assert (first.state, first.acknowledged_by, first.taken_by) == (
        "acknowledged",
        rob.person_id,
        rob.person_id,
    )
    second = desk.incidents.take_over("INC-1", eve)
    assert (second.acknowledged_by, second.taken_by) == (rob.person_id, eve.person_id)


def test_a_handover_goes_to_somebody_who_may_and_carries_a_note(desk, rob):
    eve = desk.somebody("eve", Role.OWNER)
    desk.somebody("vera", Role.VIEWER)
    desk.burn("a1", "payment-success", "payments")
    for nobody in ("vera", "nobody", ""):
        with pytest.raises(BadInput, match="no person"):
            desk.incidents.hand_over("INC-1", rob, nobody, "x")
    found = desk.incidents.hand_over("INC-1", rob, "eve", "the rollback runs")
    assert (found.taken_by, found.handover_note) == (eve.person_id, "the rollback runs")
    line = desk.incidents.timeline("INC-1")[-1]
    assert (line.what, line.actor, line.person) == ("Handed over", rob.person_id, eve.person_id)


def test_what_opens_again_is_new_to_everybody(desk, rob):
    desk.post(post(alert("f1", T, service="payments")))
    desk.take()
    desk.incidents.hand_over("INC-1", rob, "rob", "look at the queue")
    desk.post(post(alert("f1", T, ends_us=T + 5), alert("f2", T + 3, service="payments")))
    desk.post(post(alert("f2", T + 3, ends_us=T + 6)))
    desk.take()
    assert desk.incidents.show("INC-1").state == "resolved"
    desk.post(post(alert("f3", T + 4, service="payments")))
    desk.take()
    found = desk.incidents.show("INC-1")
    assert (found.state, found.taken_by, found.handover_note, found.acknowledged_by) == (
        "open",
        "",
        "",
        "",
    )


@pytest.mark.parametrize(
    "act",
    [
        lambda desk, who: desk.incidents.change_severity("INC-1", who, "minor", "x"),
        lambda desk, who: desk.incidents.silence("INC-1", who, desk.clock.now_us() + 5, "x"),
        lambda desk, who: desk.incidents.end_silence("INC-1", who),
        lambda desk, who: desk.incidents.not_an_incident("INC-1", who, "x"),
        lambda desk, who: desk.incidents.take_over("INC-1", who),
        lambda desk, who: desk.incidents.hand_over("INC-1", who, "rob", "x"),
        lambda desk, who: desk.incidents.split("INC-1", who, ["a:b:1"], "x"),
        lambda desk, who: desk.incidents.merge("INC-1", "INC-1", who, "x"),
    ],
)
def test_machines_and_onlookers_change_nothing(desk, rob, act):
    desk.burn("a1", "payment-success", "payments")
    before = desk.incidents.show("INC-1")
    machine = Principal("m", "m", "machine", frozenset({Role.RESPONDER}), "token")
    for who in (desk.somebody("vera", Role.VIEWER), machine):
        with pytest.raises(NotAllowed):
            act(desk, who)
    assert desk.incidents.show("INC-1") == before


def test_a_reason_is_one_line_of_at_most_500_characters(desk, rob):
    desk.burn("a1", "payment-success", "payments")
    found = desk.incidents.change_severity("INC-1", rob, "minor", " a\x1b[2J\nb ")
    assert found.severity_reason == "a [2J b"
    with pytest.raises(BadInput, match="500 characters"):
        desk.incidents.not_an_incident("INC-1", rob, "x" * 501)
