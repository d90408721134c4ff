"""What one unit adds to one objective. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from kernel.money import is_currency
from kernel.shop_event import ShopEvent
from slo.ledger.sums import SegmentKey
from slo.objective import Objective, Threshold

# Larger values are no price of a basket; sums of them could leave int64.
_MAX_AMOUNT_MINOR: Final = 10**13


class Verdict(StrEnum):
    """How a unit counts."""

    GOOD = "good"
    BAD = "bad"
    EXCLUDED = "excluded"

    __hash__ = str.__hash__


def verdict_of(objective: Objective, event: ShopEvent) -> Verdict | None:
    """How the unit counts, given its merged outcome; None where it does not count here.

    A failure that no `exclude_where` names is bad: `payment.failed` without a decline class is
    technical until somebody says otherwise.
    """
    indicator = objective.indicator
    if not indicator.total.keeps(event):
        return None
    if indicator.total.excludes(event):
        return Verdict.EXCLUDED
    if indicator.threshold is not None:
        good = within(indicator.threshold, event)
        if good is None:
            return None
    elif indicator.good is not None:
        good = indicator.good.keeps(event) and not indicator.good.excludes(event)
    elif indicator.bad is not None:
        good = not indicator.bad.keeps(event) or indicator.bad.excludes(event)
    else:
        return None
    return Verdict.GOOD if good else Verdict.BAD


def within(threshold: Threshold, event: ShopEvent) -> bool | None:
    """None where the field holds no number: such a unit is not counted."""
    value = event.field(threshold.field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    match threshold.op:
        case "lte":
            return value <= threshold.limit
        case "lt":
            return value < threshold.limit
        case "gte":
            return value >= threshold.limit
        case "gt":
            return value > threshold.limit


def segment_of(objective: Objective, event: ShopEvent) -> SegmentKey:
    """Values of the objective's segment fields, in its order; "" where one is not set."""
    values = [event.field(name) for name in objective.segments]
    return tuple(["" if value is None else str(value) for value in values])


def price_of(event: ShopEvent) -> tuple[str, int]:
    """Currency and minor units; ("", 0) where no usable amount was told."""
    amount_minor, currency = event.amount_minor or 0, event.currency
    if 0 < amount_minor <= _MAX_AMOUNT_MINOR and is_currency(currency):
        return currency, amount_minor
    return "", 0


def alert_key(event: ShopEvent) -> str:
    """What repeats of one customer are known by; "" where nothing tells."""
    if event.checkout_id:
        return f"c:{event.checkout_id}"
    return f"s:{event.session_id}" if event.session_id else ""
