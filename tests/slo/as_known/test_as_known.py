"""What was known at a moment, beside what is known now: late outcomes are told apart."""

from pathlib import Path

import pytest

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, rfc3339
from kernel.errors import BadInput, NotFound
from slo.as_known.cli import render
from slo.as_known.schemas import AsKnownOut
from slo.objective import Objective, TimeSlices, Window
from tests.slo.history import attempts, steady, tell
from tests.slo.shop_till import START_US, Till, payments

T0 = START_US - START_US % HOUR_US
LATE_US = T0 + 30 * MINUTE_US
REPORT_US = T0 + 2 * HOUR_US + MINUTE_US


def told_late(tmp_path: Path, one: Objective) -> Till:
    """Two good hours; a report is made; an hour later ten failures of the first hour are heard."""
    till = Till(tmp_path, [one])
    tell(till, steady(T0, T0 + 2 * HOUR_US, 10), now_us=T0 + 2 * HOUR_US)
    tell(till, attempts(LATE_US + 5, 0, 10), now_us=REPORT_US + HOUR_US)
    till.silence(120)
    return till


def asked(till: Till, at_us: int = REPORT_US) -> AsKnownOut:
    return till.service.as_known("payment-success", at_us)


def test_the_figures_of_an_old_report_are_found_again(tmp_path: Path) -> None:
    found = asked(told_late(tmp_path, payments("0.99", window=Window(DAY_US))), REPORT_US)
    then, now = found.then, found.now
    assert (then.good, then.bad, then.budget_left, then.bad_left) == (1200, 0, 1.0, 12)
    assert (now.good, now.bad, now.bad_left) == (1200, 10, 2)
    assert now.budget_left == pytest.approx(1 - 10 / 12.1)
    assert (found.late.good, found.late.bad, found.kept_by) == (0, 10, "minute")
    assert (found.at, found.seconds) == (rfc3339(REPORT_US), 86_400)
    assert found.sentence == "Since then late or revised outcomes changed it: +10 bad."


def test_where_nothing_came_late_both_are_the_same(tmp_path: Path) -> None:
    till = told_late(tmp_path, payments("0.99", window=Window(DAY_US)))
    found = asked(till, REPORT_US + HOUR_US + MINUTE_US)
    assert found.then == found.now
    assert found.sentence == "Nothing about this window has arrived or changed since."


def test_before_the_first_event_nothing_is_made_up(tmp_path: Path) -> None:
    found = asked(told_late(tmp_path, payments("0.99", window=Window(DAY_US))), T0)
    assert (found.then.sli, found.then.budget_left, found.then.bad_left) == (None, None, None)
    assert "- " in render(found.model_dump(mode="json"))


def test_a_budget_of_slices_is_not_told_in_attempts(tmp_path: Path) -> None:
    sliced = payments("0.99", window=Window(DAY_US), slices=TimeSlices(MINUTE_US))
    found = asked(told_late(tmp_path, sliced))
    assert (found.now.bad, found.now.budget_left, found.now.bad_left) == (10, None, None)


def test_a_moment_that_is_not_counted_yet_is_refused_with_its_border(tmp_path: Path) -> None:
    till = told_late(tmp_path, payments("0.99", window=Window(DAY_US)))
    with pytest.raises(BadInput, match="it is counted up to"):
        asked(till, till.clock.now_us() + MINUTE_US)
    with pytest.raises(NotFound):
        till.service.as_known("unknown", REPORT_US)


def test_a_terminal_shows_then_above_now(tmp_path: Path) -> None:
    found = asked(told_late(tmp_path, payments("0.99", window=Window(DAY_US))))
    lines = render(found.model_dump(mode="json")).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert [line.split()[:2] for line in lines[3:5]] == [["1,200", "0"], ["1,200", "10"]]
    assert lines[-1] == "Without corrections; what was known is kept by the minute."
