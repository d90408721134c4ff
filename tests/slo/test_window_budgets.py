"""Budgets over calendar windows and first windows, through the real ledger."""

from datetime import datetime
from fractions import Fraction
from pathlib import Path

import pytest

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, rfc3339, to_us
from slo.objective import Calendar, Window
from tests.slo.history import steady, tell
from tests.slo.shop_till import START_US, Till, payments

BERLIN = "Europe/Berlin"
DAY = Window(DAY_US, Calendar("D", 1, datetime(2026, 1, 1), BERLIN))
MIDNIGHT_US = to_us(datetime.fromisoformat("2026-11-19T00:00:00+01:00"))


HOUR_BEFORE_US = MIDNIGHT_US - HOUR_US


@pytest.fixture
def evening(tmp_path: Path) -> Till:
    """A day's window of Berlin; in the last hour before midnight ten minutes of failures."""
    till = Till(tmp_path, [payments(window=DAY)])
    now_us = HOUR_BEFORE_US + 10 * MINUTE_US
    tell(till, steady(HOUR_BEFORE_US, now_us, 0, 12), now_us=now_us)
    return till


def test_a_calendar_window_runs_from_its_start_to_the_watermark(evening: Till) -> None:
    shown = evening.service.show("payment-success")
    window = shown.window
    assert (window.kind, window.seconds, window.zone) == ("calendar", 86_400, BERLIN)
    assert window.start == rfc3339(MIDNIGHT_US - DAY_US)
    assert window.to == rfc3339(evening.clock.now_us()) == shown.watermark
    assert window.ends == rfc3339(MIDNIGHT_US)
    assert shown.counts.bad == 120
    assert shown.state == "broken"


def test_what_was_spent_yesterday_is_not_taken_into_the_new_day(evening: Till) -> None:
    ten_past_us = HOUR_BEFORE_US + 10 * MINUTE_US
    tell(evening, steady(ten_past_us, MIDNIGHT_US, 0, 12), now_us=MIDNIGHT_US)
    last = evening.service.show("payment-success")
    assert (last.state, last.counts.bad) == ("no_data", 0)
    assert last.reason == "nothing was counted in this window"
    assert last.window.start == rfc3339(MIDNIGHT_US)
    now_us = MIDNIGHT_US + 10 * MINUTE_US
    tell(evening, steady(MIDNIGHT_US, now_us, 12), now_us=now_us)
    today = evening.service.show("payment-success")
    assert (today.counts.good, today.counts.bad, today.budget_left) == (120, 0, 1.0)
    # Yesterday still burns in the rolling windows of the alerts.
    assert today.burn_rates["1h"] == pytest.approx((50 / 60) / 0.005)


def test_segments_money_and_losses_are_of_the_calendar_window_alone(evening: Till) -> None:
    now_us = MIDNIGHT_US + HOUR_US
    tell(evening, steady(MIDNIGHT_US, now_us, 12), now_us=now_us)
    shown = evening.service.show("payment-success")
    assert sum(one.counts.good + one.counts.bad for one in shown.segments) == shown.counts.good
    [money] = shown.money
    assert (money.bad_minor, money.lost_minor) == (0, 0)
    assert money.good_minor == shown.counts.good * 5000


def test_the_budget_is_of_the_events_so_far_and_the_extrapolated_one_stands_beside_it(
    tmp_path: Path,
) -> None:
    till = Till(tmp_path, [payments("0.9", window=DAY)])
    bad_us = MIDNIGHT_US + 2 * HOUR_US
    tell(till, steady(MIDNIGHT_US, bad_us, 12), now_us=bad_us)
    tell(till, steady(bad_us, bad_us + MINUTE_US, 0, 60), now_us=bad_us + MINUTE_US)
    shown = till.service.show("payment-success")
    assert (shown.counts.good, shown.counts.bad) == (1440, 60)
    assert (shown.budget_left, shown.bad_left) == (0.6, 90)
    found = shown.extrapolated
    assert found is not None
    share = Fraction(2 * 3600 + 60, 86_400)
    assert shown.window.elapsed == pytest.approx(float(share))
    assert found.total == int(1500 / share)
    assert found.bad_left == found.bad_allowed - 60
    assert found.budget_left == pytest.approx(1 - 60 / (0.1 * found.total))
    assert "so far" in found.method


def test_nothing_is_extrapolated_from_the_first_minutes(evening: Till) -> None:
    now_us = MIDNIGHT_US + HOUR_US
    tell(evening, steady(MIDNIGHT_US, now_us, 1), now_us=now_us)
    assert evening.service.show("payment-success").extrapolated is None


def test_a_partial_first_window_says_from_when_on_it_was_counted(till: Till) -> None:
    window = till.service.show("payment-success").window
    assert window.counted_from == rfc3339(START_US)
    assert window.ends == window.to
    assert window.elapsed == pytest.approx(600 / (28 * 86_400), rel=1e-6)


def test_a_calendar_window_that_the_shop_joined_late_says_so(evening: Till) -> None:
    window = evening.service.show("payment-success").window
    assert window.counted_from == rfc3339(MIDNIGHT_US - HOUR_US)
    assert window.elapsed == pytest.approx(600 / 86_400)


def test_the_tiers_of_a_calendar_window_go_by_its_nominal_length(tmp_path: Path) -> None:
    month = Window(30 * DAY_US, Calendar("M", 1, datetime(2026, 1, 1), BERLIN))
    till = Till(tmp_path, [payments("0.9", window=month)])
    till.play(60, evaluate=False)
    [lowered] = till.service.show("payment-success").notes
    assert "the usual factor 14.4 could never fire" in lowered


def test_the_window_before_stays_in_sight_when_a_new_one_begins(evening: Till) -> None:
    ten_past_us = HOUR_BEFORE_US + 10 * MINUTE_US
    tell(evening, steady(ten_past_us, MIDNIGHT_US, 12), now_us=MIDNIGHT_US)
    shown = evening.service.show("payment-success")
    assert (shown.state, shown.sli) == ("no_data", None)
    before = shown.previous
    assert before is not None
    assert (before.start, before.to) == (rfc3339(MIDNIGHT_US - DAY_US), rfc3339(MIDNIGHT_US))
    assert (before.counts.good, before.counts.bad, before.kept) == (600, 120, False)
    assert before.budget_left == pytest.approx(1 - (120 / 720) / 0.005)


def test_of_a_window_before_in_which_nobody_was_heard_nothing_is_said(evening: Till) -> None:
    assert evening.service.show("payment-success").previous is None


def test_a_window_before_that_was_hardly_observed_is_neither_kept_nor_broken(
    tmp_path: Path,
) -> None:
    till = Till(tmp_path, [payments(window=DAY)])
    now_us = MIDNIGHT_US + HOUR_US
    hour = steady(MIDNIGHT_US - 10 * HOUR_US, MIDNIGHT_US - 9 * HOUR_US, 1)
    tell(till, [*hour, *steady(MIDNIGHT_US, now_us, 1)], now_us=now_us)
    before = till.service.show("payment-success").previous
    assert before is not None
    assert (before.sli, before.kept) == (1.0, None)
    assert before.coverage < 0.2


def test_a_rolling_window_has_none_before_and_is_not_extrapolated(till: Till) -> None:
    shown = till.service.show("payment-success")
    assert (shown.previous, shown.extrapolated) == (None, None)
