"""What is said of a window: its borders, how much of it has passed, what it may come to."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Final, Literal

from kernel.clock import SECOND_US, rfc3339
from slo.budget import Budget
from slo.ledger_view import COVERAGE_FLOOR, LedgerView
from slo.schemas import (
    CountsOut,
    ExtrapolatedOut,
    NoDataOut,
    PreviousOut,
    SlicesOut,
    WindowOut,
)
from slo.spending import Spending
from slo.windows import BudgetWindow, before

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


def window_out(spending: Spending) -> WindowOut:
    """Borders and progress of the budget's window."""
    window, view = spending.window, spending.view
    calendar, known = view.objective.window.calendar, bool(view.watermark_us)
    return WindowOut(
        kind="rolling" if calendar is None else "calendar",
        seconds=view.objective.window.seconds,
        start=rfc3339(max(0, window.from_us) if known else 0),
        to=rfc3339(window.to_us),
        ends=rfc3339(window.ends_us if known else 0),
        counted_from=rfc3339(max(0, spending.begun_us) if known else 0),
        elapsed=float(elapsed(spending)),
        zone=None if calendar is None else calendar.zone,
        unit=None if calendar is None else _UNITS[calendar.unit],
        count=None if calendar is None else calendar.count,
    )


def elapsed(spending: Spending) -> Fraction:
    """Share of the whole window, with what lies ahead, that was counted so far (0 to 1)."""
    window = spending.window
    if not spending.view.watermark_us or window.whole_us <= 0:
        return Fraction(0)
    return Fraction(window.to_us - spending.begun_us, window.whole_us)


def previous_out(view: LedgerView) -> PreviousOut | None:
    """The calendar window before; None in a rolling one and where nobody was heard in it."""
    if view.objective.window.calendar is None or not view.watermark_us:
        return None
    found = before(view.objective.window, view.end_us)
    spending = Spending.over(view, BudgetWindow(found.from_us, found.to_us, found.to_us))
    if spending.begun_us >= found.to_us:
        return None
    budget, sums = spending.budget, spending.whole
    seen = spending.coverage >= COVERAGE_FLOOR or view.objective.no_data != "freeze"
    return PreviousOut(
        start=rfc3339(found.from_us),
        to=rfc3339(found.to_us),
        counts=CountsOut(good=sums.good, bad=sums.bad, excluded=sums.excluded, pending=None),
        sli=None if budget.sli is None else float(budget.sli),
        budget_left=None if budget.left is None else float(budget.left),
        coverage=float(spending.coverage),
        kept=budget.left >= 0 if seen and budget.left is not None else None,
    )


def slices_out(spending: Spending) -> SlicesOut | None:
    """The budget in slices and in seconds; None where attempts are budgeted."""
    found, method = spending.tally, spending.view.objective.slices
    if found is None or method is None:
        return None
    budget, length_s = spending.budget, method.length_us // SECOND_US
    return SlicesOut(
        method="RatioTimeslices" if method.target is None else "Timeslices",
        length_s=length_s,
        target=None if method.target is None else float(method.target),
        counted=found.counted,
        bad=float(found.bad),
        neutral=found.neutral,
        missing=found.missing,
        gaps=found.gaps,
        bad_s=floor(found.bad * length_s),
        allowed_s=floor(budget.allowed * length_s),
        left_s=floor((budget.allowed - budget.bad) * length_s),
    )


def no_data_out(spending: Spending) -> NoDataOut:
    """The objective's rule for missing data, and what it did in this window."""
    view = spending.view
    counted_us = spending.window.to_us - spending.begun_us if view.watermark_us else 0
    return NoDataOut(
        rule=view.objective.no_data,
        gap_s=floor(spending.gap_share * counted_us / SECOND_US),
        spent=float(spending.gap_spent),
        present=view.no_data,
    )


def extrapolated_out(spending: Spending) -> ExtrapolatedOut | None:
    """The calendar window's end at the pace so far, by what was counted.

    None in a rolling window, in its first 5 % and where time is budgeted. Kibana put such a figure
    into the budget and took it out again (its pull requests 146053 and 158941): here it stands
    beside the budget.
    """
    view, counted = spending.view, spending.whole
    share = elapsed(spending)
    if view.objective.window.calendar is None or view.objective.slices is not None:
        return None
    if share < EXTRAPOLATED_FROM or not counted.total:
        return None
    whole = Budget(counted.bad, floor(counted.total / share), view.objective.budget_ratio)
    return ExtrapolatedOut(
        method=METHOD,
        total=floor(whole.total),
        bad_allowed=floor(whole.allowed),
        bad_left=whole.bad_left,
        budget_left=float(whole.left or 0),
    )
