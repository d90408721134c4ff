"""How long an error budget lasts at the newest rate. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from dashboards.formatting import duration
from kernel.clock import SECOND_US, parse_rfc3339

# The newest rate is taken over this many seconds: short enough to see an outage that just began.
RATE_OVER_S: Final = 300
_LONG_S: Final = 28 * 86_400


def seconds_left(bad_left: int, bad: int, total: int, target: float, over_s: float) -> float | None:
    """Seconds until the budget is gone, or None where it does not shrink.

    bad_left / ((bad - (1 - target) x total) / over_s): each new unit also adds to the budget. Units
    that leave the window are not looked at. 0 where the budget is spent.
    """
    if bad_left <= 0:
        return 0.0
    net = bad - (1 - target) * total
    return None if net <= 0 or over_s <= 0 else bad_left * over_s / net


def forecast(slo: Mapping[str, Any], points: Iterable[Mapping[str, Any]]) -> str:
    """`gone in 4 min at this rate`, or "" where nothing useful can be said (of slices nothing)."""
    bad = total = 0
    for point in points:
        bad += point["bad"]
        total += point["bad"] + point["good"]
    left = slo["bad_left"]
    if slo["slices"] or left is None or left <= 0 or not total:
        return ""
    seconds = seconds_left(left, bad, total, float(slo["target"]), RATE_OVER_S)
    if seconds is None or seconds > min(_LONG_S, _seconds_ahead(slo["window"])):
        return ""
    return f"gone in {duration(seconds)} at the rate of the last 5 min"


def _seconds_ahead(window: Mapping[str, Any]) -> float:
    """What a calendar window still has ahead of it: its budget need not last any longer."""
    if window["kind"] != "calendar":
        return _LONG_S
    return (parse_rfc3339(window["ends"]) - parse_rfc3339(window["to"])) / SECOND_US
