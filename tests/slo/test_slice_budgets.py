"""Budgets of time through the real ledger: slices, gaps, what stays in attempts."""

from collections.abc import Iterable
from contextlib import nullcontext
from datetime import datetime
from fractions import Fraction
from itertools import chain
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from kernel.shop_event import ShopEvent
from slo.cli import build_cli
from slo.objective import Calendar, Objective, TimeSlices, Window
from slo.schemas import SloOut
from tests.slo.history import attempts, steady, tell
from tests.slo.shop_till import START_US, Till, payments

T0 = START_US - START_US % HOUR_US
SLICE_US = 5 * MINUTE_US
TWO_HOURS_US = 2 * HOUR_US
BY_TIME = TimeSlices(SLICE_US, Fraction(95, 100))
BY_RATIO = TimeSlices(SLICE_US)


def objective(slices: TimeSlices = BY_TIME, **changes: object) -> Objective:
    return payments(**{"target": "0.9", "window": Window(DAY_US), "slices": slices, **changes})


def shown(tmp_path: Path, one: Objective, events: Iterable[ShopEvent], now_us: int) -> SloOut:
    till = Till(tmp_path, [one])
    tell(till, events, now_us=now_us)
    return till.service.show(one.id)


def two_hours_with_a_bad_slice() -> Iterable[ShopEvent]:
    """24 slices of 50 attempts; in the fourth half of them fail."""
    bad_us = T0 + 3 * SLICE_US
    return chain(
        steady(T0, bad_us, 10),
        steady(bad_us, bad_us + SLICE_US, 5, 5),
        steady(bad_us + SLICE_US, T0 + TWO_HOURS_US, 10),
    )


def test_by_timeslices_a_slice_is_bad_or_good_and_the_budget_is_time(tmp_path: Path) -> None:
    found = shown(tmp_path, objective(), two_hours_with_a_bad_slice(), T0 + TWO_HOURS_US)
    slices = found.slices
    assert slices is not None
    assert (slices.method, slices.length_s, slices.target) == ("Timeslices", 300, 0.95)
    assert (slices.counted, slices.bad, slices.neutral, slices.missing) == (24, 1.0, 0, 0)
    assert (slices.bad_s, slices.allowed_s, slices.left_s) == (300, 720, 420)
    assert found.sli == 23 / 24
    assert found.budget_left == pytest.approx(1 - 1 / 2.4)
    assert (found.bad_left, found.state) == (1, "ok")


def test_by_ratio_slices_the_bad_slice_spends_its_bad_share(tmp_path: Path) -> None:
    found = shown(tmp_path, objective(BY_RATIO), two_hours_with_a_bad_slice(), T0 + TWO_HOURS_US)
    assert found.slices is not None
    assert (found.slices.method, found.slices.target) == ("RatioTimeslices", None)
    assert (found.slices.bad, found.slices.bad_s, found.slices.left_s) == (0.5, 150, 570)
    assert found.sli == pytest.approx(23.5 / 24)


def test_counts_money_segments_and_burn_rates_stay_in_attempts_and_add_up(tmp_path: Path) -> None:
    found = shown(tmp_path, objective(), two_hours_with_a_bad_slice(), T0 + TWO_HOURS_US)
    assert (found.counts.good, found.counts.bad) == (1175, 25)
    assert sum(one.counts.bad for one in found.segments) == 25
    assert sum(money.bad_minor for money in found.money) == 25 * 5000
    assert found.segments[0].budget_left == pytest.approx(1 - (25 / 1200) / 0.1)
    assert found.burn_rates["2h"] == pytest.approx((25 / 1200) / 0.1)


def test_the_slice_that_is_still_open_is_not_judged(tmp_path: Path) -> None:
    open_us = T0 + TWO_HOURS_US
    events = chain(two_hours_with_a_bad_slice(), attempts(open_us, 0, 30))
    found = shown(tmp_path, objective(), events, open_us + MINUTE_US)
    assert found.slices is not None
    assert (found.slices.counted, found.slices.bad) == (24, 1.0)
    assert found.counts.bad == 55


def test_a_slice_without_an_attempt_is_neutral_while_the_shop_is_heard(tmp_path: Path) -> None:
    quiet_us = T0 + HOUR_US
    elsewhere = steady(quiet_us, quiet_us + 2 * SLICE_US, 1)
    heard = (_of_another_kind(one) for one in elsewhere)
    events = chain(
        steady(T0, quiet_us, 10),
        heard,
        steady(quiet_us + 2 * SLICE_US, T0 + TWO_HOURS_US, 10),
    )
    found = shown(tmp_path, objective(), events, T0 + TWO_HOURS_US)
    assert found.slices is not None
    assert (found.slices.counted, found.slices.neutral, found.slices.missing) == (22, 2, 0)
    assert (found.sli, found.coverage, found.state) == (1.0, 1.0, "ok")


@pytest.mark.parametrize(
    ("rule", "state", "counted", "missing", "left"),
    [
        ("freeze", "no_data", 18, 6, 1.0),
        ("neutral", "ok", 18, 6, 1.0),
        ("bad", "broken", 24, 0, 1 - 6 / 2.4),
    ],
)
def test_a_gap_of_half_an_hour_is_what_the_rule_says(
    tmp_path: Path, rule: str, state: str, counted: int, missing: int, left: float
) -> None:
    gap_us = T0 + HOUR_US
    events = chain(
        steady(T0, gap_us, 10),
        steady(gap_us + 6 * SLICE_US, T0 + TWO_HOURS_US, 10),
    )
    found = shown(tmp_path, objective(no_data=rule), events, T0 + TWO_HOURS_US)
    assert found.slices is not None
    assert (found.slices.counted, found.slices.missing) == (counted, missing)
    assert found.coverage == 0.75
    assert found.state == state
    assert found.budget_left == pytest.approx(left)
    assert found.no_data is not None
    assert (found.no_data.rule, found.no_data.gap_s) == (rule, 1800)
    assert found.no_data.spent == pytest.approx(6 / 2.4 if rule == "bad" else 0)


def test_what_was_seen_failing_before_a_gap_counts(tmp_path: Path) -> None:
    gap_us = T0 + HOUR_US
    events = chain(
        steady(T0, gap_us, 10),
        attempts(gap_us, 0, 20),
        steady(gap_us + 6 * SLICE_US, T0 + TWO_HOURS_US, 10),
    )
    found = shown(tmp_path, objective(no_data="neutral"), events, T0 + TWO_HOURS_US)
    assert found.slices is not None
    assert (found.slices.bad, found.slices.missing) == (1.0, 5)


def test_a_calendar_day_has_slices_from_its_own_midnight(tmp_path: Path) -> None:
    day = Window(DAY_US, Calendar("D", 1, datetime(2026, 1, 1), "Asia/Kolkata"))
    midnight_us = T0 - T0 % DAY_US + DAY_US - 5 * HOUR_US - 30 * MINUTE_US
    events = steady(midnight_us - HOUR_US, midnight_us + HOUR_US, 1)
    one = objective(window=day, slices=TimeSlices(HOUR_US, Fraction(1, 2)))
    found = shown(tmp_path, one, events, midnight_us + HOUR_US + 20 * MINUTE_US)
    assert found.slices is not None
    assert (found.slices.counted, found.counts.good) == (1, 60)
    assert found.extrapolated is None


def test_four_weeks_of_minutes_are_read_in_parts(tmp_path: Path) -> None:
    now_us = T0 + 28 * DAY_US
    events = chain(attempts(T0, 1, 0), steady(now_us - HOUR_US, now_us, 1))
    one = objective(
        window=Window(28 * DAY_US), slices=TimeSlices(MINUTE_US, Fraction(1, 2)), no_data="neutral"
    )
    found = shown(tmp_path, one, events, now_us)
    assert found.slices is not None
    assert (found.slices.counted, found.slices.missing) == (61, 28 * 1440 - 61)


def _of_another_kind(event: ShopEvent) -> ShopEvent:
    return msgspec.structs.replace(event, type="cart.updated", payment_id="", decline_class="")


def test_the_command_line_says_it_in_minutes(tmp_path: Path) -> None:
    till = Till(tmp_path, [objective()])
    tell(till, two_hours_with_a_bad_slice(), now_us=T0 + TWO_HOURS_US)
    cli = build_cli(lambda _: nullcontext(till.service))
    listed = CliRunner().invoke(cli, ["list"]).stdout
    assert "7 m 0 s" in listed
    told = CliRunner().invoke(cli, ["show", "payment-success"]).stdout
    assert "slices of 5 m 0 s: 24 counted, 5 m 0 s bad of 12 m 0 s" in told
