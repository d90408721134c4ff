"""Expected volume and missing attempts as the API tells them."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.clock import rfc3339
from slo.ledger_view import LedgerView
from slo.models import BurnAlertRow
from slo.schemas import CostOut, ExpectedOut, LostEstimateOut
from slo.volume.account import Missing, missing_since, newest_volume


def expected_out(view: LedgerView) -> ExpectedOut | None:
    """The newest 10 minutes against what is usual; None where nothing can be expected."""
    told = newest_volume(view)
    if told is None:
        return None
    return ExpectedOut(
        start=rfc3339(told.from_us),
        to=rfc3339(told.to_us),
        begun=told.begun,
        low=told.expected.low,
        mid=told.expected.mid,
        high=told.expected.high,
        basis=told.basis,
        method=told.method,
    )


def lost_estimate_out(view: LedgerView, alerts: Sequence[BurnAlertRow]) -> LostEstimateOut | None:
    """What is missing since the onset of the open silence, else of the first open page."""
    pages = sorted(
        (row for row in alerts if row.page or row.kind == "silence"),
        key=lambda row: (row.kind != "silence", row.source != "", row.onset_us),
    )
    if not pages:
        return None
    first = pages[0]
    found = missing_since(view, first.onset_us, first.source)
    return None if found is None else _estimate(found, first)


def _estimate(found: Missing, alert: BurnAlertRow) -> LostEstimateOut:
    told, missing = found.volume, found.volume.missing
    return LostEstimateOut(
        since=rfc3339(alert.onset_us),
        start=rfc3339(told.from_us),
        to=rfc3339(told.to_us),
        source=alert.source,
        begun=told.begun,
        low=missing.low,
        mid=missing.mid,
        high=missing.high,
        cost=[
            CostOut(
                currency=currency,
                low_minor=one.low,
                mid_minor=one.mid,
                high_minor=one.high,
            )
            for currency, one in found.cost.items()
        ],
        method=f"expected minus begun, 80 % interval; usual: {told.method}",
    )
