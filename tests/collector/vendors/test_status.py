"""What a vendor's page says, and what differs between two readings of it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.vendors.status import VendorState, changes_of
from collector.vendors.summary import MAX_COMPONENTS, MAX_INCIDENTS, summary_of
from kernel.clock import MINUTE_US, rfc3339
from kernel.errors import BadInput
from tests.collector.vendors.status_page import component, incident

NOW_US = 1_795_000_000_000_000
STATUSES = st.sampled_from(["operational", "degraded_performance", "major_outage"])


def at(minutes: int) -> str:
    return rfc3339(NOW_US + minutes * MINUTE_US)


def page(
    incidents: list[dict[str, Any]] | None = None,
    components: list[dict[str, Any]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    return {
        "page": {"id": "page-1"},
        "status": {"indicator": "none", "description": "All Systems Operational"},
        "components": components or [],
        "incidents": incidents or [],
        "scheduled_maintenances": [],
        **more,
    }


def read(*pages: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """What each of these readings tells, one minute after the other."""
    state, told = VendorState(), []
    for minute, one in enumerate(pages):
        state, changes = changes_of(state, summary_of(one, "acme"), NOW_US + minute * MINUTE_US)
        told.append(changes)
    return told


def words(told: list[list[dict[str, Any]]]) -> list[list[str]]:
    return [[one["summary"] for one in changes] for changes in told]


def test_an_open_incident_counts_though_the_page_says_all_is_well() -> None:
    document = page([incident("identified", at(0))])
    assert summary_of(document, "acme").state == "incident"
    [[told]] = read(document)
    assert told["summary"] == "acme: Database query delays: identified (API)"
    assert (told["kind"], told["service"], told["at"]) == ("vendor", "acme", at(0))
    assert (told["attributes"]["state"], told["attributes"]["page_says"]) == ("open", "none")


def test_an_incident_is_told_at_each_of_its_updates_and_at_its_end() -> None:
    first, second = incident("investigating", at(-5)), incident("monitoring", at(1))
    told = read(page([first]), page([first]), page([second]), page())
    assert [len(one) for one in told] == [1, 0, 1, 1]
    assert [one["at"] for one in (*told[0], *told[2], *told[3])] == [at(-5), at(1), at(3)]
    assert told[3][0]["summary"] == "acme: Database query delays: resolved (API)"
    assert told[3][0]["attributes"]["state"] == "over"


def test_what_is_over_and_still_listed_is_not_open() -> None:
    document = page([incident("resolved", at(-9), impact="critical")])
    assert summary_of(document, "acme").state == "operational"
    assert read(document) == [[]]
    assert words(read(page([incident("monitoring", at(-9))]), document))[1] == [
        "acme: Database query delays: resolved (API)"
    ]


def test_an_older_copy_of_the_page_changes_nothing() -> None:
    """Without the incident, as it was cached before it began."""
    old = page(page={"id": "page-1", "updated_at": at(0)})
    new = page([incident("identified", at(5))], page={"id": "page-1", "updated_at": at(5)})
    assert [len(one) for one in read(old, new, old, new)] == [0, 1, 0, 0]


def test_an_older_update_of_an_incident_changes_nothing() -> None:
    first, second = incident("identified", at(0)), incident("monitoring", at(1))
    assert [len(one) for one in read(page([second]), page([first]), page([second]))] == [1, 0, 0]


def test_a_component_is_told_when_it_breaks_and_when_it_works_again() -> None:
    works = page(components=[component("api", "API", "operational", at(0))])
    broken = page(components=[component("api", "API", "major_outage", at(1))])
    mended = page(components=[component("api", "API", "operational", at(2))])
    assert words(read(works, broken, broken, mended)) == [
        [],
        ["acme: API: operational → major outage"],
        [],
        ["acme: API: major outage → operational"],
    ]


def test_a_maintenance_counts_while_it_runs() -> None:
    planned = incident("scheduled", at(9), impact="major")
    running = incident("in_progress", at(0), impact="major")
    assert read(page(scheduled_maintenances=[planned])) == [[]]
    document = page(scheduled_maintenances=[running])
    assert summary_of(document, "acme").state == "maintenance"
    assert read(document)[0][0]["attributes"]["impact"] == "maintenance"


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["a", "b", "c"]), STATUSES),
        max_size=8,
    )
)
def test_every_reading_twice_tells_nothing_more(readings: list[dict[str, str]]) -> None:
    pages = [
        page(components=[component(name, name, one[name], at(n)) for name in sorted(one)])
        for n, one in enumerate(readings)
    ]
    once = [line for reading in words(read(*pages)) for line in reading]
    doubled = [copy.deepcopy(one) for one in pages for _ in range(2)]
    assert [line for reading in words(read(*doubled)) for line in reading] == once


@pytest.mark.parametrize(
    ("impacts", "state"),
    [
        ([], "operational"),
        (["none"], "incident"),
        (["minor", "critical"], "critical incident"),
        (["none", "major"], "major incident"),
    ],
)
def test_the_worst_incident_names_the_state(impacts: list[str], state: str) -> None:
    found = [incident("identified", at(0), impact, id=impact) for impact in impacts]
    assert summary_of(page(found), "acme").state == state


def test_a_component_that_does_not_work_names_the_state_where_no_incident_does() -> None:
    document = page(components=[component("api", "API", "partial_outage")])
    assert summary_of(document, "acme").state == "partial outage"
    unlit = page(status={"indicator": "minor"})
    assert summary_of(unlit, "acme").state == "minor"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "$.page"),
        ({}, "$.page"),
        ({"page": {}}, "$.status.indicator"),
        (page(components=5), "$.components"),
        (page(incidents=["x"]), "$.incidents"),
        (page([{"name": "x"}]), "$.incidents.id"),
        (page([incident(5, at(0))]), "$.incidents.status"),
        (page(components=[{"id": "x", "name": ""}]), "$.components.name"),
    ],
)
def test_what_is_no_status_summary_is_refused_with_the_place(document: Any, path: str) -> None:
    with pytest.raises(BadInput) as caught:
        summary_of(document, "acme")
    assert caught.value.path == path


def test_what_a_page_says_is_bounded() -> None:
    flood = page(
        [incident("identified", at(0), id=f"i{n}", name="x" * 10_000) for n in range(200)],
        [component(f"c{n}", "y" * 10_000, "major_outage") for n in range(2_000)],
    )
    found = summary_of(flood, "acme")
    assert (len(found.incidents), len(found.components)) == (MAX_INCIDENTS, MAX_COMPONENTS)
    [told] = read(flood)
    assert len(told) == MAX_INCIDENTS + MAX_COMPONENTS
    assert max(len(one["summary"]) for one in told) <= 500


def test_a_link_of_the_page_is_a_web_address_or_none() -> None:
    hostile = incident("identified", at(0), shortlink="javascript:alert(1)")
    assert read(page([hostile]))[0][0]["url"] == ""


@pytest.mark.parametrize("when", ["", "yesterday", None, 5, "2026-11-18T11:06:40Z" * 9])
def test_without_a_time_that_can_be_read_the_time_of_the_reading_counts(when: Any) -> None:
    [[told]] = read(page([incident("identified", when)]))
    assert told["at"] == at(0)
