"""The commands about runbooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typer.testing import CliRunner

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
