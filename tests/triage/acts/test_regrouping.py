"""Split and merge: every alert stays in exactly one incident, and what is told later follows it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from access.principal import Principal
from kernel.clock import MINUTE_US
from kernel.errors import BadInput, Conflict, NotFound, TillwatchError
from kernel.facts.triage import IncidentOpened, IncidentResolved
from tests.triage.desk import Desk, alert, post
from triage import repository
from triage.identity import MOVED, MOVED_BEFORE, Delivery, key_text, parse_key
from triage.models import AlertMemberRow, IncidentRow

T = 1_795_000_000_000_000


@pytest.fixture
def rob(desk) -> Principal:
    return desk.somebody("rob")


def where(desk):
    """(incident, fingerprint, why) of every member."""
    with desk.database.reading() as session:
        numbers = {row.id: row.number for row in session.exec(select(IncidentRow))}
        rows = session.exec(select(AlertMemberRow)).all()
    return sorted((numbers[row.incident_id], row.fingerprint, row.joined_by) for row in rows)


def key(fingerprint, starts_us=T):
    return f"alertmanager:{fingerprint}:{starts_us}"


def three(desk):
    desk.post(
        post(
            alert("f1", T, service="payments"),
            alert("f2", T + MINUTE_US, slo="checkout", service="checkout"),
            alert("f3", T + 2 * MINUTE_US, service="search"),
        )
    )
    desk.take()


def test_a_split_makes_a_new_incident_of_some_alerts(desk, rob):
    three(desk)
    new = desk.incidents.split("INC-1", rob, [key("f2", T + MINUTE_US)], "another cause")
    assert (new.number, new.state, new.split_from) == ("INC-2", "open", "INC-1")
    assert (new.slos, new.service) == (["checkout"], "checkout")
    old = desk.incidents.show("INC-1")
    assert (old.slos, old.service, old.alerts_total) == ([], "payments", 2)
    assert [one for one in where(desk) if one[2] == MOVED] == [(2, "f2", MOVED)]
    assert len(desk.published(IncidentOpened)) == 2
    assert [one.what for one in desk.incidents.timeline("INC-1")][-1] == (
        "1 alerts split off into INC-2"
    )
    assert desk.incidents.timeline("INC-2")[0].what == "Incident opened by splitting INC-1"


def test_what_is_told_later_of_a_moved_alert_goes_where_it_is_now(desk, rob):
    three(desk)
    desk.incidents.split("INC-1", rob, [key("f2", T + MINUTE_US)], "another cause")
    desk.post(post(alert("f2", T + MINUTE_US, ends_us=T + 2 * MINUTE_US)))
    desk.take()
    assert [(one.number, one.state) for one in desk.incidents.list()] == [
        ("INC-1", "open"),
        ("INC-2", "resolved"),
    ]


def test_a_moved_alert_that_fires_anew_goes_where_the_person_put_it(desk, rob):
    three(desk)
    desk.incidents.split("INC-1", rob, [key("f2", T + MINUTE_US)], "another cause")
    desk.post(post(alert("f2", T + 9 * MINUTE_US, service="checkout")))
    desk.take()
    assert (2, "f2", MOVED_BEFORE) in where(desk)


def test_a_split_of_what_is_over_elsewhere_ends_at_once(desk, rob):
    three(desk)
    desk.post(post(alert("f2", T + MINUTE_US, ends_us=T + 2 * MINUTE_US)))
    desk.take()
    assert desk.incidents.split("INC-1", rob, [key("f2", T + MINUTE_US)], "x").state == "resolved"
    assert desk.incidents.show("INC-1").state == "open"


def test_the_last_alert_stays_and_foreign_ones_cannot_go(desk, rob):
    three(desk)
    desk.post(post(alert("other", T, service="mail"), group_key="g2"))
    desk.take()
    every = [one.key for one in desk.incidents.show("INC-1").alerts]
    with pytest.raises(Conflict, match="nothing would stay"):
        desk.incidents.split("INC-1", rob, every, "x")
    for wrong in (key("other"), key("f9"), "nonsense", "a:b:" + "9" * 30, "a:b:\u00b2"):
        with pytest.raises(NotFound, match="no alert"):
            desk.incidents.split("INC-1", rob, [wrong], "x")
    with pytest.raises(BadInput, match="1 to 500"):
        desk.incidents.split("INC-1", rob, [], "x")
    with pytest.raises(BadInput, match="needs a reason"):
        desk.incidents.split("INC-1", rob, every[:1], "")


def two(desk):
    desk.post(post(alert("f1", T, service="payments"), group_key="g1"))
    desk.post(post(alert("f2", T, service="mail", slo="mail"), group_key="g2"))
    desk.take()


def test_a_merged_incident_is_over_and_points_where_it_went(desk, rob):
    two(desk)
    into = desk.incidents.merge("INC-2", "INC-1", rob, "one cause")
    assert (into.number, into.merged_from, into.alerts_total) == ("INC-1", ["INC-2"], 2)
    assert (into.slos, into.state) == (["mail"], "open")
    gone = desk.incidents.show("INC-2")
    assert (gone.state, gone.resolution, gone.merged_into, gone.resolution_reason) == (
        "resolved",
        "merged",
        "INC-1",
        "one cause",
    )
    assert gone.alerts == []
    (fact,) = desk.published(IncidentResolved)
    assert fact["resolution"] == "merged"
    assert desk.incidents.timeline("INC-1")[-1].what == "INC-2 went into it with 1 alerts"


def test_tellings_after_a_merge_follow_and_never_open_the_old_one(desk, rob):
    two(desk)
    desk.incidents.merge("INC-2", "INC-1", rob, "one cause")
    desk.post(post(alert("f2", T, service="mail", slo="mail"), group_key="g2"))
    desk.post(post(alert("f3", T + 1, service="mail"), group_key="g2"))
    desk.take()
    assert [one[:2] for one in where(desk)] == [(1, "f1"), (1, "f2"), (1, "f3")]
    assert desk.incidents.show("INC-2").state == "resolved"


def test_firing_alerts_that_go_into_an_incident_that_is_over_open_it_again(desk, rob):
    two(desk)
    desk.post(post(alert("f1", T, ends_us=T + 5), group_key="g1"))
    desk.take()
    assert desk.incidents.show("INC-1").state == "resolved"
    assert desk.incidents.merge("INC-2", "INC-1", rob, "one cause").state == "open"


def test_merges_that_make_no_sense_are_refused(desk, rob):
    two(desk)
    desk.post(post(alert("f4", T, service="search"), group_key="g4"))
    desk.take()
    with pytest.raises(BadInput, match="into itself"):
        desk.incidents.merge("INC-1", "INC-1", rob, "x")
    with pytest.raises(BadInput, match="needs a reason"):
        desk.incidents.merge("INC-1", "INC-2", rob, "")
    desk.incidents.merge("INC-2", "INC-1", rob, "x")
    with pytest.raises(Conflict, match="already went into INC-1"):
        desk.incidents.merge("INC-2", "INC-3", rob, "x")
    with pytest.raises(Conflict, match="itself went into INC-1"):
        desk.incidents.merge("INC-3", "INC-2", rob, "x")
    with pytest.raises(Conflict, match="went into another"):
        desk.incidents.not_an_incident("INC-2", rob, "x")
    desk.incidents.not_an_incident("INC-3", rob, "x")
    with pytest.raises(Conflict, match="judged not to be"):
        desk.incidents.merge("INC-1", "INC-3", rob, "x")


@given(
    st.text(st.characters(exclude_characters=":"), min_size=1),
    st.text(min_size=1),
    st.integers(0, 10**18 - 1),
)
def test_the_word_for_a_member_names_exactly_it(source, fingerprint, starts_us):
    assert parse_key(key_text((source, fingerprint, starts_us))) == (
        source,
        fingerprint,
        starts_us,
    )


# --- members are conserved ------------------------------------------------------------------

STEPS = st.one_of(
    st.tuples(st.just("tell"), st.integers(0, 5), st.booleans()),
    st.tuples(st.just("split"), st.integers(0, 5), st.integers(1, 3)),
    st.tuples(st.just("merge"), st.integers(0, 5), st.integers(0, 5)),
    st.tuples(st.just("dismiss"), st.integers(0, 5), st.booleans()),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[tuple[Desk, Principal]]:
    desk = Desk(tmp_path_factory.mktemp("regrouping"))
    yield desk, desk.somebody("rob")
    desk.close()


def tell(desk, run, which, resolved):
    starts_us = T + which * 5 * MINUTE_US
    desk.tell(
        Delivery(
            source=f"am-{run}",
            fingerprint=f"f{which}",
            starts_us=starts_us,
            resolved=resolved,
            ends_us=starts_us + MINUTE_US if resolved else None,
            group_key=f"g{which % 2}-{run}",
            service=f"s{which % 3}-{run}",
        )
    )


def act(desk, rob, mine, step):
    """One step of a person; `mine` are this run's incidents, oldest first."""
    name, first, second = step
    if not mine:
        return
    chosen = mine[first % len(mine)]
    try:
        if name == "split":
            keys = [one.key for one in desk.incidents.show(chosen).alerts][:second]
            desk.incidents.split(chosen, rob, keys, "x")
        elif name == "merge":
            desk.incidents.merge(chosen, mine[second % len(mine)], rob, "x")
        else:
            desk.incidents.not_an_incident(chosen, rob, "x")
    except TillwatchError:
        return


def incidents_of(desk, run):
    """The run's incidents with their members, by number."""
    with desk.database.reading() as session:
        rows = session.exec(
            select(AlertMemberRow).where(AlertMemberRow.source == f"am-{run}")
        ).all()
        known = session.exec(select(IncidentRow).order_by(IncidentRow.number)).all()
        named = {row.incident_id for row in rows if row.incident_id}
        numbers = {row.number for row in known if row.id in named}
        mine = [
            row for row in known if row.id in named or row.merged_into in numbers or row.split_from
        ]
        return rows, [row for row in mine if f"-{run}" in row.service]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, max_size=14))
def test_members_are_conserved_whatever_people_do(shared, steps):
    desk, rob = shared
    run = uuid.uuid4().hex
    fired: set[str] = set()
    for step in steps:
        if step[0] == "tell":
            tell(desk, run, step[1], step[2])
            fired |= set() if step[2] else {f"f{step[1]}"}
        else:
            _, mine = incidents_of(desk, run)
            act(desk, rob, [row.id for row in mine], step)
        rows, _ = incidents_of(desk, run)
        assert {row.fingerprint for row in rows if row.fired} == fired
        with desk.database.reading() as session:
            for row in rows:
                owner = repository.incident(session, row.incident_id) if row.fired else None
                assert not row.fired or (owner is not None and not owner.merged_into)
                if row.fired and not row.resolved and owner is not None:
                    dismissed = owner.resolution == "not_an_incident"
                    assert owner.state != "resolved" or dismissed
