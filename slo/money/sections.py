"""The parts of `show` that are about money and causes, read once for one objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slo.ledger_view import LedgerView
from slo.models import BurnAlertRow
from slo.money.answer import MAX_PARTS, at_risk, attribution, burned_by, parts_out
from slo.money.attribution import BySegment
from slo.money.order_figures import order_figures

HOUR_S = 3600


def money_sections(
    view: LedgerView,
    window: BySegment,
    last_hour: BySegment,
    alerts: Sequence[BurnAlertRow],
) -> dict[str, Any]:
    """Fields of `SloOut`. Sums by segment: `window` of the budget, `last_hour` of the newest.

    Corrections take failures out of the budget and its causes, but not out of the till: what fails
    now and what is sold are told as they are.
    """
    objective, plain = view.objective, view.uncorrected
    whole = attribution(objective, window)
    hour = attribution(objective, last_hour)
    onsets = [row.onset_us for row in alerts]
    return {
        "attribution": parts_out(whole.by_segment(MAX_PARTS)),
        "burned_by": burned_by(whole, view.budget_window.from_us, view.end_us),
        "burning_now": burned_by(hour, view.from_us(HOUR_S), view.end_us),
        "at_risk": at_risk(plain.ledger, plain, max(onsets, default=None)),
        "conversion": order_figures(plain.ledger, plain),
    }
