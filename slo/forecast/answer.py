"""The forecast of an objective as it stands, from the ledger."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from typing import Literal

from kernel.clock import HOUR_US, MINUTE_US, SECOND_US
from slo.forecast.history import HOURS_A_DAY, RECENT_DAYS, History, Hour
from slo.forecast.outlook import PATHS, Draw, Interval, Outlook, outlook
from slo.forecast.paths import NEVER
from slo.forecast.schemas import ForecastOut
from slo.forecast.wording import sentence
from slo.ledger.memory import KnownInterval
from slo.ledger.sums import Sums
from slo.ledger_view import LedgerView
from slo.spending import Spending

# The longest time that is looked ahead, whatever the window.
_MAX_AHEAD_H = 92 * HOURS_A_DAY
_NEWEST_S = (300, 1800, 3600)
# How old the paths of an interval may be; the pace and whether it is spent are always of now.
KEPT_US = MINUTE_US
_METHOD = (
    "Hour by hour, the margin (1 - target) x total - bad: failures come at the present pace with"
    " the day's and the week's pattern of traffic, and old ones leave a rolling window. The 80 %"
    f" interval is that of {PATHS} paths made of resampled days; its coverage is back-tested."
)


def forecast_out(spending: Spending) -> ForecastOut:
    """How long this budget lasts, or why nobody can say. What a gap has spent stays spent."""
    view = spending.view
    calendar = view.objective.window.calendar is not None
    ahead_h = _ahead_h(view)
    found = _outlook(spending, ahead_h)
    return ForecastOut(
        state=_state(found),
        sentence=sentence(found, ahead_h, calendar=calendar),
        reason=found.cannot_tell,
        at_pace_s=_seconds(found.at_pace_h) if not found.cannot_tell else None,
        interval=found.interval_h is not None,
        low_s=_seconds(found.interval_h[0]) if found.interval_h else None,
        high_s=_seconds(found.interval_h[1]) if found.interval_h else None,
        ahead_s=ahead_h * 3600,
        burning=found.burning,
        method=_METHOD,
    )


def _outlook(spending: Spending, ahead_h: int) -> Outlook:
    view, budget = spending.view, spending.budget
    if spending.no_data:
        return Outlook(cannot_tell=spending.no_data)
    if view.objective.slices is not None:
        return Outlook(cannot_tell="this budget is counted in slices of time, not in attempts")
    end_us = view.end_us // HOUR_US * HOUR_US
    recent, leaving = _recent_and_leaving(view, end_us, ahead_h)
    history = History(
        recent=recent,
        leaving=leaving,
        budget_ratio=float(view.objective.budget_ratio),
        bad=float(budget.bad),
        total=float(budget.total),
        newest=[(seconds / 3600, _hour(view.counts(seconds))) for seconds in _NEWEST_S],
    )
    # The same numbers for an hour: a page that is loaded again does not change its mind.
    seed = zlib.crc32(view.objective.id.encode()) ^ (end_us // HOUR_US)

    def recall(burning: bool, draw: Draw) -> Interval:
        return _remembered(view, _digest(history, seed, burning=burning), draw)

    return outlook(history, seed, recall=recall)


def _remembered(view: LedgerView, given: bytes, draw: Draw) -> Interval:
    """The interval that was drawn from the same whole hours within the last minute, else a new one.

    Hours that changed since (late events, corrections, another rule of counting) are other hours.
    """
    memory, place = view.ledger.memory.intervals, (view.objective.id, view.objective.generation)
    held = memory.get(place)
    if held is not None and held.given == given and 0 <= view.now_us - held.drawn_us < KEPT_US:
        return held.interval_h
    found = draw()
    memory.put(place, KnownInterval(view.now_us, given, found), 1)
    return found


def _digest(history: History, seed: int, *, burning: bool) -> bytes:
    """What an interval is drawn from, but for the hour that is leaving and the newest minutes."""
    hours = [(one.bad, one.total) for one in (*history.recent, *history.leaving[1:])]
    told = seed, burning, history.budget_ratio, len(history.recent), hours
    return hashlib.blake2b(repr(told).encode(), digest_size=16).digest()


def _ahead_h(view: LedgerView) -> int:
    """A rolling window's length, or what a calendar window has ahead of it."""
    window = view.budget_window
    if view.objective.window.calendar is None:
        return min(_MAX_AHEAD_H, max(1, window.counted_us // HOUR_US))
    return min(_MAX_AHEAD_H, -(-(window.ends_us - window.to_us) // HOUR_US))


def _recent_and_leaving(
    view: LedgerView, end_us: int, ahead_h: int
) -> tuple[Sequence[Hour], Sequence[Hour]]:
    """The newest days up to `end_us`, and what leaves the window hour by hour.

    Of the window's first hour only what has not left yet. Both are mostly the same hours: those are
    read once.
    """
    recent_us = end_us - RECENT_DAYS * HOURS_A_DAY * HOUR_US
    if view.objective.window.calendar is not None:
        return _hours(view, recent_us, end_us), [Hour(0, 0)] * ahead_h
    from_us = view.budget_window.from_us // MINUTE_US * MINUTE_US
    first_us = from_us // HOUR_US * HOUR_US
    last_us = first_us + ahead_h * HOUR_US
    if last_us < recent_us:
        recent, leaving = _hours(view, recent_us, end_us), _hours(view, first_us, last_us)
    else:
        low_us = min(first_us, recent_us)
        hours = _hours(view, low_us, max(last_us, end_us))
        recent = hours[(recent_us - low_us) // HOUR_US : (end_us - low_us) // HOUR_US]
        leaving = hours[(first_us - low_us) // HOUR_US : (last_us - low_us) // HOUR_US]
    good, bad = view.reader.counts(view.objective, from_us, first_us + HOUR_US)
    return recent, [Hour(bad, good + bad), *leaving[1:]]


def _hours(view: LedgerView, from_us: int, to_us: int) -> list[Hour]:
    found = view.reader.outcomes(view.objective, from_us, to_us, HOUR_US)
    return [Hour(bad, good + bad) for good, bad, _ in found]


def _hour(sums: Sums) -> Hour:
    return Hour(sums.bad, sums.total)


def _state(found: Outlook) -> Literal["ends", "lasts", "spent", "unknown"]:
    if found.cannot_tell:
        return "unknown"
    if found.spent:
        return "spent"
    return "lasts" if found.at_pace_h == NEVER else "ends"


def _seconds(hours: float) -> float | None:
    return None if hours == NEVER else hours * (HOUR_US // SECOND_US)
