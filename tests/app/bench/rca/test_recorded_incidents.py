"""Recorded incidents of the public set, judged by the evidence engine alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from app.bench.rca.dataset import incident_folders, read_answer, read_scene
from app.bench.rca.run import judge_folder, run_rca
from kernel.errors import BadInput
from tests.shared_data import shared


@pytest.fixture(scope="module")
def dataset() -> Path:
    return shared("benchmarks/rootcausebench")


def test_the_goals_hold_on_the_incidents_at_hand(dataset: Path) -> None:
    summary = run_rca(dataset, lambda _: None)["summary"]
    count = summary["incidents"]

    assert summary["right_within_two"] >= 0.9 * count
    assert summary["right_alone"] >= 0.75 * count
    assert summary["decoys_blamed"] <= 0.05 * count


def test_neither_the_folder_nor_the_answer_is_read(dataset: Path, tmp_path: Path) -> None:
    """Under another name and with another answer beside it, an incident is judged the same."""
    for number, folder in enumerate(incident_folders(dataset)):
        copy = tmp_path / f"incident-{number}"
        shutil.copytree(folder, copy)
        wrong = {"root_cause_commit": "0" * 40, "decoy_deploy_commits": []}
        (copy / "ground_truth.json").write_text(json.dumps(wrong))

        one, other = judge_folder(folder), judge_folder(copy)

        assert (one["blamed"], one["candidates"]) == (other["blamed"], other["candidates"])


def test_every_claim_stands_on_evidence(dataset: Path) -> None:
    for one in run_rca(dataset, lambda _: None)["incidents"]:
        assert bool(one["evidence_ids"]) == bool(one["candidates"])


def test_children_whose_trace_was_lost_hang_under_their_parents(dataset: Path) -> None:
    scenes = [read_scene(folder) for folder in incident_folders(dataset)]

    assert any(scene.calls for scene in scenes)
    assert all("same" not in called for scene in scenes for called in scene.calls.values())


def test_an_answer_of_none_is_no_commit(dataset: Path) -> None:
    answers = [read_answer(folder) for folder in incident_folders(dataset)]

    assert any(answer.commit == "" for answer in answers)
    assert all(answer.commit not in answer.decoys for answer in answers)


def test_a_folder_without_incidents_is_told_with_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as told:
        incident_folders(tmp_path)

    assert "holds no incident" in told.value.message
    assert "alert.json" in (told.value.hint or "")


@pytest.mark.parametrize("name", ["alert.json", "logs.ndjson", "metrics.csv", "traces.json"])
def test_a_file_that_cannot_be_read_is_named(dataset: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "incident"
    shutil.copytree(incident_folders(dataset)[0], copy)
    (copy / "data" / name).write_text("timestamp,service,metric,value\nnever,a,b,c\n{")

    with pytest.raises(BadInput):
        read_scene(copy)
