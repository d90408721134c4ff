"""Statuspage's webhooks are hints: they have the page read, and nothing of them counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sources.port import Delivery
from collector.sources.statuspage import StatuspageKind
from collector.vendors.page_watch import PageWatch
from kernel.errors import BadInput, NotAuthenticated
from tests.collector.sources.signing import NOW_US
from tests.collector.vendors.status_page import StatusPage, component
from tests.collector.world import World
from tests.shared_data import shared

TOKEN = "0123456789abcdef01234567"
NEXT = "fedcba987654321001234567"
VECTORS = ("incident_created", "component_status_update")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, webhook_secrets=json.dumps({"statuspage/acme": [NEXT, TOKEN]}))
    yield made
    made.close()


def vector(name: str) -> bytes:
    return shared(f"vectors/statuspage/{name}.json").read_bytes()


def post(world: World, body: bytes, token: str | None = TOKEN) -> Any:
    query = "" if token is None else f"?token={token}"
    return world.client("").post(f"/webhooks/statuspage/acme{query}", content=body)


def changes(world: World) -> list[dict[str, Any]]:
    world.project()
    found: list[dict[str, Any]] = (
        world.client("viewer-token").get("/api/changes?since=400d").json()["changes"]
    )
    return found


@pytest.mark.parametrize("token", [TOKEN, NEXT])
@pytest.mark.parametrize("name", VECTORS)
def test_a_hint_with_a_token_is_taken_and_names_the_vendor(
    world: World, name: str, token: str
) -> None:
    answer = post(world, vector(name), token)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1), answer.text
    assert changes(world) == []
    assert world.hints == ["acme"]


@pytest.mark.parametrize("token", [None, "", "0123456789abcdef01234568", TOKEN + "0", "%C3%A9"])
def test_a_hint_without_the_token_is_401_and_hints_at_nothing(
    world: World, token: str | None
) -> None:
    answer = post(world, vector("incident_created"), token)
    assert answer.status_code == 401
    assert "token" in answer.json()["hint"]
    assert changes(world) == []
    assert world.hints == []


@pytest.mark.parametrize("name", VECTORS)
def test_the_same_hint_again_is_a_duplicate_and_reads_nothing(world: World, name: str) -> None:
    post(world, vector(name))
    again = post(world, vector(name)).json()
    assert (again["accepted"], again["duplicates"]) == (0, 1)
    changes(world)
    assert world.hints == ["acme"]


def test_an_update_of_the_incident_is_another_hint(world: World) -> None:
    document = json.loads(vector("incident_created"))
    document["incident"]["updated_at"] = "2017-12-26T08:00:00.000Z"
    post(world, vector("incident_created"))
    assert post(world, json.dumps(document).encode()).json()["accepted"] == 1
    changes(world)
    assert world.hints == ["acme", "acme"]


@pytest.mark.parametrize("name", VECTORS)
def test_nothing_that_a_hint_says_is_kept(world: World, name: str) -> None:
    post(world, vector(name))
    changes(world)
    kept = world.journal_bytes()
    assert b"z3lct0r596n4" in kept or b"sqm6pl84wzjc" in kept  # what makes a repeat known
    for said in (b"Database", b"timing out", b"under_maintenance", b"unsubscribe", TOKEN.encode()):
        assert said not in kept


def test_a_right_hint_has_the_page_read_and_only_the_page_counts(world: World) -> None:
    """The hint tells of an incident; the page knows of none, but of a broken component."""
    with StatusPage() as page:
        watch = PageWatch(
            {"acme": page.url},
            world.derived,
            world.memory,
            world.redactor,
            world.clock,
            poll_s=3_600,
        )
        watch.look()
        page.components = [component("api", "Payments API", "partial_outage")]
        world.clock.advance_s(60)
        watch.look()
        assert len(page.asked) == 1
        post(world, vector("incident_created"))
        assert changes(world) == []
        for vendor in world.hints:
            watch.hint(vendor)
        watch.look()
        assert len(page.asked) == 2
    [found] = changes(world)
    assert found["summary"] == "acme: Payments API: operational → partial outage"


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"incident": {}},
        {"incident": {"id": "x"}},
        {"incident": {"id": "x", "updated_at": "noon"}},
        {"component_update": {"created_at": "2017-12-26T07:59:09.379Z"}},
        {"component_update": 5},
    ],
)
def test_a_hint_that_names_nothing_is_refused(world: World, document: Any) -> None:
    assert post(world, json.dumps(document).encode()).status_code == 400
    changes(world)
    assert world.hints == []


@given(token=st.text(max_size=40).filter(lambda text: text != TOKEN))
def test_no_other_token_fits(token: str) -> None:
    kind = StatuspageKind()
    with pytest.raises(NotAuthenticated):
        kind.verify(Delivery(b"{}", {}, NOW_US, token), [kind.secret(TOKEN)])


def test_a_token_that_could_be_guessed_is_no_secret() -> None:
    with pytest.raises(BadInput, match="at least 24"):
        StatuspageKind().secret("status")
