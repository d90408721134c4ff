"""The commands about runbooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from runbooks import cli
from runbooks.cli import build_cli, build_runbook_cli
from runbooks.service import ApprovalService
from tests.runbooks.world import World

LABELS = ["service=payments", "provider=adyen", "region=eu-central", "error_type=provider_5xx"]


def test_lint_is_content_with_the_shipped_library() -> None:
    done = CliRunner().invoke(build_runbook_cli(), ["lint", "--json"])
    assert done.exit_code == 0
    assert len(json.loads(done.stdout)["valid"]) >= 8


def test_lint_names_file_path_and_reason(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text("---\nid: x\ntitel: y\n---\n")
    done = CliRunner().invoke(build_runbook_cli(), ["lint", "--dir", str(tmp_path)])
    assert done.exit_code == 1
    assert "x.md: titel: unknown field; did you mean 'title'?" in done.stdout
    assert "x.md: steps: is missing" in done.stdout


def test_match_shows_the_proposed_step_first() -> None:
    done = CliRunner().invoke(build_runbook_cli(), ["match", *LABELS, "--json"])
    assert done.exit_code == 0
    first = json.loads(done.stdout)["matches"][0]
    assert first["what"] == 'Set flag payment-routing.eu-central to "stripe"'
    assert first["proposed"] is True
    nothing = CliRunner().invoke(build_runbook_cli(), ["match", "a=b"])
    assert nothing.exit_code == 1


def test_list_shows_the_tier_that_counts() -> None:
    done = CliRunner().invoke(build_runbook_cli(), ["list", "--json"])
    steps = {one["step"]: one["tier"] for one in json.loads(done.stdout)["steps"]}
    assert steps["reroute-region"] == "R2"


def test_approvals_are_listed_from_the_store(world: World) -> None:
    shown = world.pending()

    @contextmanager
    def opener(_: Path | None) -> Iterator[ApprovalService]:
        yield world.service

    done = CliRunner().invoke(build_cli(opener), ["list", "--state", "pending"])
    assert done.exit_code == 0
    assert shown.id in done.stdout
    assert shown.digest in done.stdout


class Recorded:
    """A client of the API that remembers what was posted and answers what it is told."""

    def __init__(self, answer: dict[str, object]) -> None:
        self.answer = answer
        self.posted: list[tuple[str, object]] = []

    def get(self, _path: str) -> dict[str, object]:
        return self.answer

    def post(self, path: str, body: object) -> dict[str, object]:
        self.posted.append((path, body))
        return self.answer

    def close(self) -> None:
        pass


def say(monkeypatch: pytest.MonkeyPatch, answer: dict[str, object], *words: str):
    @contextmanager
    def no_store(_: Path | None) -> Iterator[ApprovalService]:
        raise AssertionError("deciding opens no store")
        yield

    client = Recorded(answer)
    monkeypatch.setattr(cli, "open_client", lambda *_: client)
    return CliRunner().invoke(build_cli(no_store), list(words)), client


OFF = {
    "stopped": True,
    "by": "olga",
    "at": "2026-12-01T00:00:00Z",
    "reason": "flags look wrong",
    "cancelled": 2,
    "running": [{"id": "a-1", "incident_id": "i", "what": "Set flag k"}],
}


def test_stop_says_what_it_ended_and_what_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    done, client = say(monkeypatch, OFF, "stop", "--reason", "flags look wrong")
    assert done.exit_code == 0
    assert client.posted == [("/api/execution/stop", {"reason": "flags look wrong"})]
    assert "execution is switched off by olga" in done.stdout
    assert "2 approvals were cancelled" in done.stdout
    assert "still running: a-1 Set flag k" in done.stdout


def test_resume_and_revoke_need_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    assert say(monkeypatch, OFF, "resume")[0].exit_code == 2
    assert say(monkeypatch, OFF, "revoke", "a-1")[0].exit_code == 2
    _, client = say(monkeypatch, OFF, "resume", "--reason", "fine")
    assert client.posted == [("/api/execution/resume", {"reason": "fine"})]
    _, client = say(monkeypatch, OFF, "revoke", "a-1", "--reason", "no", "--json")
    assert client.posted == [("/api/approvals/a-1/revocation", {"reason": "no"})]


@pytest.mark.parametrize("stopped", [True, False])
def test_status_is_one_while_all_execution_is_off(
    monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    done, _ = say(monkeypatch, {**OFF, "stopped": stopped}, "status")
    assert done.exit_code == int(stopped)
