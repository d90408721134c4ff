"""A till for tests: real ledger, real control database, events in, evaluation passes every 5 s."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from sqlmodel import col, select

import slo.corrections.models
import slo.models
from kernel.clock import SECOND_US, FrozenClock
from kernel.database import Database
from kernel.facts.bus import FactRow
from kernel.journal import JournalRecord, Stream
from kernel.shop_event import ShopEvent, encode_event
from slo.board import ChangeFeed
from slo.catalogue import Catalogue
from slo.evaluation import Evaluator
from slo.ledger import LedgerReader, LedgerWriter
from slo.ledger.writer import Told
from slo.models import BurnAlertRow
from slo.objective import Indicator, Objective, Selector
from slo.service import SloService

START_US = 1_795_000_200 * SECOND_US  # on a minute's border
PAYMENTS = Indicator(
    total=Selector(
        frozenset({"payment.succeeded", "payment.failed", "payment.expired"}),
        exclude_where={"decline_class": frozenset({"issuer"})},
    ),
    good=Selector(frozenset({"payment.succeeded"})),
)
REGIONS = {"DE": "eu-central", "AT": "eu-central", "FR": "eu-west", "US": "us-east"}


def payments(target: str = "0.995", **changes: object) -> Objective:
    """The objective that most tests watch."""
    values: dict[str, object] = {
        "id": "payment-success",
        "display_name": "Payments succeed",
        "service": "payments",
        "target": Fraction(target),
        "indicator": PAYMENTS,
        "generation": "one",
        "segments": ("provider", "region", "country", "method"),
    }
    return Objective(**{**values, **changes})


Fails = Callable[[str, str], bool]


def nothing_fails(provider: str, country: str) -> bool:
    return False


def adyen_in_the_middle_fails(provider: str, country: str) -> bool:
    return provider == "adyen" and REGIONS[country] == "eu-central"


def all_fail(provider: str, country: str) -> bool:
    return True


class Till:
    """`play` lets shop time pass: each 5 s the attempts of that slice arrive, then a pass runs."""

    def __init__(self, tmp_path: Path, objectives: Sequence[Objective] | None = None) -> None:
        assert slo.models
        assert slo.corrections.models
        self.clock = FrozenClock(START_US)
        self.objectives = list(objectives or [payments()])
        self.path = tmp_path / "ledger.db"
        self.feed = ChangeFeed()
        self.listeners: list[Callable[[Told], None]] = [self.feed.put]
        self.writer = LedgerWriter(self.path, self.clock, self.objectives, told=self._tell)
        self.database = Database("sqlite:///" + str(tmp_path / "control.db"))
        self.database.create_all()
        self.catalogue = Catalogue(self.objectives)
        self.random = random.Random(20261122)
        self.attempts = 0
        self.restart()
        self.service = SloService(self.database, self.reader, self.catalogue, self.clock)

    def _tell(self, told: Told) -> None:
        for listener in self.listeners:
            listener(told)

    def restart(self) -> None:
        """A new evaluator, as after a crash."""
        self.evaluator = Evaluator(
            self.database, self.reader, self.catalogue, self.clock, self.feed
        )

    def reader(self) -> LedgerReader:
        return LedgerReader(self.path)

    def play(
        self,
        seconds: int,
        *,
        per_s: float = 6,
        fails: Fails = nothing_fails,
        providers: Sequence[str] = ("stripe", "adyen"),
        evaluate: bool = True,
    ) -> None:
        for _ in range(seconds // 5):
            start_us = self.clock.now_us()
            events = [
                self.attempt(start_us + self.random.randrange(5 * SECOND_US), fails, providers)
                for _ in range(round(per_s * 5))
            ]
            self.clock.advance_s(5)
            self.arrive(events)
            if evaluate:
                self.evaluator.run_once()

    def silence(self, seconds: int) -> None:
        """Time passes, nothing arrives, passes go on."""
        for _ in range(seconds // 5):
            self.clock.advance_s(5)
            self.arrive([])
            self.evaluator.run_once()

    def attempt(self, at_us: int, fails: Fails, providers: Sequence[str]) -> ShopEvent:
        self.attempts += 1
        provider = self.random.choice(list(providers))
        country = self.random.choice(list(REGIONS))
        failed = fails(provider, country)
        return ShopEvent(
            id=f"e{self.attempts}",
            source="shop",
            type="payment.failed" if failed else "payment.succeeded",
            time_us=at_us,
            checkout_id=f"c{self.attempts}",
            payment_id=f"p{self.attempts}",
            amount_minor=5000,
            currency="EUR",
            provider=provider,
            method=self.random.choice(["card", "redirect"]),
            country=country,
            region=REGIONS[country],
            decline_class="technical" if failed else "",
            error_type="provider_timeout" if failed else "",
        )

    def arrive(self, events: Sequence[ShopEvent]) -> None:
        """Count the events now and move both watermarks to now."""
        now_us = self.clock.now_us()
        if events:
            position = self.writer.cursor(Stream.SHOP) + 1
            body = b"[" + b",".join(encode_event(one) for one in events) + b"]"
            record = JournalRecord(
                position, Stream.SHOP, "shop", "test", now_us, len(events), body, "", {}
            )
            self.writer.apply(Stream.SHOP, [record])
        for stream in (Stream.SHOP, Stream.DERIVED):
            self.writer.reach(stream, self.writer.cursor(stream), now_us)

    def alerts(self, *, open_only: bool = False) -> list[BurnAlertRow]:
        with self.database.reading() as session:
            rows = session.exec(select(BurnAlertRow).order_by(col(BurnAlertRow.opened_us))).all()
        return [row for row in rows if row.state == "open" or not open_only]

    def facts(self) -> list[FactRow]:
        with self.database.reading() as session:
            return list(session.exec(select(FactRow).order_by(col(FactRow.position))).all())
