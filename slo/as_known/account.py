"""One window twice: as the ledger stood at a moment, and as it stands now.

An alert is explained with the numbers that it had, and a figure of an old report is found again.
Corrections are left aside: they were decided at times of their own, which the audit log tells.
"""

from __future__ import annotations

from kernel.clock import MINUTE_US, SECOND_US, rfc3339
from slo.as_known.schemas import AsKnownOut, FiguresOut, LateOut
from slo.budget import Budget
from slo.ledger import LedgerReader
from slo.ledger.levels import floor_us
from slo.ledger.sums import Sums
from slo.objective import Objective
from slo.windows import budget_window


def as_known(reader: LedgerReader, objective: Objective, at_us: int) -> AsKnownOut:
    """The objective's window at `at_us`, counted from what had arrived by then and by now.

    What was known is kept by the minute for 35 days, then by the day: `at_us` and the window's
    begin are moved back to such a border.
    """
    with reader.at_once():
        step_us = reader.known_step_us(at_us)
        end_us = floor_us(at_us, step_us)
        from_us = floor_us(budget_window(objective.window, end_us).from_us, step_us)
        then = reader.sums_as_known(objective, from_us, end_us, end_us)
        now = reader.sums(objective, from_us, end_us)
    late = now - then
    return AsKnownOut(
        id=objective.id,
        name=objective.display_name,
        at=rfc3339(end_us),
        kept_by="minute" if step_us == MINUTE_US else "day",
        start=rfc3339(from_us),
        seconds=(end_us - from_us) // SECOND_US,
        then=_figures(objective, then),
        now=_figures(objective, now),
        late=LateOut(good=late.good, bad=late.bad, excluded=late.excluded),
        sentence=_sentence(then, late),
    )


def _figures(objective: Objective, sums: Sums) -> FiguresOut:
    budget = Budget(sums.bad, sums.total, objective.budget_ratio)
    sli, left = budget.sli, budget.left
    # A budget of slices is counted in time: attempts do not tell it.
    by_attempt = objective.slices is None and left is not None
    return FiguresOut(
        good=sums.good,
        bad=sums.bad,
        excluded=sums.excluded,
        sli=None if sli is None else float(sli),
        budget_left=float(left) if by_attempt and left is not None else None,
        bad_left=budget.bad_left if by_attempt else None,
    )


def _sentence(then: Sums, late: Sums) -> str:
    if not (late.good or late.bad or late.excluded):
        return "Nothing about this window has arrived or changed since."
    if not then.total:
        return "Nothing of this window was known then."
    moved = [
        f"{count:+,} {name}"
        for name, count in (("good", late.good), ("bad", late.bad), ("left out", late.excluded))
        if count
    ]
    return f"Since then late or revised outcomes changed it: {', '.join(moved)}."
