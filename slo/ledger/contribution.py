"""What one unit adds to one objective. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from kernel.money import is_currency
from kernel.shop_event import ShopEvent
from slo.ledger.sums import SegmentKey
from slo.objective import Objective, Selector, Threshold

# Larger values are no price of a basket; sums of them could leave int64.
_MAX_AMOUNT_MINOR: Final = 10**13


class Verdict(StrEnum):
    """How a unit counts."""

    GOOD = "good"
    BAD = "bad"
    EXCLUDED = "excluded"


class Contribution(NamedTuple):
    """One unit in one objective's sums. `currency` is "" where no usable amount was told."""

    verdict: Verdict
    at_us: int
    segment: SegmentKey
    currency: str
    amount_minor: int
    checkout_id: str
    alert_key: str


def classify(objective: Objective, event: ShopEvent) -> Contribution | None:
    """The unit's contribution, given its merged outcome; None where it does not count here.

    A failure that no `exclude_where` names is bad: `payment.failed` without a decline class is
    technical until somebody says otherwise.
    """
    verdict = _verdict(objective, event)
    if verdict is None:
        return None
    amount_minor, currency = event.amount_minor or 0, event.currency
    if not (0 < amount_minor <= _MAX_AMOUNT_MINOR and is_currency(currency)):
        amount_minor, currency = 0, ""
    return Contribution(
        verdict,
        event.time_us,
        tuple([_text(event, name) for name in objective.segments]),
        currency,
        amount_minor,
        event.checkout_id,
        _alert_key(event),
    )


def awaits(objective: Objective, event: ShopEvent) -> bool:
    """True where a pending unit's merged event fits the objective's `where`."""
    where = objective.indicator.total.where
    return all(str(event.field(name)) in values for name, values in where.items())


def _verdict(objective: Objective, event: ShopEvent) -> Verdict | None:
    indicator = objective.indicator
    if not _keeps(indicator.total, event):
        return None
    if _excludes(indicator.total, event):
        return Verdict.EXCLUDED
    if indicator.threshold is not None:
        good = _within(indicator.threshold, event)
        if good is None:
            return None
    elif indicator.good is not None:
        good = _keeps(indicator.good, event) and not _excludes(indicator.good, event)
    elif indicator.bad is not None:
        good = not _keeps(indicator.bad, event) or _excludes(indicator.bad, event)
    else:
        return None
    return Verdict.GOOD if good else Verdict.BAD


def _keeps(selector: Selector, event: ShopEvent) -> bool:
    """`selector.keeps`, without the cost of an empty `where`: the hottest line of the ledger."""
    return event.type in selector.events and (not selector.where or selector.keeps(event))


def _excludes(selector: Selector, event: ShopEvent) -> bool:
    return bool(selector.exclude_where) and selector.excludes(event)


def _within(threshold: Threshold, event: ShopEvent) -> bool | None:
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


def _text(event: ShopEvent, name: str) -> str:
    value = event.field(name)
    return "" if value is None else str(value)


def _alert_key(event: ShopEvent) -> str:
    """What repeats of one customer are known by; "" where nothing tells."""
    if event.checkout_id:
        return f"c:{event.checkout_id}"
    return f"s:{event.session_id}" if event.session_id else ""
