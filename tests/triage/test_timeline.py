"""Every record that an incident can bear has words on its timeline."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from audit.record_types import TYPES
from audit.schemas import ActorOut, RecordOut, SubjectOut
from triage.timeline import timeline_line

ROOT = Path(__file__).resolve().parents[2]
OF_INCIDENTS = ("ai.", "approval.", "action.", "recovery.")


def written_types() -> list[str]:
    """Types that the code writes for incidents, and those that audit names for their steps."""
    code = "".join(
        path.read_text() for room in ("triage", "runbooks") for path in (ROOT / room).rglob("*.py")
    )
    written = set(re.findall(r'"(incident\.[a-z_]+)"', code))
    return sorted(written | {name for name in TYPES if name.startswith(OF_INCIDENTS)})


def test_there_are_such_records() -> None:
    assert {"incident.merged", "approval.escalated", "ai.query"} <= set(written_types())


@pytest.mark.parametrize("name", written_types())
def test_a_record_of_an_incident_is_told_in_words(name: str) -> None:
    record = RecordOut(
        seq=1,
        id="r",
        at="2026-12-01T10:00:00Z",
        type=name,
        actor=ActorOut(kind="system", ref="triage", auth="", session=""),
        subject=SubjectOut(kind="incident", ref="i"),
        incident="i",
        outcome="ok",
        data={},
        checkpointed=True,
        parent=[],
        payloads=[],
        trace_id="",
    )

    assert timeline_line(record).what != name
