"""Table 2.8, "groups in time slices": the roll-up is by sum, any-bad is there to compare."""

from fractions import Fraction
from pathlib import Path

import msgspec

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from slo.objective import TimeSlices, Window
from slo.time_slices import Slice, Verdict, any_bad, verdict
from tests.slo.history import steady, tell
from tests.slo.shop_till import START_US, Till, payments

T0 = START_US - START_US % HOUR_US
SLICES = TimeSlices(5 * MINUTE_US, Fraction(95, 100))


def test_a_slice_is_judged_by_all_segments_together(tmp_path: Path) -> None:
    """A method with 2 of 100 attempts is down for an hour: each slice still is 98 % good."""
    till = Till(tmp_path, [payments("0.9", window=Window(DAY_US), slices=SLICES)])
    card = steady(T0, T0 + HOUR_US, 98, step_us=5 * MINUTE_US)
    wallet = (
        msgspec.structs.replace(one, id=f"w{one.id}", payment_id=f"w{one.id}", method="wallet")
        for one in steady(T0, T0 + HOUR_US, 0, 2, step_us=5 * MINUTE_US)
    )
    tell(till, [*card, *wallet], now_us=T0 + HOUR_US)
    found = till.service.show("payment-success")
    assert found.slices is not None
    assert (found.slices.counted, found.slices.bad) == (12, 0.0)
    # The segment that is down is not hidden: its own line is in attempts.
    down = found.segments[0]
    assert (down.key["method"], down.sli, down.state) == ("wallet", 0.0, "broken")


def test_by_any_bad_the_same_hour_would_be_bad_from_end_to_end() -> None:
    target = Fraction(95, 100)
    card = [verdict(Slice(98, 0), target)] * 12
    wallet = [verdict(Slice(0, 2), target)] * 12
    assert any_bad([card, wallet]) == [Verdict.BAD] * 12


def test_a_quiet_group_changes_nothing_and_a_missing_one_is_no_good_news() -> None:
    quiet, gone = Verdict.NEUTRAL, Verdict.MISSING
    assert any_bad([[Verdict.GOOD], [quiet]]) == [Verdict.GOOD]
    assert any_bad([[Verdict.GOOD], [gone]]) == [Verdict.MISSING]
    assert any_bad([[Verdict.BAD], [gone]]) == [Verdict.BAD]
    assert any_bad([[quiet], [quiet]]) == [Verdict.NEUTRAL]
