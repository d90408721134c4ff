"""V22: busy days and quiet nights. The mean of ratios is 46 times off, the weighted rule exact.

Day 10,000 requests in 5 min at 0.05 % errors, night 10 at 5 %, half and half (V8).
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from tests.slo.rules.promtool import Replay, counter
from tests.slo.rules.sloth_golden import golden, requests, weighted

pytestmark = pytest.mark.real
HALF_MIN, DAYS = 720, 2
GOOD = counter(*[(1999, HALF_MIN), (1.9, HALF_MIN)] * DAYS)
BAD = counter(*[(1, HALF_MIN), (0.1, HALF_MIN)] * DAYS)
END = f"{2 * HALF_MIN * DAYS}m"
TRUTH = Fraction(5 + Fraction(1, 2), 10_010)
RATIO, LEFT = "slo:sli_error:ratio_rate30d", "slo:period_error_budget_remaining:ratio"


def replayed(rules: Path) -> tuple[float, float]:
    replay = Replay(rules, requests(GOOD, BAD), evaluated="5m")
    ratio, left = map(float, replay.values([RATIO, LEFT], END))
    return ratio, left


def test_v22_sloths_golden_is_46_times_off(tmp_path: Path) -> None:
    ratio, left = replayed(golden(tmp_path))
    assert ratio == pytest.approx(0.02525, rel=2e-3)
    assert left == pytest.approx(-24.25, rel=2e-3)
    assert 45 < ratio / float(TRUTH) < 47


def test_v22_our_rule_for_the_same_spec_is_the_event_weighted_ratio(tmp_path: Path) -> None:
    ratio, left = replayed(weighted(tmp_path))
    assert ratio == pytest.approx(float(TRUTH), rel=1e-9)
    assert left == pytest.approx(0.4505, abs=1e-4)
