"""When an open silence may end."""

from __future__ import annotations

from kernel.clock import MINUTE_US, SECOND_US
from slo.alert_state import OpenAlert, Verdict
from slo.silence.state import Seen, step

T0 = 1_000_000 * SECOND_US
ALERT = OpenAlert(last_fire_us=T0)


def seen(after_s: int, begun: int, expected: float, **more: float) -> Seen:
    values: dict[str, object] = {"deaf": "", "fires": False}
    return Seen(
        T0 + after_s * SECOND_US,
        begun=begun,
        expected=expected,
        **(values | more),  # type: ignore[arg-type]
    )


def test_it_holds_while_it_fires_and_two_minutes_longer():
    held = step(ALERT, seen(60, 0, 120, fires=True))
    assert held.verdict is Verdict.HOLD
    assert held.alert.last_fire_us == T0 + 60 * SECOND_US
    assert step(ALERT, seen(119, 120, 120)).verdict is Verdict.HOLD
    assert step(ALERT, seen(120, 120, 120)).verdict is Verdict.CLOSE


def test_two_thirds_of_what_is_usual_are_back_to_normal():
    assert step(ALERT, seen(600, 79, 120)).verdict is Verdict.HOLD
    assert step(ALERT, seen(600, 80, 120)).verdict is Verdict.CLOSE


def test_a_shop_that_lives_on_at_a_lower_level_is_told_after_a_quarter_of_an_hour():
    lower = {"long_begun": 310, "long_expected": 600}
    assert step(ALERT, seen(899, 62, 120, **lower)).verdict is Verdict.HOLD
    ended = step(ALERT, seen(900, 62, 120, **lower))
    assert ended.verdict is Verdict.CLOSE
    assert "fewer than usual" in ended.reason


def test_nothing_arriving_never_ends_it_however_little_is_expected():
    by_night = {"long_begun": 0, "long_expected": 0.2}
    assert step(ALERT, seen(9 * 3600, 0, 0.04, **by_night)).verdict is Verdict.HOLD
    assert step(ALERT, seen(9 * 3600, 2, 0.04, **by_night)).verdict is Verdict.HOLD
    assert step(ALERT, seen(9 * 3600, 3, 0.04, **by_night)).verdict is Verdict.CLOSE


def test_while_we_are_deaf_it_keeps_its_state():
    frozen = step(ALERT, seen(3600, 500, 120, deaf="the watermark is behind"))
    assert frozen.verdict is Verdict.FROZEN
    assert frozen.alert == ALERT


def test_after_the_clock_was_set_back_it_does_not_hold_until_the_future():
    ahead = OpenAlert(last_fire_us=T0 + 60 * MINUTE_US)
    assert step(ahead, seen(0, 120, 120)).alert.last_fire_us == T0
