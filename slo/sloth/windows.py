"""Alert windows: which share of the budget, over which pair of windows, pages or makes a ticket.

Sloth's own sets for 28 and 30 days follow the Site Reliability Workbook, chapter 5; a file of
kind AlertWindows (sloth.slok.dev/v1) replaces them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from slo.openslo.problems import Problem, Problems
from slo.openslo.yaml_source import SourceFault, documents
from slo.sloth.model import DAY_S, KUBERNETES

HOUR_S, MINUTE_S = 3600, 60
KIND = "AlertWindows"
_PART = re.compile(r"([0-9]{1,6})(ms|[ywdhms])")
_DURATION = re.compile(r"(?:[0-9]{1,6}(?:ms|[ywdhms]))+\Z")
_UNITS_S = {"y": 365 * DAY_S, "w": 7 * DAY_S, "d": DAY_S, "h": HOUR_S, "m": MINUTE_S, "s": 1}
_MAX_PERIOD_S = 400 * DAY_S


@dataclass(frozen=True)
class WindowPair:
    """One pair: both windows must burn so fast that `budget_percent` is gone after the long one."""

    budget_percent: float
    short_s: int
    long_s: int

    def factor(self, period_s: int) -> float:
        """The burn rate, in float64 and in the order of operations that Sloth uses."""
        return self.budget_percent * _hours(period_s) / 100 / _hours(self.long_s)


@dataclass(frozen=True)
class AlertWindows:
    """The four pairs of one SLO period."""

    period_s: int
    page_quick: WindowPair
    page_slow: WindowPair
    ticket_quick: WindowPair
    ticket_slow: WindowPair

    @property
    def windows_s(self) -> list[int]:
        """All windows, each once, by length."""
        pairs = (self.page_quick, self.page_slow, self.ticket_quick, self.ticket_slow)
        return sorted({length for pair in pairs for length in (pair.short_s, pair.long_s)})


def workbook_windows(period_s: int) -> AlertWindows:
    """The workbook's pairs: 2 % in 1 h, 5 % in 6 h; 10 % in a day, 10 % in three."""
    return AlertWindows(
        period_s,
        page_quick=WindowPair(2, 5 * MINUTE_S, HOUR_S),
        page_slow=WindowPair(5, 30 * MINUTE_S, 6 * HOUR_S),
        ticket_quick=WindowPair(10, 2 * HOUR_S, DAY_S),
        ticket_slow=WindowPair(10, 6 * HOUR_S, 3 * DAY_S),
    )


BUILT_IN: Mapping[int, AlertWindows] = {
    days * DAY_S: workbook_windows(days * DAY_S) for days in (28, 30)
}


def prometheus_duration_s(text: object) -> int:
    """Seconds of `36h`, `1d12h`, `4w`. Raises ValueError that says why not."""
    if not isinstance(text, str) or not _DURATION.match(text):
        raise ValueError('a duration of Prometheus is wanted, such as "30m", "1d12h" or "4w"')
    seconds = 0
    for count, unit in _PART.findall(text):
        if unit == "ms":
            raise ValueError("windows are whole seconds")
        seconds += int(count) * _UNITS_S[unit]
    if not 0 < seconds <= _MAX_PERIOD_S:
        raise ValueError("between 1 s and 400 days are wanted")
    return seconds


def read_windows(text: str, origin: str = "") -> tuple[list[AlertWindows], list[Problem]]:
    """All AlertWindows of one file, and every fault. Never raises for content."""
    problems = Problems()
    try:
        found = documents(text)
    except SourceFault as fault:
        return [], [Problem(origin or "$", "", str(fault))]
    if not found:
        problems.add(origin or "$", "", "the file holds no object")
    several = len(found) > 1
    read = [
        _windows(one, f"{origin}#{index} $".strip() if origin or several else "$", problems)
        for index, one in enumerate(found)
    ]
    return [one for one in read if one is not None], problems.found


def _windows(value: Any, path: str, problems: Problems) -> AlertWindows | None:
    before = len(problems.found)
    outer = problems.fields(value, path, ("apiVersion", "kind", "spec"), ("spec",))
    for name, wanted in (("apiVersion", KUBERNETES), ("kind", KIND)):
        if outer.get(name) != wanted:
            problems.add(f"{path}.{name}", outer.get(name, ""), f'"{wanted}" is wanted')
    if outer.get("spec") is None:
        return None
    names = ("sloPeriod", "page", "ticket")
    spec = problems.fields(outer["spec"], f"{path}.spec", names, names)
    period_s = _seconds(spec.get("sloPeriod"), f"{path}.spec.sloPeriod", problems)
    pairs = [
        _pair(_inner(spec.get(kind), speed), f"{path}.spec.{kind}.{speed}", period_s, problems)
        for kind in ("page", "ticket")
        for speed in ("quick", "slow")
    ]
    for kind in ("page", "ticket"):
        if spec.get(kind) is not None:
            problems.fields(spec[kind], f"{path}.spec.{kind}", ("quick", "slow"))
    if len(problems.found) > before:
        return None
    return AlertWindows(period_s, *pairs)


def _inner(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _pair(value: Any, path: str, period_s: int, problems: Problems) -> WindowPair:
    if value is None:
        problems.add(path, "", "this field is missing")
        return WindowPair(0, 1, 1)
    names = ("errorBudgetPercent", "shortWindow", "longWindow")
    fields = problems.fields(value, path, names, names)
    percent = _percent(fields.get("errorBudgetPercent"), f"{path}.errorBudgetPercent", problems)
    short_s = _seconds(fields.get("shortWindow"), f"{path}.shortWindow", problems)
    long_s = _seconds(fields.get("longWindow"), f"{path}.longWindow", problems)
    if short_s and long_s and short_s >= long_s:
        problems.add(f"{path}.shortWindow", fields["shortWindow"], "must be below the longWindow")
    if long_s and period_s and long_s >= period_s:
        problems.add(f"{path}.longWindow", fields["longWindow"], "must be below the sloPeriod")
    return WindowPair(percent, short_s, long_s)


def _percent(value: Any, path: str, problems: Problems) -> float:
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 < value <= 100:
        problems.add(path, value, "a number above 0, at most 100, is wanted")
        return 0.0
    return float(value)


def _seconds(value: Any, path: str, problems: Problems) -> int:
    if value is None:
        return 0
    try:
        return prometheus_duration_s(value)
    except ValueError as error:
        problems.add(path, value, str(error))
        return 0


def _hours(seconds: int) -> float:
    hours, rest_s = divmod(seconds, HOUR_S)
    return hours + rest_s / HOUR_S
