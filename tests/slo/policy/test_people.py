"""Overrides, postmortems and recorded states: people's words, bounded and audited."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from access.principal import Role
from kernel.clock import HOUR_US, SECOND_US
from kernel.errors import BadInput, Conflict, NotAllowed, NotFound
from slo.objective import TimeSlices
from tests.slo.policy.office import Office
from tests.slo.shop_till import all_fail, payments


@pytest.fixture
def frozen(office: Office) -> Office:
    """The budget is spent."""
    office.till.play(5, fails=all_fail, evaluate=False)
    assert not office.policy.gate("payments").allowed
    return office


def test_an_owner_overrides_for_a_while_and_it_is_audited(frozen: Office) -> None:
    olga = frozen.person("olga", Role.OWNER)
    given = frozen.decisions.override(olga, "payments", "The fix for the outage itself.", 1)
    found = frozen.policy.gate("payments")
    assert (found.outcome, found.allowed, found.state) == ("pass", True, "frozen")
    assert found.override is not None
    assert found.override.id == given.id
    assert "olga overrides the policy until" in found.sentence
    [record] = frozen.records("policy.overridden")
    assert record.actor.ref == olga.person_id
    assert record.data["override_id"] == given.id
    assert [one.name for one in record.payloads] == ["reason"]
    frozen.clock.advance_s(3600)
    frozen.till.arrive([])
    assert [one.state for one in frozen.policy.overrides()] == ["expired"]
    assert frozen.policy.gate("payments").override is None


def test_an_override_is_for_its_service_alone(frozen: Office) -> None:
    olga = frozen.person("olga", Role.OWNER)
    with pytest.raises(NotFound):
        frozen.decisions.override(olga, "checkout", "Why not.", 1)
    assert frozen.policy.overrides() == []


@pytest.mark.parametrize("role", [one for one in Role if one is not Role.OWNER])
def test_nobody_but_an_owner_overrides_and_the_attempt_is_recorded(
    frozen: Office, role: Role
) -> None:
    with pytest.raises(NotAllowed):
        frozen.decisions.override(frozen.person("rob", role), "payments", "Please.", 1)
    assert not frozen.policy.gate("payments").allowed
    [record] = frozen.records("authz.denied")
    assert record.data["needed"] == ["owner"]


def test_a_machine_never_overrides_whatever_its_roles(frozen: Office) -> None:
    robot = replace(frozen.person("robot", Role.OWNER), kind="machine")
    with pytest.raises(NotAllowed, match="only people"):
        frozen.decisions.override(robot, "payments", "Automation.", 1)


@pytest.mark.parametrize(
    ("reason", "hours"), [("", 1), ("  ", 1), ("x" * 2001, 1), ("Why.", 0), ("Why.", 169)]
)
def test_an_override_needs_a_reason_and_an_end_within_seven_days(
    frozen: Office, reason: str, hours: int
) -> None:
    with pytest.raises(BadInput):
        frozen.decisions.override(frozen.person("olga", Role.OWNER), "payments", reason, hours)
    assert frozen.policy.overrides() == []


def test_an_override_can_be_taken_back_once(frozen: Office) -> None:
    olga = frozen.person("olga", Role.OWNER)
    given = frozen.decisions.override(olga, "payments", "The fix.", 168)
    with pytest.raises(NotAllowed):
        frozen.decisions.revoke(frozen.person("vera", Role.VIEWER), given.id)
    assert frozen.decisions.revoke(olga, given.id).state == "revoked"
    assert not frozen.policy.gate("payments").allowed
    with pytest.raises(Conflict):
        frozen.decisions.revoke(olga, given.id)
    with pytest.raises(NotFound):
        frozen.decisions.revoke(olga, "nothing")
    assert len(frozen.records("policy.override_revoked")) == 1


def test_of_two_overrides_the_longer_one_stays(frozen: Office) -> None:
    olga = frozen.person("olga", Role.OWNER)
    long = frozen.decisions.override(olga, "payments", "Long.", 8)
    short = frozen.decisions.override(olga, "payments", "Short.", 1)
    shown = frozen.policy.gate("payments").override
    assert shown is not None
    assert shown.id == long.id
    frozen.decisions.revoke(olga, long.id)
    shown = frozen.policy.gate("payments").override
    assert shown is not None
    assert shown.id == short.id


def test_an_incident_that_spends_too_much_needs_a_postmortem_until_it_is_written(
    office: Office,
) -> None:
    begun_us = office.clock.now_us()
    office.till.play(5, fails=all_fail, evaluate=False)
    number = office.incident(begun_us, office.clock.now_us())
    office.till.play(600, per_s=10, evaluate=False)
    [service] = office.policy.all().services
    [missing] = service.postmortems
    assert (missing.incident, missing.link, missing.threshold) == (number, "", 0.2)
    # 30 bad of 1,230 attempts up to then, at 0.5 %: 6.15 may fail.
    assert missing.share == pytest.approx(30 / 6.15)
    assert missing.share_4w == missing.share
    assert f"{number} spent 487.8 % of the budget: its postmortem is missing" in str(
        service.gate.conditions
    )
    rita = office.person("rita", Role.RESPONDER)
    office.decisions.postmortem(rita, number, "https://wiki.example/pm/1")
    [service] = office.policy.all().services
    assert service.postmortems[0].link == "https://wiki.example/pm/1"
    assert "postmortem" not in str(service.gate.conditions)
    [record] = office.records("policy.postmortem_done")
    assert record.data["number"] == 1


def test_of_a_budget_in_slices_of_time_an_incident_spends_slices(tmp_path: Path) -> None:
    minutes = TimeSlices(60_000_000, Fraction("0.9"))
    office = Office(tmp_path, [payments("0.8", slices=minutes)])
    office.till.play(600, per_s=1, evaluate=False)
    begun_us = office.clock.now_us()
    office.till.play(60, per_s=1, fails=all_fail, evaluate=False)
    office.incident(begun_us, office.clock.now_us())
    office.till.play(60, per_s=1, evaluate=False)
    # One of eleven minutes failed, and a fifth of them may: 1 / 2.2 of the budget.
    [missing] = office.policy.one("payments").postmortems
    assert missing.share == pytest.approx(1 / 2.2)
    [budget] = office.policy.gate("payments").budgets
    assert (budget.bad, budget.allowed) == (1, pytest.approx(0.2 * 12))
    office.database.close()


def test_what_an_incident_spent_stays_when_later_traffic_comes(office: Office) -> None:
    begun_us = office.clock.now_us()
    office.till.play(5, fails=all_fail, evaluate=False)
    office.incident(begun_us, office.clock.now_us())
    before = office.policy.one("payments").postmortems
    office.till.play(60, per_s=10, evaluate=False)
    assert office.policy.one("payments").postmortems == before != []


def test_an_incident_that_runs_is_weighed_up_to_now(office: Office) -> None:
    begun_us = office.clock.now_us()
    number = office.incident(begun_us, None)
    assert office.policy.one("payments").postmortems == []
    office.till.play(5, fails=all_fail, evaluate=False)
    [missing] = office.policy.one("payments").postmortems
    assert (missing.incident, missing.resolved_at) == (number, None)


def test_incidents_of_other_objectives_and_old_ones_weigh_nothing(office: Office) -> None:
    begun_us = office.clock.now_us()
    office.till.play(5, fails=all_fail, evaluate=False)
    office.incident(begun_us, office.clock.now_us(), "search-latency")
    office.incident(begun_us - 91 * 24 * HOUR_US, office.clock.now_us())
    assert office.policy.one("payments").postmortems == []


@pytest.mark.parametrize("resolution", ["not_an_incident", "merged"])
def test_what_was_no_incident_of_its_own_needs_no_postmortem(
    office: Office, resolution: str
) -> None:
    begun_us = office.clock.now_us()
    office.till.play(5, fails=all_fail, evaluate=False)
    office.incident(begun_us, office.clock.now_us(), resolution=resolution)
    assert office.policy.one("payments").postmortems == []


@pytest.mark.parametrize("link", ["", "wiki", "javascript:alert(1)", "https://a b", "ftp://x.y/z"])
def test_a_postmortem_stands_at_an_address(office: Office, link: str) -> None:
    now_us = office.clock.now_us()
    number = office.incident(now_us, now_us + SECOND_US)
    rita = office.person("rita", Role.RESPONDER)
    with pytest.raises(BadInput):
        office.decisions.postmortem(rita, number, link)
    with pytest.raises(NotFound):
        office.decisions.postmortem(rita, "INC-99", "https://wiki.example/1")
    vera = office.person("vera", Role.VIEWER)
    with pytest.raises(NotAllowed):
        office.decisions.postmortem(vera, number, "https://wiki.example/1")


def test_each_change_of_state_is_told_to_the_audit_once(office: Office) -> None:
    for _ in range(3):
        office.policy.record_states()
    [first] = office.records("policy.state")
    assert first.data["to_state"] == "ok"
    office.till.play(5, fails=all_fail, evaluate=False)
    office.policy.record_states()
    assert [one.state for one in office.states()] == ["ok"]
    for _ in range(3):
        office.policy.record_states()
    [state] = office.states()
    assert state.state == "frozen"
    said = [
        (one.data["from_state"], one.data["to_state"]) for one in office.records("policy.state")
    ]
    assert sorted(said) == [("", "ok"), ("ok", "frozen")]
    assert office.policy.one("payments").since is not None


def test_forms_and_programs_decide_over_http(frozen: Office) -> None:
    site = frozen.site()
    olga = frozen.token(frozen.person("olga", Role.OWNER))
    body = {"service": "payments", "reason": "The fix.", "hours": 2}
    made = site.post("/api/gate/overrides", json=body, headers=olga)
    assert (made.status_code, made.json()["state"]) == (200, "active")
    form = {**body, "csrf": "x"}
    sent = site.post("/api/gate/overrides", data=form, headers=olga)
    assert (sent.status_code, sent.headers["location"]) == (303, "/policy")
    listed = site.get("/api/gate/overrides", headers=olga).json()["overrides"]
    assert len(listed) == 2
    for one in listed:
        path = f"/api/gate/overrides/{one['id']}/revocation"
        assert site.post(path, headers=olga).json()["state"] == "revoked"
    assert (
        site.post("/api/gate/overrides", json={**body, "hours": "2"}, headers=olga).status_code
        == 400
    )
    vera = frozen.token(frozen.person("vera", Role.VIEWER))
    assert site.post("/api/gate/overrides", json=body, headers=vera).status_code == 403
    now_us = frozen.clock.now_us()
    number = frozen.incident(now_us - SECOND_US, now_us)
    link = {"link": "https://wiki.example/1"}
    assert site.post(f"/api/postmortems/{number}", json=link, headers=olga).json()["by"] == "olga"
