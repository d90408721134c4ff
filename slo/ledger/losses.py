"""Which baskets were lost: a checkout counts once, and not if it was paid after all. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from kernel.clock import MINUTE_US

RESCUE_US: Final = 30 * MINUTE_US


class BadUnit(NamedTuple):
    """A bad attempt. Without a checkout it stands for itself."""

    at_us: int
    unit_key: str
    checkout_id: str
    segment_id: int
    currency: str
    amount_minor: int


def lost(
    bads: Iterable[BadUnit], paid_at_us: Mapping[str, Sequence[int]]
) -> dict[tuple[int, str], int]:
    """Value lost by (segment, currency) in minor units.

    A basket is saved if a payment of its checkout succeeded up to 30 min after its last bad attempt
    (before it counts too: the customer has the goods). Its value, segment and currency are those of
    that last attempt.
    """
    last: dict[str, BadUnit] = {}
    for bad in bads:
        basket = f"c{bad.checkout_id}" if bad.checkout_id else f"u{bad.unit_key}"
        last[basket] = max(last.get(basket, bad), bad)
    values: dict[tuple[int, str], int] = {}
    for bad in last.values():
        paid = paid_at_us.get(bad.checkout_id, ()) if bad.checkout_id else ()
        if bad.amount_minor and not any(at_us <= bad.at_us + RESCUE_US for at_us in paid):
            place = bad.segment_id, bad.currency
            values[place] = values.get(place, 0) + bad.amount_minor
    return values
