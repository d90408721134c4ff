"""What may be our own fault is never called silence of the shop."""

from __future__ import annotations

import random

import pytest

from kernel.clock import MINUTE_US, SECOND_US
from slo.silence.pulse import PATIENCE_US, SETTLE_US, STALE_US, Pulse
from slo.silence.rule import SLICE_US

T0 = 1_000_000 * SECOND_US
KEY = ("payment-success", "shop")


def listening(since_us: int = T0) -> Pulse:
    pulse = Pulse()
    pulse.note_pass(since_us, since_us)
    return pulse


def test_for_two_minutes_after_the_start_nothing_is_judged():
    pulse = listening()
    assert "less than 2 minutes" in pulse.deaf(T0 + SETTLE_US - 1)
    assert pulse.deaf(T0 + SETTLE_US) == ""
    pulse.note_pass(T0 + SETTLE_US, T0 + SETTLE_US)
    assert pulse.deaf(T0 + SETTLE_US), "the machine slept for two minutes"
    assert Pulse().deaf(T0)


def test_an_old_watermark_makes_us_deaf_and_two_minutes_longer():
    pulse = listening()
    later = T0 + 60 * MINUTE_US
    pulse.note_pass(later, later - STALE_US - 1)
    assert "watermark" in pulse.deaf(later)
    pulse.note_pass(later + 5 * SECOND_US, later + 5 * SECOND_US)
    assert pulse.deaf(later + 10 * SECOND_US)
    assert pulse.deaf(later + 5 * SECOND_US + SETTLE_US) == ""


def deliver(pulse: Pulse, every_s: int, delay_s: int = 0, minutes: int = 50) -> int:
    """A source with one attempt a second that sends a batch every so often; passes every 5 s."""
    now_us, newest_us = T0, T0
    for second in range(5, minutes * 60 + 1, 5):
        now_us = T0 + second * SECOND_US
        pulse.note_pass(now_us, now_us)
        if second % every_s == 0:
            newest_us = now_us - SLICE_US - delay_s * SECOND_US
        pulse.note_newest(KEY, newest_us, now_us)
    return now_us


def test_a_source_that_speaks_all_the_time_has_no_lag():
    pulse = listening()
    deliver(pulse, every_s=5)
    assert pulse.lag_us(KEY, 1.0) == 0


@pytest.mark.parametrize("every_s", [60, 120, 300])
def test_windows_of_a_source_that_sends_batches_end_before_the_newest_batch(every_s: int):
    pulse = listening()
    deliver(pulse, every_s=every_s)
    assert every_s - 20 <= pulse.lag_us(KEY, 1.0) / SECOND_US <= every_s


def test_a_source_that_is_always_late_by_as_much_is_judged_as_much_earlier():
    pulse = listening()
    deliver(pulse, every_s=5, delay_s=40)
    assert 30 <= pulse.lag_us(KEY, 1.0) / SECOND_US <= 40


def test_chance_between_rare_attempts_is_no_lag():
    rng = random.Random(7)
    pulse, newest_us = listening(), T0
    for second in range(5, 3600, 5):
        now_us = T0 + second * SECOND_US
        if rng.random() < 0.4:
            newest_us = now_us - SLICE_US
        pulse.note_newest(KEY, newest_us, now_us)
    assert pulse.lag_us(KEY, 0.1) <= 20 * SECOND_US


def test_two_short_outages_in_an_hour_make_no_lag():
    pulse = listening()
    now_us = deliver(pulse, every_s=5)
    for _ in range(2):
        now_us += 50 * SECOND_US
        pulse.note_newest(KEY, now_us - SLICE_US, now_us)
    assert pulse.lag_us(KEY, 1.0) == 0


def test_a_told_silence_is_no_rhythm():
    pulse = listening()
    now_us = deliver(pulse, every_s=5)
    for _ in range(5):
        pulse.forget_gap(KEY)
        now_us += 300 * SECOND_US
        pulse.note_newest(KEY, now_us - SLICE_US, now_us)
    assert pulse.lag_us(KEY, 1.0) == 0


def test_a_source_is_judged_once_its_rhythm_is_known_or_after_some_patience():
    pulse = listening()
    assert not pulse.knows(KEY, T0 + SETTLE_US)
    assert pulse.knows(KEY, T0 + PATIENCE_US)
    deliver(pulse, every_s=5, minutes=1)
    assert pulse.knows(KEY, T0 + MINUTE_US)
