"""When an open burn alert may close: `step(alert, observation)`. Pure.

One alert per objective and segment. It closes after 120 s without a fire when the newest 120 s
hold at least 20 attempts at no more than 3.6 x the budget ratio, or after 15 quiet minutes where
there is too little traffic to tell. Without data it is frozen: no news is not good news.
Times are data time (the watermark), so that a stopped source never makes an alert look quiet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from kernel.clock import MINUTE_US, SECOND_US

QUIET_US = 120 * SECOND_US
SPARSE_QUIET_US = 15 * MINUTE_US
RECENT_S = 120
ENOUGH = 20
# A quarter of 14.4: below the level that opens, so that a hovering ratio does not flap.
CALM_BURN = Fraction(36, 10)


class Verdict(StrEnum):
    """What becomes of the alert in this pass."""

    FROZEN = "frozen"
    HOLD = "hold"
    CLOSE = "close"


@dataclass(frozen=True)
class OpenAlert:
    """What the decision needs to remember (data times in microseconds)."""

    last_fire_us: int
    busiest: int = 0  # most attempts seen in 120 s while open: tells "moved away" from "small"


@dataclass(frozen=True)
class Observation:
    """One pass: `fires` names what fires now; counts are those of the newest 120 s.

    `rest_*` are the counts of the whole objective where the alert is about a segment of it.
    """

    at_us: int
    no_data: bool
    fires: bool
    bad: int
    total: int
    rest_bad: int = 0
    rest_total: int = 0
    is_segment: bool = False


@dataclass(frozen=True)
class Step:
    """The alert as it is now, the verdict, and why."""

    alert: OpenAlert
    verdict: Verdict
    reason: str


def step(alert: OpenAlert, seen: Observation, budget: Fraction) -> Step:
    """Decide for one pass. `budget` = 1 - target."""
    if seen.no_data:
        return Step(alert, Verdict.FROZEN, "no data: the alert keeps its state")
    # A fire in the future was seen before the clock was set back: it is as fresh as can be.
    last_us = min(alert.last_fire_us, seen.at_us)
    alert = replace(alert, last_fire_us=last_us, busiest=max(alert.busiest, seen.total))
    if seen.fires:
        held = replace(alert, last_fire_us=max(alert.last_fire_us, seen.at_us))
        return Step(held, Verdict.HOLD, "still firing")
    quiet_us = seen.at_us - alert.last_fire_us
    if quiet_us < QUIET_US:
        return Step(alert, Verdict.HOLD, f"quiet for {quiet_us // SECOND_US} s of 120 s")
    if seen.total >= ENOUGH:
        return _judge_ratio(alert, seen, budget)
    if _moved_away(alert, seen, budget):
        return Step(
            alert,
            Verdict.CLOSE,
            f"no attempts in this segment any more ({seen.total} in 120 s); of the objective's "
            f"{seen.rest_total} attempts {seen.rest_bad} failed, within the calm level",
        )
    if quiet_us >= SPARSE_QUIET_US and seen.bad == 0:
        return Step(
            alert,
            Verdict.CLOSE,
            f"closed for lack of evidence: 15 min without a fire and only {seen.total} attempts "
            "in 120 s",
        )
    return Step(alert, Verdict.HOLD, f"only {seen.total} attempts in 120 s: waiting for 15 min")


def is_calm(bad: int, total: int, budget: Fraction) -> bool:
    """True where the ratio is at or below 3.6 x the budget ratio (and something was counted)."""
    return total > 0 and Fraction(bad, total) <= CALM_BURN * budget


def _judge_ratio(alert: OpenAlert, seen: Observation, budget: Fraction) -> Step:
    ratio = f"{seen.bad} of {seen.total} attempts failed in the newest 120 s"
    limit = f"{float(CALM_BURN * budget):.2%}"
    if is_calm(seen.bad, seen.total, budget):
        return Step(alert, Verdict.CLOSE, f"{ratio}, at or below {limit}, and nothing fires")
    return Step(alert, Verdict.HOLD, f"{ratio}, above {limit}")


def _moved_away(alert: OpenAlert, seen: Observation, budget: Fraction) -> bool:
    """A segment that had traffic and has none now, while the rest of the objective is calm."""
    return (
        seen.is_segment
        and alert.busiest >= ENOUGH
        and seen.bad == 0
        and seen.total * 10 <= alert.busiest
        and seen.rest_total >= ENOUGH
        and is_calm(seen.rest_bad, seen.rest_total, budget)
    )
