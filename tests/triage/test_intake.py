"""From the journal to incidents: nothing is lost, nothing is taken twice."""

from __future__ import annotations

import json

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from kernel.clock import HOUR_US, MINUTE_US
from kernel.facts.triage import IncidentChanged, IncidentOpened, IncidentResolved
from tests.triage.desk import alert, post
from triage import repository
from triage.intake import CONSUMER, MAX_TRIES, AlertIntake
from triage.models import AlertCursorRow

T = 1_795_000_000_000_000


def take_despite(desk, rounds=20):
    """Step as a part that is called again after every failure."""
    failures = 0
    for _ in range(rounds):
        try:
            if not desk.intake.step():
                return failures
        except RuntimeError:
            failures += 1
    return failures


def test_a_firing_alert_opens_and_its_end_resolves(desk):
    desk.post(post(alert("f1", T, service="payments", slo="payment-success")))
    desk.take()
    (line,) = desk.incidents.list()
    assert (line.number, line.state, line.severity) == ("INC-1", "open", "major")
    assert line.title == "payments burn"
    desk.post(post(alert("f1", T, ends_us=T + MINUTE_US, service="payments")))
    desk.take()
    found = desk.incidents.show("INC-1")
    assert found.state == "resolved"
    assert found.alerts[0].status == "resolved"
    assert len(desk.published(IncidentOpened)) == 1
    assert len(desk.published(IncidentResolved)) == 1


def test_five_alerts_with_a_broken_third_leave_four_members_and_one_set_aside(desk):
    alerts = [alert(f"f{n}", T) for n in range(5)]
    alerts[2]["fingerprint"] = None
    desk.post(post(*alerts))
    desk.take()
    assert len(desk.incidents.show("INC-1").alerts) == 4
    (aside,) = desk.incidents.alert_health().quarantined
    assert (aside.item, aside.reason) == (
        2,
        "$.fingerprint: there is no fingerprint of 1 to 128 characters",
    )


def test_a_post_that_is_no_json_is_set_aside_whole(desk):
    desk.post(b"<html>")
    desk.post(post(alert("f1", T)))
    desk.take()
    assert [one.item for one in desk.incidents.alert_health().quarantined] == [-1]
    assert len(desk.incidents.list()) == 1


def test_two_alertmanagers_telling_the_same_make_one_member(desk):
    body = post(alert("f1", T))
    for _ in range(3):
        desk.post(body)
    desk.take()
    assert len(desk.incidents.show("INC-1").alerts) == 1
    assert desk.published(IncidentChanged) == []


def test_a_mixed_group_keeps_the_incident_open(desk):
    desk.post(post(alert("f1", T), alert("f2", T)))
    desk.post(post(alert("f1", T, ends_us=T + 5), alert("f2", T)))
    desk.take()
    assert desk.incidents.show("INC-1").state == "open"


def test_an_end_without_a_beginning_opens_nothing(desk):
    desk.post(post(alert("f1", T, ends_us=T + 5)))
    desk.take()
    assert desk.incidents.list() == []


def test_a_beginning_told_after_the_end_is_opened_and_over(desk):
    desk.post(post(alert("f1", T, ends_us=T + 5)))
    desk.post(post(alert("f1", T)))
    desk.take()
    assert [one.state for one in desk.incidents.list()] == ["resolved"]


def test_our_own_alerts_coming_back_are_never_members(desk):
    desk.burn("a1", "payment-success", "payments")
    desk.post(post(alert("echo", T, service="payments", tillwatch_alert_id="a1")))
    desk.take()
    assert [one.source for one in desk.incidents.show("INC-1").alerts] == ["tillwatch"]
    assert desk.incidents.alert_health().echoes == 1


def test_an_incident_stays_open_while_its_objective_burns(desk):
    desk.till.known = desk.till.burns = {"payment-success"}
    desk.post(post(alert("f1", T, slo="payment-success")))
    desk.post(post(alert("f1", T, ends_us=T + 5, slo="payment-success")))
    desk.take()
    assert desk.incidents.show("INC-1").state == "open"
    desk.upkeep.run()
    assert desk.incidents.show("INC-1").state == "open"
    desk.till.burns = set()
    desk.upkeep.run()
    assert desk.incidents.show("INC-1").state == "resolved"


def test_a_tier_that_does_not_page_joins_but_opens_nothing(desk):
    quiet = desk.burn("a1", "payment-success", "payments", page=False, tier="3d")
    assert desk.incidents.list() == []
    desk.burn("a2", "payment-success", "payments")
    desk.burn("a3", "payment-success", "payments", page=False, tier="1d")
    assert [one.fingerprint for one in desk.incidents.show("INC-1").alerts] == ["a2", "a3"]
    desk.burnt_out(quiet)
    assert desk.errors == []


def test_hours_of_silence_make_it_stale_and_a_person_closes(desk):
    desk.post(post(alert("f1", T)))
    desk.take()
    desk.clock.advance_s(8 * 3600 - 1)
    desk.upkeep.run()
    assert not desk.incidents.show("INC-1").stale
    desk.clock.advance_s(1)
    desk.upkeep.run()
    assert desk.incidents.show("INC-1").stale
    desk.post(post(alert("f1", T)))
    desk.take()
    assert not desk.incidents.show("INC-1").stale


def test_our_own_burn_needs_no_refresh(desk):
    desk.burn("a1", "payment-success", "payments")
    desk.clock.advance_s(48 * HOUR_US // 1_000_000)
    desk.upkeep.run()
    assert not desk.incidents.show("INC-1").stale


class FullDisk:
    """An admission that cannot write for a while."""

    def __init__(self, admission, failures):
        self.admission = admission
        self.failures = failures

    def tell(self, session, *told):
        if self.failures:
            self.failures -= 1
            raise OperationalError("INSERT", {}, Exception("database or disk is full"))
        return self.admission.tell(session, *told)

    def left_out(self, *told):
        self.admission.left_out(*told)


def test_a_full_disk_sets_no_alert_aside(desk):
    desk.post(post(alert("f1", T, service="a")))
    full = FullDisk(desk.admission, failures=3 * MAX_TRIES)
    desk.intake = AlertIntake(desk.database, desk.reader, full, desk.clock)
    for _ in range(3 * MAX_TRIES):
        with pytest.raises(OperationalError):
            desk.intake.step()
    desk.take()
    assert desk.incidents.alert_health().quarantined == []
    assert len(desk.incidents.list()) == 1


def test_a_poisonous_alert_is_set_aside_after_five_tries_and_the_rest_goes_on(desk):
    desk.post(post(alert("f1", T, slo="poison", service="a")))
    desk.take()
    desk.till.fails_for = {"poison"}
    # Its end makes us ask whether the objective still burns, and that fails each time.
    over = alert("f1", T, ends_us=T + 5, slo="poison", service="a")
    desk.post(post(over, alert("f2", T, service="b"), group_key="other"))
    desk.post(post(alert("f3", T, service="c"), group_key="third"))
    failures = take_despite(desk)
    assert failures == MAX_TRIES
    (aside,) = desk.incidents.alert_health().quarantined
    assert aside.item == 0
    assert "failed 5 times" in aside.reason
    with desk.database.reading() as session:
        cursor = session.exec(
            select(AlertCursorRow).where(AlertCursorRow.consumer == CONSUMER)
        ).one()
    assert (cursor.position, cursor.item, cursor.tries) == (desk.reader.head().position, 0, 0)
    fingerprints = {
        one.fingerprint
        for line in desk.incidents.list()
        for one in desk.incidents.show(line.id).alerts
    }
    assert fingerprints == {"f1", "f2", "f3"}


def test_a_failure_that_passes_loses_nothing(desk):
    desk.post(post(alert("f1", T, slo="poison")))
    desk.till.fails_for = {"poison"}
    desk.post(post(alert("f1", T, ends_us=T + 5, slo="poison")))
    with pytest.raises(RuntimeError):
        desk.take()
    desk.till.fails_for = set()
    desk.take()
    assert desk.incidents.show("INC-1").state == "resolved"
    assert desk.incidents.alert_health().quarantined == []


def test_what_happened_stands_in_the_audit(desk):
    desk.post(post(alert("f1", T)))
    desk.post(post(alert("f2", T)))
    desk.take()
    kinds = [one.type for one in desk.incidents.timeline("INC-1")]
    assert kinds == ["incident.opened", "incident.joined"]
    assert desk.incidents.timeline("INC-1")[1].what == (
        "An alert joined (alertmanager: same group key)"
    )


def test_alerts_that_join_together_are_one_line_of_the_timeline(desk):
    desk.post(post(*[alert(f"f{n}", T + n) for n in range(41)]))
    desk.take()
    assert [one.what for one in desk.incidents.timeline("INC-1")] == [
        "Incident opened",
        "40 alerts joined (alertmanager: same group key)",
    ]


def test_a_post_of_hundreds_of_alerts_is_one_incident_and_a_failure_repeats_none(desk):
    alerts = [alert(f"f{n}", T + n) for n in range(250)]
    desk.post(post(*alerts))
    desk.post(post(alert("last", T)))
    desk.take()
    assert desk.incidents.show("INC-1").alerts_total == 251


def test_ends_without_a_beginning_are_forgotten_after_a_month(desk):
    desk.post(post(alert("f1", T, ends_us=T + 5)))
    desk.take()
    for days, known in ((29, True), (2, False)):
        desk.clock.advance_s(days * 86_400)
        desk.upkeep.run()
        with desk.database.reading() as session:
            assert (repository.member(session, ("alertmanager", "f1", T)) is not None) == known


def test_an_objective_with_an_endless_name_opens_its_incident_all_the_same(desk):
    desk.post(post(alert("f1", T, objective="o" * 1_900)))
    desk.take()
    assert len(desk.incidents.list()) == 1
    assert desk.incidents.alert_health().quarantined == []


def test_a_storm_of_names_does_not_let_one_incident_grow_without_end(desk):
    for number in range(60):
        label = {"objective": f"{number}-" + "o" * 190, "service": "payments"}
        desk.post(post(alert(f"f{number}", T, **label), group_key=f"group {number}"))
    desk.take()
    (line,) = desk.incidents.list()
    shown = desk.incidents.show(line.id)
    assert len(shown.slos) == 50
    assert shown.alerts_total == 60


@pytest.mark.parametrize("told", [10**19, 2**63 - 1, -5, True, "7", None])
def test_an_absurd_count_of_left_out_alerts_holds_up_no_page(desk, told):
    for number in range(2):
        body = json.loads(post(alert(f"f{number}", T)))
        desk.post(json.dumps(body | {"truncatedAlerts": told}).encode())
    desk.take()
    assert desk.incidents.show("INC-1").alerts_total == 2
    assert desk.incidents.alert_health().truncated <= 2_000_000
