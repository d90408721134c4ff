"""Reading a vendor's page: when, how much of it, and what is said where it cannot be read."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from collector.vendors.page_watch import MAX_ANSWER_BYTES, PageWatch, check
from kernel.clock import rfc3339
from kernel.errors import NotConfigured
from kernel.journal import JournalReader, Stream
from tests.collector.vendors.status_page import PATH, StatusPage, component, incident
from tests.collector.world import World

POLL_S = 300.0


@pytest.fixture
def page() -> Iterator[StatusPage]:
    with StatusPage() as made:
        yield made


def watching(world: World, url: str) -> PageWatch:
    return PageWatch(
        {"acme": url}, world.derived, world.memory, world.redactor, world.clock, poll_s=POLL_S
    )


@pytest.fixture
def watch(world: World, page: StatusPage) -> PageWatch:
    return watching(world, page.url)


def answer(world: World) -> dict[str, Any]:
    world.project()
    found: dict[str, Any] = world.client("viewer-token").get("/api/changes").json()
    return found


def watched(world: World) -> dict[str, Any]:
    [found] = answer(world)["watched"]
    return dict(found)


def again(world: World, watch: PageWatch, after_s: float) -> None:
    world.clock.advance_s(after_s)
    watch.look()


def test_what_the_page_says_is_shown_and_so_is_the_page(
    world: World, page: StatusPage, watch: PageWatch
) -> None:
    page.incidents = [incident("identified", rfc3339(world.clock.now_us()), "major")]
    watch.look()
    assert [path for path, _ in page.asked] == [PATH]
    said = watched(world)
    assert (said["name"], said["state"]) == ("statuspage/acme", "major incident")
    assert (said["place"], said["problem"]) == (page.url + PATH, "")
    [found] = answer(world)["changes"]
    assert (found["kind"], found["source"]) == ("vendor", "statuspage/acme")
    assert found["attributes"]["incident"] == "inc-1"


def test_the_page_is_asked_for_uncompressed(page: StatusPage, watch: PageWatch) -> None:
    watch.look()
    [(_, headers)] = page.asked
    assert headers["accept-encoding"] == "identity"


def test_a_page_is_read_by_its_schedule_and_soon_after_a_hint(
    world: World, page: StatusPage, watch: PageWatch
) -> None:
    watch.look()
    again(world, watch, POLL_S - 1)
    assert len(page.asked) == 1
    again(world, watch, 1)
    assert len(page.asked) == 2
    world.clock.advance_s(30)
    watch.hint("acme")
    watch.look()
    assert len(page.asked) == 3


def test_a_flood_of_hints_is_one_reading_in_ten_seconds(
    world: World, page: StatusPage, watch: PageWatch
) -> None:
    watch.look()
    for _ in range(95):
        world.clock.advance_s(1)
        for _ in range(20):
            watch.hint("acme")
        watch.look()
    assert len(page.asked) == 1 + 9


def test_a_hint_of_a_vendor_without_a_page_asks_nobody(page: StatusPage, watch: PageWatch) -> None:
    watch.look()
    watch.hint("someone-else")
    watch.look()
    assert len(page.asked) == 1


def test_a_page_that_stays_as_it_is_is_written_once(
    world: World, page: StatusPage, watch: PageWatch
) -> None:
    for minute in range(4):
        page.updated_at = rfc3339(world.clock.now_us() + minute)
        again(world, watch, POLL_S)
    assert len(page.asked) == 4
    reader = JournalReader(world.derived_path)
    assert len(reader.read([Stream.RAW], 0)) == 1
    reader.close()


def test_an_incident_that_was_told_is_not_told_again_after_a_restart(
    world: World, page: StatusPage, watch: PageWatch
) -> None:
    page.incidents = [incident("identified", rfc3339(world.clock.now_us()))]
    watch.look()
    assert len(answer(world)["changes"]) == 1
    world.memory.close()
    world.restart()
    watching(world, page.url).look()
    assert len(answer(world)["changes"]) == 1
    page.incidents = []
    again(world, watching(world, page.url), 60)
    assert [one["attributes"]["state"] for one in answer(world)["changes"]] == ["over", "open"]


FAILURES = {
    "status": ((500, {}, b"oops"), "the page answers 500"),
    "redirect": ((302, {"Location": "/elsewhere"}, b""), "the page answers 302"),
    "garbage": ((200, {}, b"\x1f\x8b\x08\x00garbage"), "not UTF-8"),
    "html": ((200, {}, b"<html></html>"), "not JSON"),
    "no summary": ((200, {}, b"[1, 2]"), "a status summary is an object with a page"),
    "deep": ((200, {}, b"[" * 100_000), "nested deeper"),
    "huge": ((200, {}, b" " * (3 * 1024**2)), f"larger than {MAX_ANSWER_BYTES} bytes"),
}


@pytest.mark.parametrize("name", sorted(FAILURES))
def test_a_page_that_fails_is_said_keeps_what_was_known_and_is_asked_again(
    world: World, page: StatusPage, watch: PageWatch, name: str
) -> None:
    page.incidents = [incident("identified", rfc3339(world.clock.now_us()), "minor")]
    watch.look()
    before = watched(world)
    page.instead, said = FAILURES[name]
    again(world, watch, POLL_S)
    after = watched(world)
    assert said in after["problem"]
    assert (after["state"], after["read_at"]) == (before["state"], before["read_at"])
    assert after["tried_at"] != before["tried_at"]
    assert len(answer(world)["changes"]) == 1
    assert {path for path, _ in page.asked} == {PATH}
    page.instead = None
    again(world, watch, 60)
    mended = watched(world)
    assert (mended["problem"], mended["state"]) == ("", "minor incident")


def test_a_vendor_that_is_down_is_said(world: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        watch = watching(world, f"http://127.0.0.1:{taken.getsockname()[1]}")
        watch.look()
    said = watched(world)
    assert said["problem"].startswith("no connection")
    assert (said["state"], said["read_at"]) == ("", None)


def test_one_page_that_fails_keeps_no_other_from_being_read(world: World, page: StatusPage) -> None:
    with StatusPage() as broken:
        broken.instead = (200, {}, b"{")
        pages = {"a-broken": broken.url, "b-good": page.url}
        PageWatch(
            pages, world.derived, world.memory, world.redactor, world.clock, poll_s=POLL_S
        ).look()
    problems = {one["name"]: bool(one["problem"]) for one in answer(world)["watched"]}
    assert problems == {"statuspage/a-broken": True, "statuspage/b-good": False}


def test_a_public_name_that_leads_inside_is_not_called(
    world: World, page: StatusPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: inside)
    watching(world, "https://status.example").look()
    assert "inner address" in watched(world)["problem"]
    assert page.asked == []


def test_texts_of_a_page_are_redacted_before_they_are_stored(
    world: World, page: StatusPage, watch: PageWatch
) -> None:
    page.components = [component("api", "Ask ada.lovelace@example.com", "major_outage")]
    watch.look()
    assert len(answer(world)["changes"]) == 1
    assert b"ada.lovelace@example.com" not in world.journal_bytes()


@pytest.mark.parametrize(
    "address",
    [
        "http://status.example",
        "ftp://status.example",
        "status.example",
        "https://",
        "https://user:secret@status.example",
        "https://status.example/?page=1",
        "https://status.example/#now",
    ],
)
def test_an_address_that_is_not_read_stops_the_start(address: str) -> None:
    with pytest.raises(NotConfigured, match="TILLWATCH_STATUS_PAGES"):
        check("acme", address)


@pytest.mark.parametrize(
    "address", ["https://status.example", "http://localhost:9", "http://127.0.0.1:9/acme"]
)
def test_an_https_address_and_this_machine_are_read(address: str) -> None:
    check("acme", address)
