"""Table 2.8, "zero events in slice": none observed is neutral (0/0), a gap is no data."""

from fractions import Fraction
from itertools import chain
from pathlib import Path

import msgspec
import pytest

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from kernel.shop_event import ShopEvent
from slo.objective import TimeSlices, Window
from slo.schemas import SloOut
from tests.slo.history import steady, tell
from tests.slo.shop_till import START_US, Till, payments

T0 = START_US - START_US % HOUR_US
PAUSE_US, END_US = T0 + HOUR_US, T0 + 3 * HOUR_US
SLICES = TimeSlices(5 * MINUTE_US, Fraction(95, 100))


def shown(tmp_path: Path, *, heard: bool, slices: TimeSlices | None = None) -> SloOut:
    """An hour of payments, an hour without a single one, an hour of payments."""
    views = (_viewed(one) for one in steady(PAUSE_US, PAUSE_US + HOUR_US, 1))
    events = chain(
        steady(T0, PAUSE_US, 10),
        views if heard else (),
        steady(PAUSE_US + HOUR_US, END_US, 10),
    )
    till = Till(tmp_path, [payments("0.9", window=Window(DAY_US), slices=slices)])
    tell(till, events, now_us=END_US)
    return till.service.show("payment-success")


def _viewed(event: ShopEvent) -> ShopEvent:
    """A page that is looked at: the shop is heard, nobody pays."""
    return msgspec.structs.replace(event, type="page.viewed", payment_id="", checkout_id="")


@pytest.mark.parametrize("slices", [None, SLICES])
def test_zero_events_while_the_shop_is_heard_add_nothing_to_either_side(
    tmp_path: Path, slices: TimeSlices | None
) -> None:
    found = shown(tmp_path, heard=True, slices=slices)
    assert (found.sli, found.coverage, found.state) == (1.0, 1.0, "ok")
    assert found.counts.good == 1200
    if found.slices:
        assert (found.slices.counted, found.slices.neutral, found.slices.missing) == (24, 12, 0)


@pytest.mark.parametrize("slices", [None, SLICES])
def test_a_gap_is_no_data_and_lowers_the_coverage(
    tmp_path: Path, slices: TimeSlices | None
) -> None:
    found = shown(tmp_path, heard=False, slices=slices)
    assert found.coverage == pytest.approx(2 / 3, abs=0.01)
    assert found.sli == 1.0
    if found.slices:
        assert (found.slices.neutral, found.slices.missing) == (0, 12)
        assert found.state == "no_data"


def test_a_window_of_zero_events_is_neither_0_nor_100_percent(tmp_path: Path) -> None:
    till = Till(tmp_path, [payments()])
    tell(till, (_viewed(one) for one in steady(T0, T0 + HOUR_US, 1)), now_us=T0 + HOUR_US)
    found = till.service.show("payment-success")
    assert (found.sli, found.budget_left, found.bad_left) == (None, None, None)
    assert found.burn_rates["1h"] is None
    assert (found.state, found.reason) == ("no_data", "nothing was counted in this window")
