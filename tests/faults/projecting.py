"""The engine's views under faults: counts a journal into a ledger, fills a telemetry store from it.

`python -m tests.faults.projecting <folder> <ledger|telemetry> [fault]`. A step that fails is tried
again with the same objects, as the engine's runner does. `fault` plants a bug.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from collector.projector import Projector
from collector.redaction import Redactor
from kernel.clock import MINUTE_US, FrozenClock
from kernel.errors import Unavailable
from kernel.journal import Append, Item, JournalReader, JournalWriter, Stream
from kernel.shop_event import encode_event, event_key
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore
from slo.ledger import LedgerWriter
from slo.ledger.projector import LedgerProjector
from tests.slo.ledger.till import T0, event, payments

MINUTES = 6
NOW_US = T0 + MINUTES * MINUTE_US
TRIES = 6


def make_base(folder: Path) -> None:
    """A journal of some minutes of payments: one transaction of the ledger for each minute."""
    clock = FrozenClock(T0)
    writer = JournalWriter(folder / "journal.db", clock)
    for minute in range(MINUTES):
        clock.set_us(T0 + minute * MINUTE_US)
        for number in range(3):
            name = f"p{minute}-{number}"
            kind = "failed" if number == 2 else "succeeded"
            told = [event("attempted", minute * 60, name), event(kind, minute * 60 + 1, name)]
            items = [Item(encode_event(one), event_key(one.source, one.id)) for one in told]
            writer.append(Append(Stream.SHOP, "shop", "shop.events", items)).result(30)
    writer.close()


def main(folder: Path, view: str, fault: str = "") -> None:
    """Step until all is applied."""
    if fault:
        _counts_outside_of_the_transaction()
    step, close = _retried({"ledger": _ledger, "telemetry": _telemetry}[view], folder)
    while _retried(step):
        pass
    close()
    print("done", flush=True)


Parts = tuple[Callable[[], bool], Callable[[], None]]


def _ledger(folder: Path) -> Parts:
    objectives = [payments()]
    writer = LedgerWriter(folder / "ledger.db", FrozenClock(NOW_US), objectives)
    projector = LedgerProjector(writer, folder / "journal.db", folder / "derived.db")
    return projector.step, projector.close


def _telemetry(folder: Path) -> Parts:
    store = SqliteTelemetryStore(folder / "telemetry", FrozenClock(NOW_US))
    journal = JournalReader(folder / "journal.db")
    redactor = Redactor(b"0123456789abcdef")
    derived = JournalReader(folder / "derived.db")
    projector = Projector(journal, derived, store, redactor, lambda: NOW_US, FrozenClock(NOW_US))
    return projector.step, store.close


def _retried(call: Callable[..., object], *arguments: object) -> object:
    for left in reversed(range(TRIES)):
        try:
            return call(*arguments)
        except (sqlite3.Error, OSError, Unavailable):
            if not left:
                raise
    raise AssertionError


def _counts_outside_of_the_transaction() -> None:
    """The cursor moves in a transaction of its own, before what it stands for is counted."""
    count = LedgerWriter._count

    def split(self: LedgerWriter, db: sqlite3.Connection, chunk: object) -> None:
        self._move(db, Stream.SHOP, chunk)  # type: ignore[arg-type]
        db.execute("COMMIT")
        db.execute("BEGIN IMMEDIATE")
        count(self, db, chunk)  # type: ignore[arg-type]

    LedgerWriter._count = split  # type: ignore[method-assign]


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
