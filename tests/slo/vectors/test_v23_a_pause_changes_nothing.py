"""V23: 20 minutes without traffic in a stream of 4 days change nothing.

Sloth's 30-day ratio and remaining budget read NaN from then on, for 30 days (one 0/0 in the mean).
"""

from itertools import chain
from pathlib import Path

import pytest

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from slo.objective import Objective, TimeSlices, Window
from slo.schemas import SloOut
from tests.slo.history import attempts, steady, tell
from tests.slo.shop_till import START_US, Till, payments

T0 = START_US - START_US % HOUR_US
END_US = T0 + 4 * DAY_US
QUIET_US = T0 + 2 * DAY_US
STEP_US = 5 * MINUTE_US
LENGTH_US = 20 * MINUTE_US


def objective(**changes: object) -> Objective:
    return payments("0.99", window=Window(30 * DAY_US), max_gap_s=1800, **changes)


def shown(tmp_path: Path, one: Objective, *, quiet: bool) -> SloOut:
    """4 days of 5 attempts in 5 minutes, an hour of them bad, told with or without the pause."""
    before = steady(T0, QUIET_US, 5, step_us=STEP_US)
    bad_us = QUIET_US + LENGTH_US
    pause = () if quiet else steady(QUIET_US, bad_us, 5, step_us=STEP_US)
    bad = chain.from_iterable(
        attempts(bad_us + index * STEP_US, 4, 1, STEP_US) for index in range(12)
    )
    after = steady(bad_us + 12 * STEP_US, END_US, 5, step_us=STEP_US)
    till = Till(tmp_path, [one])
    tell(till, chain(before, pause, bad, after), now_us=END_US)
    return till.service.show(one.id)


@pytest.mark.parametrize("slices", [None, TimeSlices(STEP_US)])
def test_v23_the_figures_are_numbers_and_the_quiet_slices_add_nothing(
    tmp_path: Path, slices: TimeSlices | None
) -> None:
    found = shown(tmp_path, objective(slices=slices), quiet=True)
    in_use = 4 * 288 - 4
    assert found.counts.good + found.counts.bad == 5 * in_use
    assert found.sli == pytest.approx(1 - 12 / (5 * in_use), abs=0)
    assert found.budget_left == pytest.approx(1 - 100 * 12 / (5 * in_use), abs=1e-12)
    assert (found.state, found.coverage) == ("ok", 1.0)
    if found.slices:
        assert (found.slices.counted, found.slices.neutral) == (in_use, 4)


def test_v23_what_failed_is_the_same_with_and_without_the_pause(tmp_path: Path) -> None:
    paused = shown(tmp_path / "paused", objective(), quiet=True)
    busy = shown(tmp_path / "busy", objective(), quiet=False)
    assert paused.counts.bad == busy.counts.bad == 12
    assert busy.counts.good - paused.counts.good == 20


def test_v23_a_pause_longer_than_the_gap_that_is_allowed_shows_in_the_coverage(
    tmp_path: Path,
) -> None:
    found = shown(tmp_path, payments("0.99", window=Window(30 * DAY_US)), quiet=True)
    assert found.sli == pytest.approx(1 - 12 / (5 * (4 * 288 - 4)), abs=0)
    assert 0.99 < found.coverage < 1
