"""From the text of an OpenSLO file through the ledger to the answer: windows, slices, the rule."""

from pathlib import Path

import pytest

from kernel.clock import DAY_US, HOUR_US, rfc3339
from slo.objective import Objective
from slo.openslo.reader import read_openslo
from tests.slo.history import steady, tell
from tests.slo.shop_till import Till
from tests.slo.test_windows import utc

TEXT = """
apiVersion: openslo/v1
kind: SLO
metadata:
  name: payment-success
  annotations: {{tillwatch/no-data: {rule}}}
spec:
  service: payments
  indicator:
    metadata: {{name: payment-success}}
    spec:
      ratioMetric:
        counter: true
        good: {{metricSource: {{type: tillwatch, spec: {{events: [payment.succeeded]}}}}}}
        total:
          metricSource: {{type: tillwatch, spec: {{events: [payment.succeeded, payment.failed]}}}}
  timeWindow:
    - duration: {duration}
      calendar: {{startTime: "2026-01-01 00:00:00", timeZone: Europe/Berlin}}
  budgetingMethod: {method}
  objectives: [{{displayName: all, target: 0.9{slices}}}]
"""
# Winter in Berlin: the day begins at 23:00Z.
MIDNIGHT_US = utc("2026-11-19 23:00")
FIVE_MIN = ", timeSliceWindow: 5m"


def objective(duration: str, method: str = "Occurrences", slices: str = "", rule: str = "freeze"):
    reading = read_openslo(TEXT.format(duration=duration, method=method, slices=slices, rule=rule))
    assert reading.problems == []
    [found] = reading.objectives
    return found


def shown(tmp_path: Path, one: Objective):
    till = Till(tmp_path, [one])
    now_us = MIDNIGHT_US + 2 * HOUR_US
    hour_us = MIDNIGHT_US + HOUR_US
    events = [
        *steady(MIDNIGHT_US - HOUR_US, MIDNIGHT_US, 0, 2),
        *steady(MIDNIGHT_US, hour_us, 19, 1),
        *steady(hour_us, now_us, 20),
    ]
    tell(till, events, now_us=now_us)
    return till.service.show(one.id)


@pytest.mark.parametrize(
    ("duration", "unit", "start"),
    [
        ("1d", "day", "2026-11-19 23:00"),
        ("1M", "month", "2026-10-31 23:00"),
        ("1Q", "quarter", "2026-09-30 22:00"),
        ("1Y", "year", "2025-12-31 23:00"),
    ],
)
def test_a_calendar_window_of_a_file_begins_by_its_zone(
    tmp_path: Path, duration: str, unit: str, start: str
) -> None:
    window = shown(tmp_path, objective(duration)).window
    assert (window.kind, window.unit, window.count, window.zone) == (
        "calendar",
        unit,
        1,
        "Europe/Berlin",
    )
    assert window.start == rfc3339(utc(start))


def test_a_day_leaves_out_the_day_before_and_a_month_holds_it(tmp_path: Path) -> None:
    day = shown(tmp_path / "day", objective("1d"))
    assert (day.counts.good, day.counts.bad) == (19 * 60 + 20 * 60, 60)
    month = shown(tmp_path / "month", objective("1M"))
    assert month.counts.bad == 60 + 120
    assert day.previous is not None
    assert day.previous.counts.bad == 120


def test_slices_of_a_file_are_budgeted(tmp_path: Path) -> None:
    by_time = objective("1d", "Timeslices", f"{FIVE_MIN}, timeSliceTarget: 0.96")
    found = shown(tmp_path / "slices", by_time)
    assert found.slices is not None
    assert (found.slices.counted, found.slices.bad, found.slices.left_s) == (24, 12.0, -2880)
    ratios = shown(tmp_path / "ratios", objective("1d", "RatioTimeslices", FIVE_MIN))
    assert ratios.slices is not None
    assert (ratios.slices.bad, ratios.sli) == (0.6, pytest.approx(0.975))


def test_the_rule_for_gaps_is_the_files(tmp_path: Path) -> None:
    for rule in ("freeze", "neutral", "bad"):
        found = shown(tmp_path / rule, objective("1d", rule=rule))
        assert found.no_data is not None
        assert found.no_data.rule == rule


def test_the_window_is_a_days_length_on_days_without_a_clock_change(tmp_path: Path) -> None:
    window = shown(tmp_path, objective("1d")).window
    assert window.ends == rfc3339(MIDNIGHT_US + DAY_US)
    assert window.elapsed == pytest.approx(2 / 24)
