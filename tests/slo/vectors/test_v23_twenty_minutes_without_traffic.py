"""V23: 20 min without traffic. Sloth's period rule reads NaN from then on; our numbers stay."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.slo.rules.promtool import Replay, counter
from tests.slo.rules.sloth_golden import golden, requests, weighted
from tests.slo.shop_till import Till, all_fail

BEFORE_MIN, GAP_MIN, AFTER_MIN = 600, 20, 240
RUNS = (BEFORE_MIN, GAP_MIN, AFTER_MIN)
GOOD = counter(*zip((99.9, 0, 99.9), RUNS, strict=True))
BAD = counter(*zip((0.1, 0, 0.1), RUNS, strict=True))
LEFT = "slo:period_error_budget_remaining:ratio"
RATIO = "slo:sli_error:ratio_rate30d"


def replay(rules: Path) -> Replay:
    return Replay(rules, requests(GOOD, BAD), evaluated="5m")


@pytest.mark.real
def test_v23_sloths_golden_knows_nothing_any_more(tmp_path: Path) -> None:
    found = replay(golden(tmp_path))
    assert float(found.value(RATIO, f"{BEFORE_MIN}m")) == pytest.approx(0.001)
    for at in (BEFORE_MIN + GAP_MIN, sum(RUNS)):
        assert math.isnan(float(found.value(RATIO, f"{at}m")))
        assert math.isnan(float(found.value(LEFT, f"{at}m")))


@pytest.mark.real
def test_v23_our_rule_for_the_same_spec_is_unchanged(tmp_path: Path) -> None:
    found = replay(weighted(tmp_path))
    for at in (BEFORE_MIN, BEFORE_MIN + GAP_MIN, sum(RUNS)):
        assert float(found.value(RATIO, f"{at}m")) == pytest.approx(0.001, rel=1e-9)


def test_v23_the_ledgers_number_is_unchanged_and_the_gap_is_shown(tmp_path: Path) -> None:
    till = Till(tmp_path)
    till.play(600, per_s=1)
    till.play(10, per_s=1, fails=all_fail)
    till.play(290, per_s=1)
    before = till.service.show("payment-success")
    till.silence(20 * 60)
    after = till.service.show("payment-success")
    assert (after.counts.good, after.counts.bad) == (before.counts.good, before.counts.bad)
    assert before.counts.bad > 0
    assert after.sli == before.sli
    assert after.budget_left == before.budget_left
    assert after.burn_rates["5m"] is None
    till.database.close()
