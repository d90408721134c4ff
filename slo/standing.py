"""How one objective stands, computed from the ledger: the numbers behind `SloOut`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from kernel.clock import DAY_US, MINUTE_US, rfc3339
from slo.budget import Budget
from slo.burn_rate import burn_rate
from slo.forecast.answer import forecast_out
from slo.ledger import SegmentKey, Sums
from slo.ledger.sums import total_of
from slo.ledger_view import LedgerView
from slo.models import BurnAlertRow
from slo.money.answer import money_method, money_out, takes_money
from slo.money.sections import money_sections
from slo.objective import Objective
from slo.schemas import (
    AlertTierOut,
    CountsOut,
    SegmentOut,
    SloOut,
    State,
)
from slo.segments import matches
from slo.spending import Spending
from slo.tiers import reports, tiers_of
from slo.volume.report import expected_out, lost_estimate_out
from slo.window_report import (
    extrapolated_out,
    no_data_out,
    previous_out,
    slices_out,
    window_out,
)

RATES_S: Mapping[str, int] = {
    "5m": 300,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "6h": 21_600,
    "1d": 86_400,
    "3d": 259_200,
}
# Budget left below which the promise is at risk even when nothing burns at the moment.
RISK_LEFT = Fraction(1, 10)
LOSSES_KNOWN_US = 7 * DAY_US

BySegment = Mapping[SegmentKey, Sums]
# The one part of a window that is not cut into segments.
ALL_SEGMENTS: SegmentKey = ()
Lost = dict[SegmentKey, dict[str, int]]


def standing(
    view: LedgerView,
    alerts: Sequence[BurnAlertRow],
    *,
    with_segments: bool = True,
) -> SloOut:
    """The whole answer. `alerts`: the objective's open ones."""
    objective = view.objective
    window = view.budget_by_segment
    rates = {
        name: view.counts_by_segment(seconds)
        if with_segments
        else {ALL_SEGMENTS: view.counts(seconds)}
        for name, seconds in RATES_S.items()
    }
    lost = _lost(view)
    spending = Spending.now(view)
    whole, budget = spending.whole, spending.budget
    pending = view.reader.pending(objective, view.budget_window.from_us, view.now_us + 1)
    state = state_of(spending.no_data, budget, burning=bool(alerts))
    answer = SloOut(
        id=objective.id,
        name=objective.display_name,
        description=objective.description,
        service=objective.service,
        owner=objective.owner,
        target=float(objective.target),
        generation=objective.generation,
        window=window_out(spending),
        counts=_counts(whole, pending),
        sli=_number(budget.sli),
        budget_left=_number(budget.left),
        bad_left=budget.bad_left if budget.total else None,
        extrapolated=extrapolated_out(spending),
        previous=previous_out(view),
        slices=slices_out(spending),
        no_data=no_data_out(spending),
        burn_rates={name: _rate(parts.values(), objective) for name, parts in rates.items()},
        state=state,
        reason=_reason(state, spending, alerts),
        coverage=float(spending.coverage),
        watermark=rfc3339(view.watermark_us),
        heard_until=rfc3339(view.heard_until_us) if view.heard_until_us else None,
        sources=list(view.sources),
        money=money_out(whole, _added(lost.values()), objective, in_words=True),
        alerts=[_alert(row) for row in alerts],
        segments=_segments(spending, window, rates, lost, alerts) if with_segments else [],
        notes=reports(tiers_of(objective)),
        expected=expected_out(view) if with_segments else None,
        lost_estimate=lost_estimate_out(view, alerts) if with_segments else None,
        money_method=money_method(objective),
    )
    if not with_segments:
        return answer
    sections = money_sections(view, window, view.window_by_segment(RATES_S["1h"]), alerts)
    return answer.model_copy(update={**sections, "forecast": forecast_out(spending)})


def state_of(no_data: str, budget: Budget, *, burning: bool) -> State:
    """`broken`: the budget is spent. Without data nothing is ever green, nor without an attempt."""
    if no_data or not budget.total:
        return "no_data"
    if budget.left is not None and budget.left <= 0:
        return "broken"
    if burning or (budget.left is not None and budget.left < RISK_LEFT):
        return "at_risk"
    return "ok"


def _segments(
    spending: Spending,
    window: BySegment,
    rates: Mapping[str, BySegment],
    lost: Lost,
    alerts: Sequence[BurnAlertRow],
) -> list[SegmentOut]:
    objective = spending.view.objective
    names = objective.segments
    found = []
    for key in sorted(window, key=lambda one: (-window[one].bad, one)):
        sums = window[key]
        budget = spending.of_attempts(sums)
        burning = any(row.segment and matches(names, key, row.covers) for row in alerts)
        found.append(
            SegmentOut(
                key=dict(zip(names, key, strict=True)),
                counts=_counts(sums, None),
                sli=_number(budget.sli),
                budget_left=_number(budget.left),
                burn_rates={
                    name: _rate([parts.get(key, Sums())], objective)
                    for name, parts in rates.items()
                },
                state=state_of(spending.no_data, budget, burning=burning),
                money=money_out(sums, lost.get(key, {}), objective),
            )
        )
    return found


def _reason(state: State, spending: Spending, alerts: Sequence[BurnAlertRow]) -> str:
    silence = next((row for row in alerts if row.kind == "silence"), None)
    if silence is not None:
        return f"{silence.title}: {silence.reason}"
    if state == "no_data":
        return spending.no_data or "nothing was counted in this window"
    if alerts:
        return alerts[0].reason
    if state == "broken":
        return _spent(spending)
    if state == "at_risk":
        return "less than a tenth of the budget is left"
    return ""


def _spent(spending: Spending) -> str:
    allowed = spending.budget.allowed
    if spending.unit_s is not None:
        return f"the budget of {float(allowed * spending.unit_s / 60):.1f} bad minutes is spent"
    if spending.gap_spent:
        return f"the budget is spent, {float(spending.gap_spent):.1%} of it by time without data"
    return f"the budget of {float(allowed):.1f} failures is spent"


def _lost(view: LedgerView) -> Lost:
    """Lost value by segment: exact for 7 days, the attempted value of bad units before."""
    objective, reader = view.objective, view.reader
    if not takes_money(objective):
        return {}
    from_us, to_us = view.budget_window.from_us, view.end_us
    edge_us = max(from_us, (to_us - LOSSES_KNOWN_US) // MINUTE_US * MINUTE_US)
    found = {key: dict(one) for key, one in reader.segment_lost(objective, edge_us, to_us).items()}
    if edge_us > from_us:
        for key, sums in reader.segment_sums(objective, from_us, edge_us).items():
            for currency, money in sums.money.items():
                part = found.setdefault(key, {})
                part[currency] = part.get(currency, 0) + money.bad_minor
    return found


def _added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for currency, minor in part.items():
            total[currency] = total.get(currency, 0) + minor
    return total


def _counts(sums: Sums, pending: int | None) -> CountsOut:
    return CountsOut(good=sums.good, bad=sums.bad, excluded=sums.excluded, pending=pending)


def _rate(parts: Iterable[Sums], objective: Objective) -> float | None:
    sums = total_of(parts)
    return _number(burn_rate(sums.bad, sums.total, objective.budget_ratio))


def _alert(row: BurnAlertRow) -> AlertTierOut:
    return AlertTierOut(
        id=row.id,
        tier=row.tier,
        since=rfc3339(row.opened_us),
        page=row.page,
        segment=row.segment,
        reason=row.reason,
        kind=row.kind,
        title=row.title,
        source=row.source,
    )


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
