"""What counts as two sources that know nothing of each other."""

from __future__ import annotations

import pytest

from triage.brief.corroboration import sources_of
from triage.evidence.evidence import Evidence, Finding, mint


def piece(kind: str, query: str) -> Evidence:
    return mint("E1", Finding(kind, "said", {}, query, 0, 1))


LOGS = piece("logs", "telemetry.logs(service=till)")
CHANGE = piece("change", "telemetry.changes(near onset)")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LOGS, piece("onset", "telemetry.logs, metrics and spans around the alarm")),
        (LOGS, piece("blast_radius", "telemetry.logs, metrics and spans by service")),
        (CHANGE, piece("cause", "telemetry.changes, diff of c0ffee")),
        (CHANGE, piece("vendor", "telemetry.changes(kind=vendor, adyen)")),
        (
            piece("traffic", "telemetry.events(types=a) -> units"),
            piece("funnel", "telemetry.events(b)"),
        ),
    ],
)
def test_two_pieces_through_one_door_are_one_source(one: Evidence, other: Evidence) -> None:
    assert len(sources_of([one, other])) == 1


def test_logs_and_changes_are_two() -> None:
    assert len(sources_of([LOGS, CHANGE])) == 2
