"""What is said of a window: its borders, how much of it has passed, what it may come to."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Final, Literal

from kernel.clock import rfc3339
from slo.budget import Budget
from slo.ledger_view import LedgerView
from slo.schemas import ExtrapolatedOut, WindowOut

# Below it a handful of events would be blown up into a month.
EXTRAPOLATED_FROM: Final = Fraction(1, 20)
_UNITS: Final[dict[str, Literal["day", "week", "month", "quarter", "year"]]] = {
    "D": "day",
    "W": "week",
    "M": "month",
    "Q": "quarter",
    "Y": "year",
}
METHOD: Final = (
    "attempts so far / elapsed share of the window; failures so far against what that allows"
)


def window_out(view: LedgerView) -> WindowOut:
    """Borders and progress of the budget's window."""
    window, calendar = view.budget_window, view.objective.window.calendar
    known = bool(view.watermark_us)
    return WindowOut(
        kind="rolling" if calendar is None else "calendar",
        seconds=view.objective.window.seconds,
        start=rfc3339(max(0, window.from_us) if known else 0),
        to=rfc3339(window.to_us),
        ends=rfc3339(window.ends_us if known else 0),
        counted_from=rfc3339(max(0, view.budget_begun_us) if known else 0),
        elapsed=float(elapsed(view)),
        zone=None if calendar is None else calendar.zone,
        unit=None if calendar is None else _UNITS[calendar.unit],
        count=None if calendar is None else calendar.count,
    )


def elapsed(view: LedgerView) -> Fraction:
    """Share of the whole window, with what lies ahead, that was counted so far (0 to 1)."""
    window = view.budget_window
    if not view.watermark_us or window.whole_us <= 0:
        return Fraction(0)
    return Fraction(window.to_us - view.budget_begun_us, window.whole_us)


def extrapolated_out(view: LedgerView, budget: Budget) -> ExtrapolatedOut | None:
    """The calendar window's end at the pace so far; None in a rolling one and in its first 5 %.

    Kibana put such a figure into the budget and took it out again (its pull requests 146053 and
    158941): here it stands beside the budget.
    """
    share = elapsed(view)
    if view.objective.window.calendar is None or share < EXTRAPOLATED_FROM or not budget.total:
        return None
    whole = Budget(budget.bad, floor(budget.total / share), budget.ratio)
    return ExtrapolatedOut(
        method=METHOD,
        total=whole.total,
        bad_allowed=floor(whole.allowed),
        bad_left=whole.bad_left,
        budget_left=float(whole.left or 0),
    )
