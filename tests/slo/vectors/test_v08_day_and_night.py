"""V8: by day 10,000 in 5 minutes at 0.05 %, by night 10 at 5 %, half of the time each.

The event-weighted truth is 0.054945 %; the mean of the 5-minute ratios is 2.525 %, 46 times as
much. Here through the real ledger, and the mean computed from the same slices.
"""

from fractions import Fraction
from pathlib import Path

import pytest

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from slo.budget import event_weighted
from slo.objective import Window
from tests.slo.history import attempts, tell
from tests.slo.shop_till import START_US, Till, payments

SLICE_US = 5 * MINUTE_US
T0 = START_US - START_US % HOUR_US
# Two slices each, so that 5 % of the night's ten is a whole failure in every second one.
STREAM = [(9_995, 5), (10, 0), (9_995, 5), (9, 1)]
TRUTH = Fraction(11, 20_020)
MEAN_OF_RATIOS = Fraction(2525, 100_000)
WINDOW = Window(DAY_US)


@pytest.fixture
def till(tmp_path: Path) -> Till:
    found = Till(tmp_path, [payments("0.999", window=WINDOW)])
    events = [
        event
        for index, (good, bad) in enumerate(STREAM)
        for event in attempts(T0 + index * SLICE_US, good, bad, SLICE_US)
    ]
    tell(found, events, now_us=T0 + len(STREAM) * SLICE_US)
    return found


def test_v8_the_ledgers_window_is_the_event_weighted_truth_to_the_last_digit(till: Till) -> None:
    reader = till.reader()
    sums = reader.sums(till.objectives[0], T0, till.clock.now_us())
    reader.close()
    assert Fraction(sums.bad, sums.total) == TRUTH
    shown = till.service.show("payment-success")
    assert (shown.counts.bad, shown.counts.good) == (11, 20_009)
    assert shown.sli == float(1 - TRUTH)
    assert shown.budget_left == float(1 - TRUTH * 1000) == pytest.approx(0.45055, abs=1e-5)


def test_v8_the_mean_of_the_slices_ratios_is_46_times_off(till: Till) -> None:
    reader = till.reader()
    slices = reader.series(till.objectives[0], T0, till.clock.now_us(), SLICE_US)
    reader.close()
    # The day's two ratios and the night's two: the same mean as over the whole half-and-half day.
    ratios = [Fraction(sums.bad, sums.total) for _, sums in slices]
    mean = sum(ratios) / len(ratios)
    assert mean == MEAN_OF_RATIOS
    assert round(mean / TRUTH) == 46


def test_v8_any_cut_of_the_stream_gives_the_same_truth() -> None:
    parts = [(bad, good + bad) for good, bad in STREAM]
    for times in (1, 144, 1008):
        found = event_weighted(parts * times, Fraction(1, 1000))
        assert Fraction(found.bad) / found.total == TRUTH
