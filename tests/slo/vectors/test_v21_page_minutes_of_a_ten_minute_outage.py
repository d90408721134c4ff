"""V21: 15 % errors for 10 min on quiet history page from minute 6 to minute 14 inclusive.

Replayed through Sloth's own golden by the real promtool, through our rules for the same spec, and
through the rules of an objective of ours with the same promise.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.slo.rules.promtool import Replay, counter
from tests.slo.rules.sloth_golden import ALERT, OWN_ALERT, golden, own, requests, weighted

pytestmark = pytest.mark.real
QUIET_MIN = 400  # longer than the longest window of a page
GOOD = counter((100, QUIET_MIN), (85, 10), (100, 40))
BAD = counter((0, QUIET_MIN), (15, 10), (0, 40))
PAGED = list(range(6, 15))


def minutes_of(replay: Replay, alert: str, **labels: str) -> list[int]:
    found = replay.firing_minutes(alert, QUIET_MIN + 50, labels)
    return [minute - QUIET_MIN for minute in found]


def test_v21_through_sloths_golden(tmp_path: Path) -> None:
    replay = Replay(golden(tmp_path), requests(GOOD, BAD))
    assert minutes_of(replay, ALERT, sloth_severity="page") == PAGED


def test_v21_through_our_rules_for_the_same_spec(tmp_path: Path) -> None:
    replay = Replay(weighted(tmp_path), requests(GOOD, BAD))
    assert minutes_of(replay, ALERT, sloth_severity="page") == PAGED


def test_v21_through_the_rules_of_our_own_objective(tmp_path: Path) -> None:
    assert minutes_of(own(tmp_path, GOOD, BAD), OWN_ALERT, tier="1h") == PAGED
