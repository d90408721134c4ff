"""`event send|tail` against a running service, `deadletter list|show` on the stores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.cli import build_event_cli
from collector.deadletters import DeadLetterService
from collector.deadletters.cli import build_deadletter_cli
from kernel.errors import BadInput
from tests.collector.otlp_server import running
from tests.collector.world import World

RUNNER = CliRunner()


@pytest.fixture
def url(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TILLWATCH_TOKEN", "admin-token")
    with running(world.app()) as address:
        yield address


def test_a_file_is_sent_and_tailed(world: World, url: str, tmp_path: Path) -> None:
    lines = [{"type": "payment.failed", "id": str(i), "payment_id": f"p{i}"} for i in range(3)]
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    done = RUNNER.invoke(build_event_cli(), ["send", str(file), "--url", url, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["accepted"] == 3
    world.project()
    tail = RUNNER.invoke(build_event_cli(), ["tail", "--once", "--url", url, "--json"])
    assert [json.loads(line)["id"] for line in tail.stdout.splitlines()] == ["0", "1", "2"]
    tail = RUNNER.invoke(build_event_cli(), ["tail", "--once", "--url", url])
    assert "payment_id=p2" in tail.stdout


def test_rejected_events_end_with_one_and_a_bad_line_is_named(url: str) -> None:
    body = json.dumps([{"type": "payment.failed"}, {"type": "nonsense"}])
    done = RUNNER.invoke(build_event_cli(), ["send", "-", "--url", url], input=body)
    assert done.exit_code == 1
    assert "accepted 1, duplicates 0, rejected 1" in done.stdout
    done = RUNNER.invoke(build_event_cli(), ["send", "-", "--url", url], input='{}\n{"a"\n')
    assert isinstance(done.exception, BadInput)
    assert "line 2" in done.exception.message


def test_dead_letters_are_listed_and_shown(world: World) -> None:
    world.client().post("/api/events", json=[{"type": "nonsense"}])

    @contextmanager
    def opener(_: Path | None) -> Iterator[DeadLetterService]:
        yield DeadLetterService(world.journal_path, world.store)

    cli = build_deadletter_cli(opener)
    listed = json.loads(RUNNER.invoke(cli, ["list", "--json"]).stdout)["deadletters"]
    assert [one["rule"] for one in listed] == ["event.type.unknown"]
    shown = RUNNER.invoke(cli, ["show", listed[0]["id"]])
    assert "nonsense" in shown.stdout
    assert "nonsense" in RUNNER.invoke(cli, ["list"]).stdout
