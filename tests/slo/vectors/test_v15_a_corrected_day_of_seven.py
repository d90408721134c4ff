"""V15: 7 days watched by the minute, 60 minutes bad, 1 day corrected.

The corrected day is left out: 60 of 8,640 minutes (0.694 %). Counted as uptime it would be 60 of
10,080 (0.595 %), which is what the uncorrected figures say where that day was good. Both are shown,
the first one counts.
"""

from fractions import Fraction
from pathlib import Path

from kernel.clock import DAY_US, MINUTE_US
from kernel.shop_event import ShopEvent
from slo.corrections.dropping import Drop, Drops
from slo.ledger_view import LedgerView
from slo.objective import Objective, TimeSlices, Window
from tests.slo.corrections.people import ADA, BEN, approved, asked, corrections_of
from tests.slo.shop_till import START_US, Till, payments

BEGIN_US = START_US - START_US % DAY_US
END_US = BEGIN_US + 7 * DAY_US


def watched(folder: Path, objective: Objective) -> Till:
    """A monitor that says once a minute whether it was good: bad for the first hour of day 2."""
    till = Till(folder, [objective])
    till.clock.set_us(END_US)
    bad = range(1440, 1500)
    events = [
        ShopEvent(
            id=f"m{minute}",
            source="shop",
            type="payment.failed" if minute in bad else "payment.succeeded",
            time_us=BEGIN_US + minute * MINUTE_US,
            payment_id=f"m{minute}",
        )
        for minute in range(7 * 1440)
    ]
    for first in range(0, len(events), 1000):
        till.arrive(events[first : first + 1000])
    return till


def test_v15_the_corrected_day_is_left_out_and_the_other_figure_stands_beside(tmp_path: Path):
    till = watched(tmp_path, payments("0.99", window=Window(7 * DAY_US)))
    service = corrections_of(till, tmp_path)
    approved(service, asked(BEGIN_US + 3 * DAY_US, BEGIN_US + 4 * DAY_US))
    shown = till.service.show("payment-success")
    uncorrected = shown.uncorrected
    assert (shown.counts.bad, shown.counts.good + shown.counts.bad) == (60, 8640)
    assert (uncorrected.counts.bad, uncorrected.counts.good + uncorrected.counts.bad) == (60, 10080)
    assert round(100 * (1 - shown.sli), 3) == 0.694
    assert round(100 * (1 - uncorrected.sli), 3) == 0.595
    assert shown.budget_left == float(1 - Fraction(60, 8640) * 100)
    assert uncorrected.budget_left == float(1 - Fraction(60, 10080) * 100)


def test_v15_in_a_budget_of_time_the_corrected_minutes_are_no_slices(tmp_path: Path):
    by_minute = TimeSlices(MINUTE_US, Fraction(1))
    till = watched(tmp_path, payments("0.99", window=Window(7 * DAY_US), slices=by_minute))
    service = corrections_of(till, tmp_path)
    made = service.propose(asked(BEGIN_US + 3 * DAY_US, BEGIN_US + 4 * DAY_US), ADA)
    [effect] = service.show(made.id).preview
    service.decide(made.id, BEN, "approve")
    shown = till.service.show("payment-success")
    assert (shown.slices.bad, shown.slices.counted) == (60.0, 8640)
    assert shown.budget_left == effect.after.budget_left == float(1 - Fraction(60, 8640) * 100)
    assert shown.uncorrected.budget_left == float(1 - Fraction(60, 10080) * 100)


def test_v15_a_bad_hour_inside_of_the_corrected_day_is_no_failure_and_no_uptime(tmp_path: Path):
    till = watched(tmp_path, payments("0.99", window=Window(7 * DAY_US)))
    drops = Drops([Drop(BEGIN_US + DAY_US, BEGIN_US + 2 * DAY_US)])
    view = LedgerView(till.reader(), till.objectives[0], END_US, ["shop"], drops)
    sums = view.counts(7 * 86_400)
    assert (sums.bad, sums.total) == (0, 8640)
