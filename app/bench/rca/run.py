"""Judges every incident of a dataset and adds up. The answer is opened after the judgement."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.bench.measure import machine, percentile
from app.bench.rca.dataset import incident_folders, read_answer, read_scene
from app.bench.rca.scoring import NOBODY, Said, score
from triage.evidence.causes.findings import cause_findings
from triage.evidence.causes.ranking import Candidate, Judgement, judge
from triage.evidence.evidence import Evidence, Verdict, mint

VERDICTS = {
    Verdict.CHANGE_OF_OURS: "change",
    Verdict.NOT_A_CHANGE_OF_OURS: "not_a_change",
    Verdict.CANNOT_TELL: "unknown",
}


def run_rca(dataset: Path, note: Callable[[str], None]) -> dict[str, Any]:
    """`{incidents: [...], summary, machine}`. Raises BadInput for a folder without incidents."""
    incidents = []
    for folder in incident_folders(dataset):
        note(f"judging {folder.name}")
        incidents.append(judge_folder(folder))
    return {"incidents": incidents, "summary": _summary(incidents), "machine": machine()}


def judge_folder(folder: Path) -> dict[str, Any]:
    """One incident: what was said, and what it is worth. Reading the files counts as time."""
    started = time.perf_counter()
    scene = read_scene(folder)
    judged = judge(scene)
    pieces = [
        mint(f"E{number}", finding)
        for number, finding in enumerate(cause_findings(scene, judged), start=1)
    ]
    seconds = time.perf_counter() - started
    said = _said(judged, pieces)
    answer = read_answer(folder)
    truth = answer.commit or NOBODY
    return {
        "name": folder.name,
        "verdict": VERDICTS[judged.verdict],
        "blamed": said.blamed,
        "candidates": list(said.candidates),
        "evidence_ids": list(said.evidence_ids),
        "seconds": round(seconds, 3),
        "why": [piece.summary for piece in pieces],
        "truth": truth,
        "first": bool(said.candidates) and said.candidates[0] == truth,
        "within_two": truth in said.candidates,
        "decoy_blamed": said.blamed in answer.decoys,
        "score": score(said, answer, pieces),
    }


def _said(judged: Judgement, pieces: list[Evidence]) -> Said:
    """Every candidate stands on its own piece and on the one that says what shows."""
    blamed = _name(judged.blamed) if judged.blamed is not None else None
    candidates = tuple(_name(one) for one in judged.candidates)
    used = 2 if blamed is not None else 1 + len(candidates)
    ids = tuple(piece.id for piece in pieces[:used]) if candidates else ()
    return Said(blamed, candidates, ids)


def _name(one: Candidate) -> str:
    return one.ref or NOBODY


def _summary(incidents: list[dict[str, Any]]) -> dict[str, Any]:
    count = len(incidents)
    alone = [one for one in incidents if one["blamed"] is not None]
    seconds = [one["seconds"] for one in incidents]
    return {
        "incidents": count,
        "score": round(sum(one["score"] for one in incidents) / count, 4),
        "right_alone": sum(one["blamed"] == one["truth"] for one in incidents),
        "right_first": sum(one["first"] for one in incidents),
        "right_within_two": sum(one["within_two"] for one in incidents),
        "blamed_alone": len(alone),
        "decoys_blamed": sum(one["decoy_blamed"] for one in incidents),
        "abstained": sum(not one["candidates"] for one in incidents),
        "seconds_max": max(seconds),
        "seconds_median": percentile(seconds, 50),
    }


def render_rca(document: dict[str, Any]) -> str:
    """For a terminal: an incident a line, then the sums."""
    lines = []
    for one in document["incidents"]:
        said = one["blamed"] or " or ".join(one["candidates"]) or "cannot tell"
        short = " or ".join(part[:12] for part in said.split(" or "))
        lines.append(
            f"{one['score']:5.1f}  {one['name'][:44]:44}  {one['verdict']:12}  {short}"
            f"  ({one['seconds']:.2f} s)"
        )
    s = document["summary"]
    lines.append(
        f"\n{s['incidents']} incidents: right alone {s['right_alone']}, first {s['right_first']},"
        f" within two {s['right_within_two']}, decoys blamed {s['decoys_blamed']},"
        f" cannot tell {s['abstained']}; mean score {s['score']:.3f};"
        f" at most {s['seconds_max']:.2f} s each"
    )
    return "\n".join(lines)
