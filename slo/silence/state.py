"""When an open silence may end: `step(alert, observation)`. Pure.

It ends after 120 s without a fire in which at least two thirds of what is expected began, or after
15 min without a fire and with more than half of it in the newest 10 min (the shop lives on at a
lower level). Nothing arriving never ends it, however little is expected by night: it lasts until
attempts begin again. While we are deaf ourselves it keeps its state.
Times are data time (the watermark).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from kernel.clock import MINUTE_US, SECOND_US
from slo.alert_state import OpenAlert, Step, Verdict

QUIET_US = 120 * SECOND_US
BACK_S = 120
LOWER_US = 15 * MINUTE_US
LOWER_S = 600
_BACK = Fraction(2, 3)
_LOWER = Fraction(1, 2)
# One stray attempt of a test is no living shop.
_LEAST_BACK = 3


@dataclass(frozen=True)
class Seen:
    """One pass: `deaf` says why nothing can be told; begun and expected of the newest spans."""

    at_us: int
    deaf: str
    fires: bool
    begun: int = 0
    expected: float = 0.0
    long_begun: int = 0
    long_expected: float = 0.0


def step(alert: OpenAlert, seen: Seen) -> Step:
    """Decide for one pass."""
    if seen.deaf:
        return Step(alert, Verdict.FROZEN, f"the alert keeps its state: {seen.deaf}")
    alert = replace(alert, last_fire_us=min(alert.last_fire_us, seen.at_us))
    if seen.fires:
        return Step(replace(alert, last_fire_us=seen.at_us), Verdict.HOLD, "still silent")
    quiet_us = seen.at_us - alert.last_fire_us
    if quiet_us < QUIET_US:
        return Step(alert, Verdict.HOLD, f"back for {quiet_us // SECOND_US} s of 120 s")
    if _reaches(seen.begun, seen.expected, _BACK):
        text = f"attempts arrive again: {seen.begun} in 120 s, about {seen.expected:.0f} are usual"
        return Step(alert, Verdict.CLOSE, text)
    if quiet_us >= LOWER_US and _reaches(seen.long_begun, seen.long_expected, _LOWER):
        text = (
            f"attempts arrive again, fewer than usual: {seen.long_begun} in 10 min, about "
            f"{seen.long_expected:.0f} are usual"
        )
        return Step(alert, Verdict.CLOSE, text)
    return Step(alert, Verdict.HOLD, f"only {seen.begun} attempts in 120 s")


def _reaches(begun: int, expected: float, share: Fraction) -> bool:
    return begun >= _LEAST_BACK and begun >= share * Fraction(expected)
