"""`/api/deadletters` and `tillwatch deadletter`: who may, what is refused, what people see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import collector.events.item
from collector.deadletters import DeadLetterService
from collector.deadletters.cli import build_deadletter_cli
from kernel.errors import BadInput
from tests.collector.otlp_server import running
from tests.collector.world import World

UNKNOWN = "payment.captured"
BATCH = "/api/deadletters/replay"


def refuse(world: World, *events: Any) -> list[str]:
    answer = world.client().post("/api/events", json=list(events)).json()
    return [f"{answer['receipt']}:{one['index']}" for one in answer["rejected"]]


@pytest.fixture
def mended(monkeypatch: pytest.MonkeyPatch) -> None:
    types = collector.events.item._TAKEN | {UNKNOWN}
    monkeypatch.setattr(collector.events.item, "_TAKEN", types)


@pytest.fixture
def letter(world: World) -> str:
    """A letter that waits; refused before any rule is mended."""
    return refuse(world, {"type": UNKNOWN, "payment_id": "p1", "id": "e1"})[0]


# --- HTTP ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["responder-token", "admin-token"])
def test_responders_and_admins_replay(world: World, letter: str, mended: None, token: str) -> None:
    client = world.client(token)
    now = world.client("viewer-token").get(f"/api/deadletters/{letter}").json()["now"]
    assert now["outcome"] == "stored"
    report = client.post(f"/api/deadletters/{letter}/replay", json={}).json()
    assert report["counts"] == {"stored": 1}
    assert report["results"][0]["receipt"]


@pytest.mark.parametrize("token", ["viewer-token", "shop-token"])
def test_others_do_not(world: World, letter: str, mended: None, token: str) -> None:
    client = world.client(token)
    for path, body in ((BATCH, {"all": True}), (f"/api/deadletters/{letter}/replay", {})):
        assert client.post(path, json=body).status_code == 403
    assert world.letters.show(letter)["state"] == "waiting"


def test_the_list_is_filtered_and_says_what_had_to_go(world: World, letter: str) -> None:
    refuse(world, {"type": "payment.failed", "amount_minor": "x", "source": "till"})
    client = world.client("viewer-token")
    ask = client.get
    found = ask("/api/deadletters").json()
    assert [one["rule"] for one in found["deadletters"]] == [
        "event.amount_minor",
        "event.type.unknown",
    ]
    assert found["totals"]["gone"] == 0
    assert len(ask("/api/deadletters?source=till").json()["deadletters"]) == 1
    assert len(ask("/api/deadletters?rule=event.type.unknown").json()["deadletters"]) == 1
    assert ask("/api/deadletters?rule=x").json()["deadletters"] == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$.ids"),
        ({"ids": ["a:1"], "all": True}, "$.ids"),
        ({"ids": ["a:1"], "rule": "x"}, "$.rule"),
        ({"all": True, "cursor": "item:"}, "$.cursor"),
        ({"all": True, "limit": 0}, "$.limit"),
        ({"all": True, "limit": 201}, "$.limit"),
        ({"all": "yes"}, "$.all"),
        ({"ids": ["x"] * 201}, "$.ids"),
        ({"all": True, "set": []}, "$.set"),
        ({"all": True, "more": 1}, "$.more"),
        ([], "$"),
    ],
)
def test_a_wish_that_says_nothing_clear_is_refused_with_its_place(
    world: World, body: Any, path: str
) -> None:
    answer = world.client("admin-token").post(BATCH, json=body)
    assert (answer.status_code, answer.json()["path"]) == (400, path)


def test_a_letter_that_is_not_there_is_404_alone_and_a_result_in_a_batch(world: World) -> None:
    client = world.client("admin-token")
    assert client.post("/api/deadletters/none:1/replay", json={}).status_code == 404
    report = client.post(BATCH, json={"ids": ["none:1", "record:77"]}).json()
    assert report["counts"] == {"impossible": 2}


def test_forms_come_back_to_the_page(world: World, letter: str, mended: None) -> None:
    client = world.client("admin-token")
    client.follow_redirects = False
    other = refuse(world, {"type": "payment.failed", "amount_minor": 5})[0]
    form = {"patch": '{"currency": "EUR"}', "csrf": "x"}
    answer = client.post(f"/api/deadletters/{other}/replay", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/deadletters/{other.replace(':', '%3A')}"
    assert world.letters.show(other)["state"] == "replayed"
    form = {"rule": "event.type.unknown", "source": "", "csrf": "x"}
    answer = client.post(BATCH, data=form)
    assert answer.headers["location"] == "/deadletters?rule=event.type.unknown&stored=1"


@pytest.mark.parametrize("patch", ["{", "[]", "x" * 5_000])
def test_a_fix_that_is_no_patch_is_refused(world: World, letter: str, patch: str) -> None:
    answer = world.client("admin-token").post(
        f"/api/deadletters/{letter}/replay", data={"patch": patch}
    )
    assert answer.status_code == 400
    assert world.letters.show(letter)["tries"] == 0


# --- commands ------------------------------------------------------------------------------------


class Commands:
    """`tillwatch deadletter ...` on a running service and its stores."""

    def __init__(self, world: World, url: str) -> None:
        self._url = url

        @contextmanager
        def opener(_: Path | None) -> Iterator[DeadLetterService]:
            yield world.letters

        self._cli = build_deadletter_cli(opener)

    def read(self, *words: str) -> Result:
        return CliRunner().invoke(self._cli, [*words])

    def replay(self, *words: str) -> Result:
        return CliRunner().invoke(self._cli, ["replay", *words, "--url", self._url])


@pytest.fixture
def commands(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    monkeypatch.setenv("TILLWATCH_TOKEN", "admin-token")
    with running(world.app()) as url:
        yield Commands(world, url)


def test_a_letter_is_shown_with_its_item_and_no_terminal_escape(
    world: World, commands: Commands
) -> None:
    (name,) = refuse(world, {"type": "x", "note": "\u001b[31mred"})
    shown = commands.read("show", name)
    assert "rule: event.type.unknown" in shown.stdout
    assert '"type": "x"' in shown.stdout
    assert "\x1b" not in shown.stdout
    assert json.loads(commands.read("show", name, "--json").stdout)["item"]["type"] == "x"


def test_one_letter_is_mended_and_replayed(world: World, commands: Commands) -> None:
    (name,) = refuse(world, {"type": "payment.failed", "data": {"amount_minor": 5}})
    still_bad = commands.replay(name)
    assert (still_bad.exit_code, "1 rejected" in still_bad.stdout) == (1, True)
    done = commands.replay(name, "--set", "data.currency=EUR", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["counts"] == {"stored": 1}
    assert "replayed" in commands.read("list").stdout


def test_all_of_a_rule_are_replayed_with_progress(
    world: World, commands: Commands, monkeypatch
) -> None:
    events = [{"type": UNKNOWN, "id": str(number)} for number in range(201)]
    refuse(world, *events, {"type": "payment.failed", "amount_minor": 5})
    types = collector.events.item._TAKEN | {UNKNOWN}
    monkeypatch.setattr(collector.events.item, "_TAKEN", types)
    look = commands.replay("--all", "--rule", "event.type.unknown", "--dry-run")
    assert look.stdout == "would become 201 stored\n"
    done = commands.replay("--all", "--rule", "event.type.unknown")
    assert done.stdout == "201 stored\n"
    assert "200 dead letters: 200 stored" in done.stderr
    assert commands.replay("--all", "--rule", "event.type.unknown").stdout == "none\n"


@pytest.mark.parametrize("words", [[], ["r:1", "--all"], ["r:1", "--set", "x"]])
def test_a_command_without_sense_is_refused_before_it_asks(commands: Commands, words) -> None:
    assert isinstance(commands.replay(*words).exception, BadInput)
