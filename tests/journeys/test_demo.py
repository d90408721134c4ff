"""The whole story on one command: from the first failed payment to a proven recovery."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kernel.clock import SECOND_US, parse_rfc3339
from tests.journeys.running import ENTRY, PROJECT, clean_environment, command

STEPS = (
    "onset",
    "detected",
    "brief_ready",
    "proposed",
    "approved",
    "executed",
    "recovered",
    "audit_verified",
)


def logs(folder: Path) -> str:
    found = [f"--- {path.name} ---\n{path.read_text()[-4_000:]}" for path in folder.glob("*.log")]
    return "\n".join(found)


def play(folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [
            sys.executable,
            *ENTRY,
            "demo",
            *("--headless", "--auto-approve", "--json"),
            *("--data-dir", str(folder)),
            *("--port", "0"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        cwd=PROJECT,
        env=clean_environment({}),
    )
    assert done.returncode == 0, f"{done.stderr[-4_000:]}\n{done.stdout[-2_000:]}\n{logs(folder)}"
    return dict(json.loads(done.stdout))


@pytest.mark.timeout(300)
def test_the_outage_is_detected_explained_approved_mended_and_proven(tmp_path):
    folder = tmp_path / "demo"
    story = play(folder)
    timeline = story["timeline"]
    assert tuple(timeline) == STEPS
    at_us = {step: parse_rfc3339(timeline[step]["at"]) for step in STEPS}
    assert sorted(at_us.values()) == list(at_us.values())
    # Promises of the product, with room for a slow machine: a person waits at their end.
    assert at_us["detected"] - at_us["onset"] < 30 * SECOND_US
    assert at_us["brief_ready"] - at_us["detected"] < 10 * SECOND_US
    assert all(timeline[step]["id"] for step in STEPS)
    _the_incident_is_told_rightly(story["incident"])
    _the_shop_was_switched(folder, timeline)
    code, report = command(["audit", "verify", "--data-dir", str(folder)])
    assert (code, report["result"]) == (0, "verified")


def _the_incident_is_told_rightly(incident: dict[str, Any]) -> None:
    assert "payment-success" in incident["slos"]
    assert incident["brief"]["claims"]
    known = {piece["id"] for piece in incident["evidence"]}
    cited = {one for claim in incident["brief"]["claims"] for one in claim["evidence_ids"]}
    assert cited
    assert cited <= known
    text = incident["brief"]["text"].lower()
    assert "adyen" in text
    assert any(one["state"] == "recovered" for one in incident["proposals"])


def _the_shop_was_switched(folder: Path, timeline: dict[str, Any]) -> None:
    """The step's result holds what the shop's own flag answered before and after."""
    where = ["--data-dir", str(folder), "--limit", "200"]
    code, listed = command(["audit", "list", *where])
    assert code == 0
    kinds = [one["type"] for one in listed["records"]]
    assert kinds.count("action.intent") == kinds.count("action.result") == 1
    (decision,) = [one for one in listed["records"] if one["type"] == "approval.decision"]
    assert decision["id"] == timeline["approved"]["id"]
    assert decision["data"]["simulated"] is True
    (result,) = [one for one in listed["records"] if one["type"] == "action.result"]
    assert result["outcome"] == "ok"
