"""How fast the error budget is being spent. Pure, exact (Fractions until the very edge).

`burn = (bad / total) / (1 - target)`: 1 spends the whole budget in exactly one objective window,
`1 / (1 - target)` is the most that can ever be. Source: Site Reliability Workbook, chapter 5.
"""

from __future__ import annotations

from fractions import Fraction


def burn_rate(bad: int, total: int, budget: Fraction) -> Fraction | None:
    """Burn of `bad` among `total` attempts; None where nothing was counted (that is no zero).

    `budget` = 1 - target, above 0.
    """
    if total <= 0:
        return None
    return Fraction(bad, total) / budget


def reaches(bad: int, total: int, factor: Fraction, budget: Fraction) -> bool:
    """True where the burn is at or above `factor` (`>=`, compared without rounding)."""
    return total > 0 and Fraction(bad, total) >= factor * budget


def maximum_burn(budget: Fraction) -> Fraction:
    """Burn of a total outage: no factor above it can ever be reached."""
    return 1 / budget


def factor_for_share(share: Fraction, window_s: int, alert_window_s: int) -> Fraction:
    """Burn that spends `share` of the budget of `window_s` within `alert_window_s`."""
    return share * Fraction(window_s, alert_window_s)


def share_spent(burn: Fraction, lasted_s: int, window_s: int) -> Fraction:
    """Share of the budget that a steady `burn` spends in `lasted_s`."""
    return burn * Fraction(lasted_s, window_s)


def seconds_to_trip(
    error_ratio: Fraction, factor: Fraction, budget: Fraction, long_s: int
) -> float:
    """Seconds of a constant `error_ratio`, from clean history, until the window of `long_s` trips.

    Infinite where the ratio is below `factor * budget`.
    """
    threshold = factor * budget
    return float(threshold / error_ratio * long_s) if error_ratio >= threshold else float("inf")


def seconds_to_empty(burn: Fraction, left: Fraction, window_s: int) -> float:
    """At this pace, seconds until `left` (a share of the budget) is spent. Pace only: old failures
    that leave a rolling window are not simulated.
    """
    if left <= 0:
        return 0.0
    return float(left * window_s / burn) if burn > 0 else float("inf")
