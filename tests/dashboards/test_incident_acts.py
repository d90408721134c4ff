"""What people said about an incident stands on its page and in the list; so does what they may."""

from __future__ import annotations

import pytest

from access.principal import Role
from tests.dashboards import samples
from tests.dashboards.test_pages import words
from triage.schemas import AlertOut

ACTS = ("hand-over", "severity", "silence", "merge", "not-an-incident", "take-over")


@pytest.fixture
def reader(house):
    house.enter(Role.RESPONDER)
    house.names = {"p1": "Ada", "p2": "Bob"}
    house.responders = [("p1", "Ada"), ("p2", "Bob")]
    return house


def alerts(count):
    return [
        AlertOut(
            key=f"alertmanager:f{number}:1",
            source="alertmanager",
            fingerprint=f"f{number}",
            status="firing",
            starts_at=samples.AT,
            ends_at=None,
            joined_by="same group key",
            title=f"alert number {number}",
            labels={},
            link="",
        )
        for number in range(count)
    ]


def shown(reader, state="open", **said):
    reader.incidents = [samples.incident(state, **said)]
    return reader.page("/incidents/INC-1"), reader.page("/incidents")


def test_a_silence_stands_on_the_page_and_in_the_list(reader):
    page, listed = shown(
        reader, silenced_until=samples.LATER, silenced_by="p1", silence_reason="we know"
    )
    assert "by Ada: we know. Nobody is notified; counting goes on" in words(page)
    assert "silenced until" in words(listed)
    assert "/unsilence" in page


def test_a_severity_of_a_person_says_whose_and_why(reader):
    page, _ = shown(reader, severity_by="p2", severity_reason="bots")
    assert "Bob set the severity: bots. It stands until the loss grows by a step." in words(page)


def test_a_merged_incident_points_where_it_went_and_offers_nothing_more(reader):
    page, listed = shown(
        reader,
        "resolved",
        resolution="merged",
        merged_into="INC-7",
        resolution_reason="one cause",
    )
    for html in (page, listed):
        assert 'href="/incidents/INC-7"' in html
        assert "Merged" in words(html)
    assert not any(f"/{act}" in page for act in ACTS)


def test_the_incident_that_took_others_in_names_them(reader):
    page, _ = shown(reader, merged_from=["INC-2", "INC-3"], split_from="INC-9")
    assert "Split from INC-9 . Took in INC-2 , INC-3 ." in words(page)


def test_what_was_judged_to_be_none_says_why_instead_of_resolved(reader):
    page, listed = shown(
        reader, "resolved", resolution="not_an_incident", resolution_reason="a drill"
    )
    assert "Judged not to be an incident: a drill" in words(page)
    assert "Not an incident" in words(listed)
    assert "Resolved" not in words(listed)


def test_alerts_that_their_sender_left_out_are_told(reader):
    page, listed = shown(reader, left_out=12)
    assert "12 more alerts were left out by the sender" in words(page)
    assert "12 alerts that its sender left out" in words(listed)


def test_who_may_act_is_offered_all_of_it_and_onlookers_nothing(house, reader):
    page, _ = shown(reader, alerts=alerts(2))
    for act in ACTS:
        assert f'action="/api/incidents/{samples.INCIDENT_ID}/{act}"' in page
    assert 'name="member.1" value="alertmanager:f1:1"' in page
    house.enter(Role.VIEWER)
    page, _ = shown(house, alerts=alerts(2))
    assert not any(f"/{act}" in page for act in (*ACTS, "split"))


def test_a_storm_of_alerts_is_counted_and_not_all_listed(reader):
    page, _ = shown(reader, alerts=alerts(120), alerts_total=10_000)
    text = words(page)
    assert "alert number 99" in text
    assert "alert number 100" not in text
    assert "And 9,900 more" in text


def test_the_timeline_names_who_got_it(reader):
    reader.timeline = [
        samples.timeline("x")[0].model_copy(
            update={"what": "Handed over", "actor_kind": "human", "actor": "p1", "person": "p2"}
        )
    ]
    page, _ = shown(reader)
    assert "Handed over to Bob (Ada)" in words(page)
