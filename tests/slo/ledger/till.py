"""A little shop for the ledger's tests: events, objectives, and a till that counts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

from kernel.clock import SECOND_US, FrozenClock
from kernel.journal import JournalRecord, Stream
from kernel.shop_event import ShopEvent, encode_event
from slo.ledger import LedgerReader, LedgerWriter
from slo.objective import Indicator, Objective, Selector, Threshold, UnitKind

# 2026-11-18T11:00:00Z, a whole hour.
T0 = 1_794_999_600 * SECOND_US
PAYMENT_ENDS = frozenset({"payment.succeeded", "payment.failed", "payment.expired"})
DECLINES = frozenset({"issuer", "fraud", "authentication", "customer"})


def payments(objective_id: str = "payment-success", **changes: object) -> Objective:
    """99.9 % of payments succeed; declines by the card's side are excluded."""
    total = Selector(PAYMENT_ENDS, exclude_where={"decline_class": DECLINES})
    values: dict[str, object] = {
        "id": objective_id,
        "display_name": "Payments succeed",
        "service": "payments",
        "target": Fraction(999, 1000),
        "indicator": Indicator(total, good=Selector(frozenset({"payment.succeeded"}))),
        "generation": "1",
    }
    return Objective(**(values | changes))  # type: ignore[arg-type]


def latencies(limit_ms: float = 800) -> Objective:
    """Payments that succeed do so in time."""
    total = Selector(frozenset({"payment.succeeded"}))
    indicator = Indicator(total, threshold=Threshold("latency_ms", "lte", limit_ms))
    return payments("payment-latency", indicator=indicator)


def checkouts() -> Objective:
    """Checkouts complete."""
    ends = frozenset({"checkout.completed", "checkout.failed"})
    done = Selector(frozenset({"checkout.completed"}))
    indicator = Indicator(Selector(ends), good=done, unit_kind=UnitKind.CHECKOUT)
    return payments("checkout-success", indicator=indicator)


def event(kind: str, at_s: float, payment: str = "p1", **fields: object) -> ShopEvent:
    """`payment.<kind>` (or a whole type) `at_s` seconds after T0."""
    event_type = kind if "." in kind else f"payment.{kind}"
    values: dict[str, object] = {
        "id": f"{event_type}/{payment}/{at_s}",
        "source": "shop",
        "type": event_type,
        "time_us": T0 + round(at_s * SECOND_US),
        "payment_id": payment,
        "amount_minor": 1000,
        "currency": "EUR",
    }
    return ShopEvent(**(values | fields))  # type: ignore[arg-type]


class Till:
    """A ledger file with its writer and a reader; records get positions and receive times."""

    def __init__(self, folder: Path, objectives: Sequence[Objective], **options: int) -> None:
        self.path = folder / "ledger.db"
        self.clock = FrozenClock(T0)
        self.writer = LedgerWriter(self.path, self.clock, objectives, **options)
        self.reader = LedgerReader(self.path)
        self._position = 0

    def take(self, *events: ShopEvent, received_s: float = 1, stream: Stream = Stream.SHOP) -> None:
        """One record with these events, received that many seconds after T0."""
        self._position += 1
        self.writer.apply(stream, [record(self._position, events, received_s, stream)])

    def close(self) -> None:
        self.reader.close()
        self.writer.close()

    def table(self, name: str) -> list[tuple[object, ...]]:
        """All rows of a table."""
        return sorted(self.writer.connection().execute(f"SELECT * FROM {name}").fetchall())


def record(
    position: int,
    events: Iterable[ShopEvent],
    received_s: float,
    stream: Stream = Stream.SHOP,
) -> JournalRecord:
    """A journal record as the door writes it."""
    bodies = [encode_event(one) for one in events]
    received_us = T0 + round(received_s * SECOND_US)
    body = b"[" + b",".join(bodies) + b"]"
    return JournalRecord(
        position, stream, "shop", "shop.events", received_us, len(bodies), body, "", {}
    )
