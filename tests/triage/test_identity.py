"""Which alert belongs to which incident, on real rows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from kernel.clock import MINUTE_US
from tests.triage.desk import Desk
from triage import repository
from triage.identity import (
    OPENED_IT,
    SAME_GROUP,
    SAME_OBJECTIVE,
    SAME_SERVICE,
    Candidate,
    Delivery,
    choose,
    merge,
)
from triage.models import AlertMemberRow, IncidentRow

T = 1_795_000_000_000_000


def told(fingerprint="f1", starts_us=T, *, resolved=False, ends_us=None, **more):
    return Delivery("alertmanager", fingerprint, starts_us, resolved, ends_us, **more)


def joined(desk):
    """(incident number, fingerprint, why) of every member."""
    with desk.database.reading() as session:
        numbers = {row.id: row.number for row in session.exec(select(IncidentRow))}
        rows = session.exec(select(AlertMemberRow)).all()
    return sorted((numbers.get(row.incident_id), row.fingerprint, row.joined_by) for row in rows)


def test_the_first_rule_that_finds_an_incident_decides(desk):
    desk.tell(
        told("by-service", service="payments"),
        told("by-objective", service="other", objective_id="payment-success"),
        told("by-group", service="third", group_key="g"),
    )
    desk.tell(
        told("n1", service="payments", objective_id="payment-success", group_key="g"),
        told("n2", service="payments", objective_id="payment-success"),
        told("n3", service="payments"),
    )
    assert [one for one in joined(desk) if one[1].startswith("n")] == [
        (1, "n3", SAME_SERVICE),
        (2, "n2", SAME_OBJECTIVE),
        (3, "n1", SAME_GROUP),
    ]


def test_the_oldest_incident_wins(desk):
    desk.tell(told("a", service="payments"))
    desk.tell(told("b", T + 60 * MINUTE_US, service="payments"))
    desk.tell(told("c", T + 50 * MINUTE_US, service="payments", objective_id="o"))
    assert joined(desk) == [(1, "a", OPENED_IT), (2, "b", OPENED_IT), (2, "c", SAME_SERVICE)]
    desk.tell(told("d", T + 14 * MINUTE_US, service="payments"))
    desk.tell(told("e", T + 29 * MINUTE_US, service="payments"))
    assert (1, "e", SAME_SERVICE) in joined(desk)


def test_the_same_service_an_hour_later_is_another_incident(desk):
    desk.tell(told("a", service="payments"), told("b", T + 16 * MINUTE_US, service="payments"))
    assert [one[0] for one in joined(desk)] == [1, 2]


def test_alerts_without_a_service_do_not_find_each_other(desk):
    desk.tell(told("a"), told("b"))
    assert [one[0] for one in joined(desk)] == [1, 2]


def test_an_incident_that_is_over_takes_only_what_began_before_its_end():
    over = Candidate("i", 1, "payments", frozenset("g"), frozenset(), T, T, over_us=T + 50)
    late = merge(None, told("b", T + 50, group_key="g"), 0)
    new = merge(None, told("b", T + 51, group_key="g"), 0)
    assert choose(late, [over])
    assert choose(new, [over]) is None


def test_siblings_of_one_cause_in_one_service_are_one_incident(desk):
    desk.burn("a1", "payment-success", "payments")
    desk.clock.advance_s(30)
    desk.burn("a2", "payment-success", "payments", segment={"provider": "adyen"})
    desk.burn("a3", "payment-success-adyen", "payments")
    (found,) = desk.incidents.list()
    assert found.slos == ["payment-success", "payment-success-adyen"]
    alerts = desk.incidents.show(found.id).alerts
    assert [one.joined_by for one in alerts] == [OPENED_IT, SAME_OBJECTIVE, SAME_SERVICE]


def test_another_service_that_burns_at_the_same_time_is_its_own_incident(desk):
    desk.burn("a1", "payment-success", "payments")
    desk.burn("a2", "checkout-success", "checkout")
    assert [one.slos for one in desk.incidents.list()] == [
        ["checkout-success"],
        ["payment-success"],
    ]


def test_alertmanagers_alert_for_our_objective_joins_our_incident(desk):
    desk.till.known = {"payment-success"}
    opened = desk.burn("a1", "payment-success", "payments")
    desk.tell(told("am", desk.clock.now_us(), objective_id="payment-success", service="x"))
    (found,) = desk.incidents.list()
    desk.burnt_out(opened)
    assert desk.incidents.show(found.id).state == "open"
    desk.tell(told("am", desk.clock.now_us(), resolved=True, ends_us=desk.clock.now_us() + 1))
    assert desk.incidents.show(found.id).state == "resolved"


# --- any order of arrival ends in the same state --------------------------------------------


@st.composite
def tellings(draw):
    """Up to six tellings of up to three alerts of one service that burn at the same time."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.integers(0, 2),  # which alert
                st.sampled_from(["firing", "resolved"]),
                st.integers(10, 14),  # when it ended, in minutes: all overlap
            ),
            min_size=1,
            max_size=6,
        )
    )
    order = draw(st.permutations(range(len(drawn))))
    return drawn, order


def final_state(desk, run, deliveries):
    """Members and their incidents, without what is only the order of arrival."""
    desk.tell(*deliveries)
    with desk.database.reading() as session:
        rows = session.exec(
            select(AlertMemberRow).where(AlertMemberRow.source == f"am-{run}")
        ).all()
        ids = {row.incident_id for row in rows if row.incident_id}
        states = [repository.incident(session, one) for one in ids]
    members = sorted(
        (row.fingerprint, row.fired, row.resolved, row.ends_us, bool(row.incident_id))
        for row in rows
    )
    return members, [(one.state, one.onset_us, one.over_us) for one in states if one]


@pytest.fixture(scope="module")
def shared_desk(tmp_path_factory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("orders"))
    yield made
    made.close()


def deliveries_of(run, drawn):
    return [
        Delivery(
            source=f"am-{run}",
            fingerprint=f"f{which}",
            starts_us=T + which * MINUTE_US,
            resolved=status == "resolved",
            ends_us=T + ended * MINUTE_US if status == "resolved" else None,
            group_key=f"g-{run}",
            service=f"s-{run}",
        )
        for which, status, ended in drawn
    ]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(tellings())
def test_any_order_of_arrival_ends_in_the_same_state(shared_desk, case):
    drawn, order = case
    one, other = uuid.uuid4().hex, uuid.uuid4().hex
    straight = deliveries_of(one, drawn)
    mixed = deliveries_of(other, drawn)
    first = final_state(shared_desk, one, straight)
    second = final_state(shared_desk, other, [mixed[place] for place in order])
    assert first == second
    members, incidents = first
    fired = [member for member in members if member[1]]
    assert len(incidents) == (1 if fired else 0)
    firing = any(not member[2] for member in fired)
    assert [one[0] == "resolved" for one in incidents] == [not firing for _ in incidents]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.booleans(), st.integers(0, 60), st.sampled_from(["", "g1", "g2"])
        ),
        max_size=6,
    )
)
def test_no_firing_alert_is_ever_without_an_open_incident(shared_desk, drawn):
    run = uuid.uuid4().hex
    for which, resolved, minute, group in drawn:
        shared_desk.tell(
            Delivery(
                source=f"am-{run}",
                fingerprint=f"f{which}",
                starts_us=T + which * 9 * MINUTE_US,
                resolved=resolved,
                ends_us=T + (which * 9 + minute) * MINUTE_US if resolved else None,
                group_key=group and f"{group}-{run}",
                service=f"s{which % 2}-{run}",
            )
        )
        with shared_desk.database.reading() as session:
            rows = session.exec(
                select(AlertMemberRow).where(AlertMemberRow.source == f"am-{run}")
            ).all()
            owners = {
                row.incident_id: repository.incident(session, row.incident_id) for row in rows
            }
        for incident_id, owner in owners.items():
            firing = any(
                row.fired and not row.resolved for row in rows if row.incident_id == incident_id
            )
            assert (owner is not None and owner.state != "resolved") == firing
