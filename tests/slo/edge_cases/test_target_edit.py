"""Table 2.8, "target edit": a target is free to change, a counting rule begins a new generation."""

from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from slo.objective import Calendar, Objective, TimeSlices, Window
from slo.openslo.generation import with_generation
from slo.schemas import SloOut
from tests.slo.history import steady, tell
from tests.slo.shop_till import START_US, Till, payments

T0 = START_US - START_US % HOUR_US
NOW_US = T0 + 4 * HOUR_US


def edited(tmp_path: Path, **changes: object) -> SloOut:
    """Four hours are counted by 99 %; then the objective is edited and asked again."""
    before = payments("0.99", window=Window(DAY_US))
    till = Till(tmp_path, [before])
    tell(till, steady(T0, NOW_US, 99, 1), now_us=NOW_US)
    after: Objective = replace(before, **changes)
    again = Till(tmp_path, [after])
    again.clock.set_us(NOW_US)
    return again.service.show("payment-success")


def test_a_new_target_judges_all_history_anew(tmp_path: Path) -> None:
    kept = edited(tmp_path / "kept")
    assert (kept.budget_left, kept.state) == (0.0, "broken")
    found = edited(tmp_path / "edited", target=Fraction("0.98"))
    assert (found.counts, found.sli) == (kept.counts, kept.sli)
    assert (found.budget_left, found.state) == (0.5, "ok")


def test_window_slices_and_the_rule_for_gaps_are_free_as_well(tmp_path: Path) -> None:
    hour = edited(tmp_path / "window", window=Window(HOUR_US))
    assert (hour.counts.good, hour.counts.bad) == (99 * 60, 60)
    day = Calendar("D", 1, datetime(2026, 1, 1), "UTC")
    assert edited(tmp_path / "calendar", window=Window(DAY_US, day)).counts.bad > 0
    by_time = edited(tmp_path / "slices", slices=TimeSlices(5 * MINUTE_US, Fraction(1, 2)))
    assert by_time.slices is not None
    assert (by_time.slices.counted, by_time.slices.bad) == (48, 0.0)


def test_a_new_generation_counts_from_nothing_and_says_so(tmp_path: Path) -> None:
    found = edited(tmp_path, generation="two")
    assert (found.generation, found.counts.good) == ("two", 0)
    assert (found.state, found.sli) == ("no_data", None)


def test_what_a_file_says_of_the_counting_rule_makes_the_generation() -> None:
    rule, other = (
        with_generation(payments(segments=names)).generation
        for names in (("provider",), ("provider", "country"))
    )
    assert rule != other
    assert with_generation(payments("0.9", segments=("provider",))).generation == rule
