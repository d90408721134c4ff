"""A story told to the real ledger, expiry, evaluator and silence, with a stepped clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlmodel import col, select

import slo.corrections.models
import slo.models  # noqa: F401 (tables)
from app.bench.detect.counts import ArrayCounts
from app.bench.detect.incidents import TARGET, Incident
from app.bench.detect.outcome import Page
from app.bench.detect.shops import NAMES, START_US, payments, seconds_at, slice_at
from kernel.clock import SECOND_US, FrozenClock
from kernel.database import Database
from kernel.journal import JournalRecord, Stream
from kernel.shop_event import ShopEvent, encode_event
from slo.board import ChangeFeed
from slo.catalogue import Catalogue
from slo.evaluation import Evaluator
from slo.expiry import expired, payment_deadlines_s
from slo.fast_tier import SLICE_S, SLICE_US
from slo.ledger import LedgerReader, LedgerWriter
from slo.ledger.sums import SegmentKey
from slo.models import BurnAlertRow
from slo.objective import UnitKind
from slo.silence.watcher import SilenceWatcher

_OVERDUE = 1000
# Passes begin a little before the incident, so that a page of mere chance would be seen.
_WATCHED_S = 600
_MINUTE = 60 // SLICE_S


class OurShop:
    """One private ledger, control database and evaluator in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._clock = FrozenClock(START_US)
        self._objective = payments(TARGET)
        feed = ChangeFeed()
        ledger = folder / "ledger.db"
        self._writer = LedgerWriter(ledger, self._clock, [self._objective], told=feed.put)
        self._reader = LedgerReader(ledger)
        self._database = Database("sqlite:///" + str(folder / "control.db"))
        self._database.create_all()
        catalogue = Catalogue([self._objective])

        def reader() -> LedgerReader:
            return LedgerReader(ledger)

        self._evaluator = Evaluator(self._database, reader, catalogue, self._clock, feed)
        self._silence = SilenceWatcher(self._database, reader, catalogue, self._clock)
        self._deadlines_us = {
            method: None if limit_s is None else limit_s * SECOND_US
            for method, limit_s in payment_deadlines_s([self._objective]).items()
        }

    def pages(self, incident: Incident, seed: int) -> list[Page]:
        """Play the whole story; the pages in the order in which they opened."""
        counts = incident.counts(seed)
        hangs_from = slice_at(incident.starts_s(seed)) if incident.hangs else counts.slices
        watched = slice_at(max(0, incident.starts_s(seed) - _WATCHED_S)) // _MINUTE * _MINUTE
        try:
            # What lies before is only history: a minute at a time.
            for at in range(0, watched, _MINUTE):
                self._clock.set_us(counts.end_us(at + _MINUTE))
                minute = range(at, at + _MINUTE)
                events = [one for place in minute for one in _events(counts, place, hangs=False)]
                self._arrive(Stream.SHOP, events)
            for at in range(watched, counts.slices):
                self._clock.set_us(counts.end_us(at + 1))
                self._arrive(Stream.SHOP, list(_events(counts, at, hangs=at >= hangs_from)))
                if incident.hangs:
                    self._expire()
                self._evaluator.run_once()
                self._silence.run_once()
            with self._database.reading() as session:
                rows = session.exec(
                    select(BurnAlertRow)
                    .where(col(BurnAlertRow.page))
                    .order_by(col(BurnAlertRow.opened_us))
                ).all()
                return [
                    Page(
                        seconds_at(row.opened_us),
                        None if row.closed_us is None else seconds_at(row.closed_us),
                    )
                    for row in rows
                ]
        finally:
            self._reader.close()
            self._writer.close()
            self._database.close()

    def _expire(self) -> None:
        found = self._reader.overdue(UnitKind.PAYMENT, self._deadlines_us, _OVERDUE)
        events = [
            expired(UnitKind.PAYMENT, one, limit_us)
            for one in found
            if (limit_us := self._deadlines_us.get(one.method, self._deadlines_us[""])) is not None
        ]
        self._arrive(Stream.DERIVED, events)

    def _arrive(self, stream: Stream, events: list[ShopEvent]) -> None:
        now_us = self._clock.now_us()
        if events:
            position = self._writer.cursor(stream) + 1
            body = b"[" + b",".join(encode_event(one) for one in events) + b"]"
            record = JournalRecord(
                position, stream, "shop", "bench", now_us, len(events), body, "", {}
            )
            self._writer.apply(stream, [record])
        for one in (Stream.SHOP, Stream.DERIVED):
            self._writer.reach(one, self._writer.cursor(one), now_us)


def _events(counts: ArrayCounts, at: int, *, hangs: bool) -> Iterator[ShopEvent]:
    """The attempts of one slice, evenly spread over it."""
    for row, key in enumerate(counts.keys):
        total, bad = int(counts.total[row, at]), int(counts.bad[row, at])
        for place in range(total):
            us = counts.end_us(at) + (2 * place + 1) * SLICE_S * SECOND_US // (2 * total)
            name = f"{row}-{at}-{place}"
            failed = place < bad
            yield _attempt(name, key, min(us, counts.end_us(at) + SLICE_US - 1), failed, hangs)


def _attempt(name: str, key: SegmentKey, at_us: int, failed: bool, hangs: bool) -> ShopEvent:
    kind = "payment.succeeded"
    if failed:
        kind = "payment.attempted" if hangs else "payment.failed"
    told = dict(zip(NAMES, key, strict=True))
    return ShopEvent(
        id=f"e{name}",
        source="shop",
        type=kind,
        time_us=at_us,
        checkout_id=f"c{name}",
        payment_id=f"p{name}",
        provider=told["provider"],
        country=told["country"],
        method=told["method"],
        decline_class="technical" if failed and not hangs else "",
    )
