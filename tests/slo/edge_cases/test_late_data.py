"""Table 2.8, "late data": slices are by event time and open again; both versions are kept."""

from pathlib import Path

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from slo.objective import Objective, TimeSlices, Window
from tests.slo.history import attempts, steady, tell
from tests.slo.shop_till import START_US, Till, payments

T0 = START_US - START_US % HOUR_US
LATE_US = T0 + 30 * MINUTE_US
KNOWN_US = T0 + 2 * HOUR_US


def told_late(tmp_path: Path, one: Objective) -> Till:
    """Two good hours, and an hour later word of ten failures in the middle of the first."""
    till = Till(tmp_path, [one])
    tell(till, steady(T0, KNOWN_US, 10), now_us=KNOWN_US)
    tell(till, attempts(LATE_US + 5, 0, 10), now_us=KNOWN_US + HOUR_US)
    return till


def test_a_late_failure_is_counted_where_it_happened(tmp_path: Path) -> None:
    one = payments("0.9", window=Window(DAY_US))
    reader = told_late(tmp_path, one).reader()
    assert reader.sums(one, LATE_US, LATE_US + MINUTE_US).bad == 10
    assert reader.sums(one, KNOWN_US, KNOWN_US + HOUR_US).total == 0
    reader.close()


def test_what_was_known_then_and_what_is_known_now_are_both_kept(tmp_path: Path) -> None:
    one = payments("0.9", window=Window(DAY_US))
    reader = told_late(tmp_path, one).reader()
    then = reader.sums_as_known(one, T0, KNOWN_US, KNOWN_US + MINUTE_US)
    now = reader.sums(one, T0, KNOWN_US)
    assert (then.good, then.bad) == (1200, 0)
    assert (now.good, now.bad) == (1200, 10)
    reader.close()


def test_a_closed_slice_is_judged_again(tmp_path: Path) -> None:
    one = payments("0.9", window=Window(DAY_US), slices=TimeSlices(MINUTE_US), no_data="neutral")
    found = told_late(tmp_path, one).service.show("payment-success")
    assert found.slices is not None
    assert (found.slices.bad, found.slices.counted) == (0.5, 120)
