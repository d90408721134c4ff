"""Expiry: an attempt without an outcome is a failure once its deadline has passed, and only then if
the shop was still talking. A silent shop leaves its attempts pending; coverage falls instead.

Conclusions go to the derived stream and are counted when they are read back, so that a replay of
the journal finds them again. A real outcome that arrives later revises them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from kernel.clock import SECOND_US
from kernel.journal import Append, Item, JournalWriter, Stream
from kernel.parts import Job
from kernel.shop_event import Origin, ShopEvent, encode_event, event_key
from slo.ledger.reader import LedgerReader
from slo.objective import DEFAULT_DEADLINES_S, Objective, UnitKind

EVERY_S: Final = 5.0
CHECKOUT_DEADLINE_S: Final = 30 * 60
_LIMIT: Final = 1_000
_WAIT_S: Final = 10.0
_SOURCE: Final = "tillwatch/expiry"


def payment_deadlines_s(objectives: Iterable[Objective]) -> dict[str, int | None]:
    """One deadline per method: the longest that a payment objective names; None (never) wins.

    An expiry is one event for all objectives, so the most patient one decides.
    """
    rules = [
        one.deadlines_s for one in objectives if one.indicator.unit_kind is UnitKind.PAYMENT
    ] or [DEFAULT_DEADLINES_S]
    methods = {"", *(method for rule in rules for method in rule)}
    return {method: _longest(method, rules) for method in sorted(methods)}


def expired(kind: UnitKind, attempt: ShopEvent, deadline_us: int) -> ShopEvent:
    """The derived event that ends an attempt at its deadline. Its id makes it happen once."""
    if kind is UnitKind.PAYMENT:
        event_type, event_id = "payment.expired", f"expired:{attempt.payment_id}"
    else:
        event_type, event_id = "checkout.expired", f"expired-checkout:{attempt.checkout_id}"
    return msgspec.structs.replace(
        attempt,
        id=event_id,
        type=event_type,
        time_us=attempt.time_us + deadline_us,
        origin=Origin.DERIVED,
        time_flag="",
        span_id="",
        outcome="",
    )


class Expiry:
    """Looks for overdue attempts and writes their end to the derived stream."""

    def __init__(
        self, ledger: LedgerReader, derived: JournalWriter, objectives: Iterable[Objective]
    ) -> None:
        self._ledger = ledger
        self._derived = derived
        payments = payment_deadlines_s(objectives)
        self._deadlines: dict[UnitKind, Mapping[str, int | None]] = {
            UnitKind.PAYMENT: {
                method: None if limit_s is None else limit_s * SECOND_US
                for method, limit_s in payments.items()
            },
            UnitKind.CHECKOUT: {"": CHECKOUT_DEADLINE_S * SECOND_US},
        }

    def run(self) -> int:
        """One look; gives the number of attempts newly declared expired.

        Raises Unavailable where the derived stream cannot be written; the next run tries again.
        """
        events = [
            expired(kind, attempt, deadline_us)
            for kind, deadlines in self._deadlines.items()
            for attempt in self._ledger.overdue(kind, deadlines, _LIMIT)
            if (deadline_us := deadlines.get(attempt.method, deadlines[""])) is not None
        ]
        if not events:
            return 0
        items = [Item(encode_event(event), event_key(event.source, event.id)) for event in events]
        append = Append(Stream.DERIVED, _SOURCE, "shop.events", items)
        return self._derived.append(append).result(timeout=_WAIT_S).accepted


def expiry_job(ledger_path: Path, derived: JournalWriter, objectives: Iterable[Objective]) -> Job:
    """The job `slo.expire`, with a ledger reader of its own."""
    expiry = Expiry(LedgerReader(ledger_path), derived, objectives)

    def run() -> None:
        expiry.run()

    return Job("slo.expire", run, EVERY_S)


def _longest(method: str, rules: Iterable[Mapping[str, int | None]]) -> int | None:
    limits = [rule.get(method, rule.get("", DEFAULT_DEADLINES_S[""])) for rule in rules]
    known = [limit for limit in limits if limit is not None]
    return max(known) if len(known) == len(limits) else None
