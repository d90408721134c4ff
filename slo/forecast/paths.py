"""Simulating the margin of a rolling window: failures come, and old ones leave. Pure.

Source of the rule: smallest h with bad(now - W + h, now) + e v h >= B (total(now - W + h, now) + v
h). Written with gains g = B total - bad, the margin after h hours is that of now, plus the gains
that come, less those that leave; the budget is spent where it reaches zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NEVER = float("inf")


def hours_to_empty(margin: float, coming: Iterable[float], leaving: Sequence[float]) -> float:
    """Hours until the margin is spent, by straight lines inside of an hour; `NEVER` if it is not.

    `coming` ends the simulation; what came leaves again after `len(leaving)` hours.
    """
    if margin <= 0:
        return 0.0
    came: list[float] = []
    window_h = len(leaving)
    for hour, gain in enumerate(coming):
        came.append(gain)
        left = leaving[hour] if hour < window_h else came[hour - window_h]
        following = margin + gain - left
        if following <= 0:
            return hour + margin / (margin - following)
        margin = following
    return NEVER
