"""What is usual, at which level, and what may be told from how little."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, to_us
from slo.volume.expectation import NOTHING, Basis, Expectation, expect
from slo.volume.pattern import SLOT_US, same_time_earlier, slot_of, usual, week_steps

BERLIN = ZoneInfo("Europe/Berlin")
# A Wednesday, 12:00Z.
NOON_US = to_us(datetime(2026, 2, 18, 12, tzinfo=UTC))


def at(text: str) -> int:
    return to_us(datetime.fromisoformat(text))


def flat_history(
    days: float, per_slot: int = 900, until_us: int = NOON_US, every_d: float = 0
) -> dict[int, int]:
    """The same volume in every slot of the last days."""
    begin = slot_of(until_us - round(days * DAY_US))
    return dict.fromkeys(range(begin, slot_of(until_us), SLOT_US), per_slot)


def test_a_steady_shop_is_expected_to_go_on_as_it_always_did():
    found = expect(flat_history(50), NOON_US)
    assert (found.basis, found.level, found.references) == (Basis.WEEKS, 1.0, 6)
    assert found.expected(NOON_US, NOON_US + MINUTE_US) == pytest.approx(60)


def test_one_holiday_and_one_campaign_among_six_weeks_change_nothing():
    slots = flat_history(50)
    for weeks, factor in ((1, 0.0), (2, 5.0)):
        middle = NOON_US - 7 * weeks * DAY_US
        for at_us in range(slot_of(middle) - 6 * SLOT_US, slot_of(middle) + 6 * SLOT_US, SLOT_US):
            slots[at_us] = round(900 * factor)
    found = expect(slots, NOON_US)
    assert found.expected(NOON_US, NOON_US + MINUTE_US) == pytest.approx(60)


@given(share=st.floats(0.2, 1.4))
def test_a_slow_day_lowers_what_is_expected_and_a_busy_one_raises_it(share: float):
    slots = flat_history(50)
    for at_us in list(slots):
        if at_us >= NOON_US - 3 * HOUR_US:
            slots[at_us] = round(900 * share)
    found = expect(slots, NOON_US)
    assert found.level == pytest.approx(share, abs=0.03)


def test_an_outage_of_the_last_ten_minutes_does_not_lower_its_own_yardstick():
    slots = flat_history(50, until_us=NOON_US + HOUR_US)
    for past_min in range(11):
        now_us = NOON_US + past_min * MINUTE_US
        silent = {at_us: n for at_us, n in slots.items() if at_us < NOON_US}
        assert expect(silent, now_us).level == 1.0, past_min


def test_a_known_outage_is_left_out_of_the_level():
    slots = flat_history(50)
    begin_us, end_us = NOON_US - 100 * MINUTE_US, NOON_US - 40 * MINUTE_US
    for at_us in list(slots):
        if begin_us <= at_us < end_us:
            del slots[at_us]
    assert expect(slots, NOON_US).level < 0.7
    assert expect(slots, NOON_US, outages=[(begin_us, end_us)]).level == 1.0


def test_one_or_two_weeks_are_believed_less():
    found = expect(flat_history(15), NOON_US)
    assert (found.basis, found.references, found.dispersion) == (Basis.FEW_WEEKS, 2, 0.06)
    assert usual({NOON_US - SLOT_US: 30, NOON_US: 30, NOON_US + SLOT_US: 30}, [NOON_US]) == 30


def test_in_the_first_week_the_days_stand_in_and_never_above_the_last_two_hours():
    slots = flat_history(4)
    for at_us in list(slots):
        if at_us >= NOON_US - 3 * HOUR_US:
            slots[at_us] = 90
    found = expect(slots, NOON_US)
    assert (found.basis, found.references) == (Basis.DAYS, 4)
    assert found.expected(NOON_US, NOON_US + MINUTE_US) == pytest.approx(6)


def test_a_shop_that_was_closed_all_day_is_not_missed_in_its_first_week():
    slots = {one: n for one, n in flat_history(5).items() if one < NOON_US - 13 * HOUR_US}
    found = expect(slots, NOON_US)
    assert found.basis is Basis.DAYS
    assert found.expected(NOON_US, NOON_US + MINUTE_US) == 0.0


def test_on_the_first_day_only_a_steady_flow_is_expected_to_go_on():
    steady = expect(flat_history(0.1), NOON_US)
    assert steady.basis is Basis.HOURS
    assert steady.expected(NOON_US, NOON_US + MINUTE_US) == pytest.approx(60)
    falling = flat_history(0.1)
    for step, at_us in enumerate(sorted(falling)):
        falling[at_us] = max(0, 900 - 120 * step)
    assert expect(falling, NOON_US) is NOTHING
    burst = {slot_of(NOON_US) - 3 * SLOT_US: 900}
    assert expect(burst, NOON_US) is NOTHING
    assert expect({}, NOON_US) is NOTHING


def test_by_night_nothing_is_guessed_on_the_first_day_where_the_shop_has_a_clock():
    night_us = at("2026-02-18T23:30:00+01:00")
    slots = flat_history(0.2, until_us=night_us)
    assert expect(slots, night_us, BERLIN) is NOTHING
    assert expect(slots, night_us).basis is Basis.HOURS
    assert expect(flat_history(2, until_us=night_us), night_us, BERLIN).basis is Basis.DAYS


def test_a_week_goes_by_the_wall_clock_over_the_change_of_the_clocks():
    # Berlin went to summer time on 2026-03-29 at 02:00.
    after_us = at("2026-03-30T09:00:00+02:00")
    assert same_time_earlier(after_us, 7, BERLIN) == at("2026-03-23T09:00:00+01:00")
    assert same_time_earlier(after_us, 1, BERLIN) == at("2026-03-29T09:00:00+02:00")
    skipped_us = at("2026-04-05T02:30:00+02:00")
    assert same_time_earlier(skipped_us, 7, BERLIN) == at("2026-03-29T03:30:00+02:00")
    # And back on 2026-10-25 at 03:00: both 02:30 have the same one a week before.
    for offset in ("+02:00", "+01:00"):
        twice_us = at(f"2026-10-25T02:30:00{offset}")
        assert same_time_earlier(twice_us, 7, BERLIN) == at("2026-10-18T02:30:00+02:00")


def test_the_opening_hour_of_a_shop_is_where_the_clock_on_its_wall_says():
    """Opens at 09:00 in Berlin. In UTC that is 08:00 in winter and 07:00 in summer."""
    slots = {}
    for day in range(60):
        begin_us = at("2026-02-15T00:00:00+01:00") + day * DAY_US
        for at_us in range(begin_us, begin_us + DAY_US, SLOT_US):
            local = datetime.fromtimestamp(at_us // SECOND_US, BERLIN)
            slots[at_us] = 900 if 9 <= local.hour < 18 else 0
    half_past = at("2026-03-30T09:30:00+02:00")
    known = {one: n for one, n in slots.items() if one < half_past - 15 * MINUTE_US}
    by_wall = expect(known, half_past, BERLIN)
    by_utc = expect(known, half_past)
    minute = (half_past, half_past + MINUTE_US)
    assert by_wall.expected(*minute) > 0
    assert by_utc.expected(*minute) == 0


@given(cut=st.integers(1, 599))
def test_expected_volume_adds_up_over_neighbouring_windows(cut: int):
    pattern = {slot_of(NOON_US) + n * SLOT_US: 100.0 * (n + 5) for n in range(-4, 5)}
    found = Expectation(Basis.WEEKS, pattern, 0.9, references=6)
    whole = found.expected(NOON_US - 300 * SECOND_US, NOON_US + 300 * SECOND_US)
    middle = NOON_US + (cut - 300) * SECOND_US
    parts = found.expected(NOON_US - 300 * SECOND_US, middle)
    parts += found.expected(middle, NOON_US + 300 * SECOND_US)
    assert parts == pytest.approx(whole, rel=0.02)


def test_weeks_are_seven_days_apart():
    assert week_steps() == [7, 14, 21, 28, 35, 42]
