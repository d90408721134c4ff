"""Table 2.8, "partial first window": elapsed and coverage are reported, the budget is of events so
far, and an extrapolated figure stands beside it, labelled.
"""

from datetime import datetime
from pathlib import Path

import pytest

from kernel.clock import DAY_US, HOUR_US, rfc3339, to_us
from slo.objective import Calendar, Window
from slo.schemas import SloOut
from tests.slo.history import steady, tell
from tests.slo.shop_till import Till, payments

MONTH = Window(30 * DAY_US, Calendar("M", 1, datetime(2026, 1, 1), "UTC"))
FIRST_US = to_us(datetime.fromisoformat("2026-11-11T00:00:00+00:00"))
NOW_US = FIRST_US + 5 * DAY_US


def shown(tmp_path: Path, window: Window) -> SloOut:
    """A shop that is heard from the 11th on, now it is the 16th."""
    till = Till(tmp_path, [payments("0.9", window=window, max_gap_s=7200)])
    tell(till, steady(FIRST_US, NOW_US, 9, 1, step_us=HOUR_US), now_us=NOW_US)
    return till.service.show("payment-success")


@pytest.mark.parametrize("window", [MONTH, Window(30 * DAY_US)])
def test_a_window_that_is_not_full_says_how_much_of_it_is_counted(
    tmp_path: Path, window: Window
) -> None:
    found = shown(tmp_path, window)
    assert found.window.counted_from == rfc3339(FIRST_US)
    assert found.window.elapsed == pytest.approx(5 / 30, abs=1e-6)
    assert found.coverage == 1.0


@pytest.mark.parametrize("window", [MONTH, Window(30 * DAY_US)])
def test_its_budget_is_that_of_the_events_so_far(tmp_path: Path, window: Window) -> None:
    found = shown(tmp_path, window)
    assert (found.counts.good, found.counts.bad) == (9 * 120, 120)
    assert (found.budget_left, found.bad_left) == (0.0, 0)


def test_the_extrapolated_figure_is_another_one_and_says_how_it_was_made(tmp_path: Path) -> None:
    found = shown(tmp_path, MONTH).extrapolated
    assert found is not None
    assert (found.total, found.bad_allowed, found.bad_left) == (7200, 720, 600)
    assert found.budget_left == pytest.approx(1 - 120 / 720)
    assert "so far" in found.method


def test_a_rolling_window_is_not_extrapolated(tmp_path: Path) -> None:
    assert shown(tmp_path, Window(30 * DAY_US)).extrapolated is None
