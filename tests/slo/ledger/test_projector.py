"""From real journal files to the ledger: watermarks, presence, rebuilds, and sudden death."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, FrozenClock
from kernel.journal import Append, Item, JournalReader, JournalWriter, Stream
from kernel.shop_event import Origin, ShopEvent, encode_event
from slo.expiry import Expiry, payment_deadlines_s
from slo.ledger import LedgerReader, LedgerWriter, Sums
from slo.ledger.progress import progress
from slo.ledger.projector import LedgerProjector
from slo.ledger.pulse import PULSE_US
from slo.objective import Objective
from tests.slo.ledger.till import T0, checkouts, event, payments

DAY = (T0 - DAY_US, T0 + DAY_US)
ROOT = Path(__file__).resolve().parents[3]


class Shop:
    """Both journal files, the ledger over them, and the expiry: an engine without its threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FrozenClock(T0)
        self.shop = JournalWriter(folder / "journal.db", self.clock)
        self.derived = JournalWriter(folder / "derived.db", self.clock)
        self.reader = LedgerReader(folder / "ledger.db")
        self.expiry = Expiry(self.reader, self.derived, [])
        self.projector = self.start([payments()])

    def start(self, objectives: list[Objective]) -> LedgerProjector:
        """The engine starts (again) with these objectives."""
        writer = LedgerWriter(self.folder / "ledger.db", self.clock, objectives)
        paths = self.folder / "journal.db", self.folder / "derived.db"
        self.projector = LedgerProjector(writer, *paths)
        return self.projector

    def send(self, *events: ShopEvent) -> None:
        items = [Item(encode_event(one)) for one in events]
        self.shop.append(Append(Stream.SHOP, "shop", "shop.events", items)).result(timeout=60)

    def catch_up(self) -> None:
        while self.projector.step():
            pass

    def pass_time(self, seconds: float) -> None:
        """Time goes on, ticks are written, and everything is projected."""
        self.clock.advance_s(seconds)
        for journal in (self.shop, self.derived):
            journal.trim(0).result(timeout=60)
        self.catch_up()

    def sums(self, objective: Objective | None = None) -> Sums:
        return self.reader.sums(objective or payments(), *DAY)

    def close(self) -> None:
        self.projector.close()
        self.reader.close()
        self.shop.close()
        self.derived.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.close()


def test_before_the_first_file_every_answer_is_empty(tmp_path):
    reader = LedgerReader(tmp_path / "none.db")
    assert reader.sums(payments(), *DAY) == Sums()
    assert (reader.watermark_us(), reader.known_sources(), reader.last_heard_us("x")) == (
        0,
        [],
        None,
    )
    assert reader.default_sources(T0) == ()


def test_the_watermark_follows_idle_ticks(shop):
    shop.send(event("succeeded", 0))
    shop.catch_up()
    assert shop.reader.watermark_us() == T0
    shop.pass_time(90)
    assert shop.reader.watermark_us(["shop"]) == T0 + 90 * SECOND_US
    assert shop.reader.last_heard_us("shop") == T0
    assert shop.sums().good == 1


def test_a_stream_that_stands_still_holds_the_watermark(shop):
    shop.send(event("succeeded", 0))
    shop.catch_up()
    shop.clock.advance_s(60)
    shop.shop.trim(0).result(timeout=60)
    shop.derived.close()
    shop.catch_up()
    assert shop.reader.watermark_us() < T0 + 60 * SECOND_US


def test_raw_records_that_still_wait_hold_the_watermark(shop):
    waiting_us = T0 + 5 * SECOND_US
    writer = LedgerWriter(shop.folder / "ledger.db", shop.clock, [payments()])
    paths = shop.folder / "journal.db", shop.folder / "derived.db"
    shop.projector.close()
    shop.projector = LedgerProjector(writer, *paths, raw_done_us=lambda: waiting_us)
    shop.pass_time(60)
    assert shop.reader.watermark_us() == waiting_us


def test_what_was_found_in_raw_records_does_not_move_the_watermark_past_those_that_wait(shop):
    waiting_us = T0 + 5 * SECOND_US
    shop.projector.close()
    writer = LedgerWriter(shop.folder / "ledger.db", shop.clock, [payments()])
    paths = shop.folder / "journal.db", shop.folder / "derived.db"
    shop.projector = LedgerProjector(writer, *paths, raw_done_us=lambda: waiting_us)
    shop.clock.advance_s(600)
    found = [Item(encode_event(event("failed", 1, origin=Origin.SPAN)))]
    shop.derived.append(Append(Stream.DERIVED, "shop", "shop.events", found)).result(timeout=60)
    shop.pass_time(1)
    assert shop.sums().bad == 1
    assert shop.reader.watermark_us() == waiting_us


def test_one_reader_may_be_asked_by_many_threads(shop):
    shop.send(event("succeeded", 0))
    shop.catch_up()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: shop.sums().good, range(40)))
    assert answers == [1] * 40


def test_coverage_counts_from_the_first_event_and_falls_with_silence(shop):
    shop.send(event("succeeded", 0))
    shop.pass_time(3600)
    shop.send(event("succeeded", 3600, "p2"))
    shop.catch_up()
    end_us = T0 + HOUR_US + MINUTE_US
    assert shop.reader.coverage(["shop"], T0 - HOUR_US, end_us, 300) == Fraction(2, 61)
    assert shop.reader.coverage(["shop"], T0 - HOUR_US, end_us, 3600) == 1
    assert shop.reader.elapsed(["shop"], T0 - 59 * MINUTE_US, end_us) == Fraction(61, 120)
    assert shop.reader.coverage(["shop", "never"], T0, end_us, 300) == 0


def test_sources_below_one_percent_are_no_default(shop):
    shop.send(*(event("succeeded", 0, f"p{n}") for n in range(200)))
    shop.send(event("succeeded", 0, "q", source="rare"))
    shop.send(*(event("succeeded", 0, f"p{n}", source="psp", id=f"w{n}") for n in range(2)))
    shop.catch_up()
    assert shop.reader.known_sources() == ["psp", "rare", "shop"]
    assert shop.reader.default_sources(T0 + 1) == ("shop",)


def test_an_attempt_expires_while_its_shop_is_talking(shop):
    shop.send(event("attempted", 0, method="card", provider="adyen"))
    shop.pass_time(130)
    shop.send(event("succeeded", 125, "other"))
    shop.pass_time(1)
    assert shop.expiry.run() == 1
    shop.catch_up()
    sums = shop.sums()
    assert (sums.good, sums.bad) == (1, 1)
    assert ("adyen", "", "card") in shop.reader.segment_sums(payments(), *DAY)
    assert shop.expiry.run() == 0


def test_an_attempt_of_a_silent_shop_stays_pending(shop):
    shop.send(event("attempted", 0, method="card"))
    shop.pass_time(3600)
    shop.send(event("succeeded", 3000, "other", source="another shop"))
    shop.pass_time(1)
    assert shop.expiry.run() == 0
    assert shop.reader.pending(payments(), *DAY) == 1
    assert shop.sums().bad == 0


def test_an_expiry_is_no_sign_of_life(shop):
    shop.clock.advance_s(121)
    shop.send(event("attempted", 0), event("succeeded", 121, "other"))
    shop.pass_time(79)
    assert shop.expiry.run() == 1
    shop.pass_time(1)
    assert shop.reader.last_heard_us("shop") == T0 + 121 * SECOND_US
    assert shop.reader.default_sources(T0) == ("shop",)


def test_a_success_after_the_expiry_revises_it(shop):
    shop.clock.advance_s(121)
    shop.send(event("attempted", 0), event("succeeded", 121, "other"))
    shop.pass_time(79)
    shop.expiry.run()
    shop.catch_up()
    assert shop.sums().bad == 1
    shop.send(event("succeeded", 190, origin=Origin.BROWSER))
    shop.pass_time(1)
    assert (shop.sums().good, shop.sums().bad) == (2, 0)


def test_deadlines_follow_the_method_and_a_transfer_or_an_authorization_never_expires(shop):
    shop.send(
        event("attempted", 0, "redirect", method="redirect"),
        event("attempted", 0, "transfer", method="bank_transfer"),
        event("attempted", 0, "held", method="card"),
        event("authorized", 1, "held", method="card"),
        event("succeeded", 899, "other"),
    )
    shop.pass_time(1000)
    assert shop.expiry.run() == 0
    shop.send(event("succeeded", 901, "another"))
    shop.pass_time(1)
    assert shop.expiry.run() == 1
    shop.catch_up()
    assert shop.reader.pending(payments(), *DAY) == 2


def test_a_started_checkout_expires_after_half_an_hour(shop):
    shop.send(event("checkout.started", 0, "", checkout_id="c1"))
    shop.pass_time(1900)
    shop.send(event("succeeded", 1801, "other"))
    shop.pass_time(1)
    assert shop.expiry.run() == 1


def test_the_most_patient_objective_sets_the_deadline():
    hasty = payments(deadlines_s={"": 30, "card": 60})
    patient = payments(deadlines_s={"": 90, "card": 40, "wallet": None})
    assert payment_deadlines_s([hasty, patient]) == {"": 90, "card": 60, "wallet": None}
    assert payment_deadlines_s([checkouts()])["bank_transfer"] is None


def test_a_new_objective_gets_its_past_and_the_others_keep_theirs(shop):
    shop.send(event("succeeded", 0, "p1"), event("failed", 0, "p2", checkout_id="c", country="DE"))
    shop.catch_up()
    before = shop.reader.segment_sums(payments(), *DAY)
    shop.projector.close()
    newer = payments(generation="2")
    shop.start([payments(), newer])
    shop.catch_up()
    assert shop.reader.segment_sums(payments(), *DAY) == before
    assert shop.reader.segment_sums(newer, *DAY) == before
    assert shop.reader.lost(newer, *DAY) == {"EUR": 1000}
    shop.send(event("failed", 5, "p3", checkout_id="c", country="DE"))
    shop.catch_up()
    assert shop.sums(newer) == shop.sums()
    assert (shop.sums(newer).bad, shop.sums(newer).alert_bad) == (2, 1)


def test_a_new_objective_also_counts_units_whose_messages_left_the_journal(shop):
    shop.send(event("failed", 0, "p1"))
    shop.send(event("succeeded", 1, "p2"))
    shop.catch_up()
    shop.projector.close()
    with sqlite3.connect(shop.folder / "journal.db") as db:
        db.execute("DELETE FROM record WHERE position = (SELECT min(position) FROM record)")
    db.close()
    newer = payments(generation="2")
    shop.start([payments(), newer])
    shop.send(event("succeeded", 2, "p1", origin=Origin.PROVIDER))
    shop.catch_up()
    assert shop.sums(newer) == shop.sums()
    assert (shop.sums(newer).good, shop.sums(newer).bad) == (2, 0)


def test_an_objective_that_was_away_while_others_were_counted_is_counted_anew(shop):
    shop.send(event("failed", 0, "p1"))
    shop.catch_up()
    shop.projector.close()
    shop.start([payments(generation="2")])
    shop.send(event("failed", 1, "p2"), event("succeeded", 1, "p3"))
    shop.catch_up()
    shop.projector.close()
    shop.start([payments()])
    shop.catch_up()
    shop.reader = LedgerReader(shop.folder / "ledger.db")
    assert (shop.sums().good, shop.sums().bad) == (1, 2)
    shop.send(event("succeeded", 2, "p2", origin=Origin.PROVIDER))
    shop.catch_up()
    assert (shop.sums().good, shop.sums().bad) == (2, 1)


def test_what_was_counted_anew_is_another_past_even_under_the_same_number(shop):
    shop.send(event("failed", 0, "p1"))
    shop.catch_up()
    before = LedgerReader(shop.folder / "ledger.db").past(payments())
    shop.projector.close()
    shop.start([])
    shop.send(event("failed", 1, "p2"))
    shop.catch_up()
    shop.projector.close()
    shop.start([payments()])
    shop.catch_up()
    after = LedgerReader(shop.folder / "ledger.db").past(payments())
    assert (before[0], before != after) == (after[0], True)


def test_the_hole_in_a_pulse_that_nobody_watched_is_filled_and_what_was_before_it_stays(shop):
    def begun() -> dict[str, list[tuple[int, int]]]:
        return shop.reader.begun(payments(), *DAY, PULSE_US)

    shop.send(event("succeeded", 0, "p1"), event("succeeded", 0, "p2"))
    shop.catch_up()
    shop.projector.close()
    shop.start([checkouts()])
    shop.send(event("succeeded", 10, "p3"))
    shop.catch_up()
    shop.projector.close()
    with sqlite3.connect(shop.folder / "journal.db") as db:
        db.execute("DELETE FROM record WHERE position = (SELECT min(position) FROM record)")
    db.close()
    shop.start([checkouts(), payments()])
    shop.catch_up()
    shop.send(event("succeeded", 20, "p4"))
    shop.catch_up()
    at_us = [T0, T0 + 10 * SECOND_US, T0 + 20 * SECOND_US]
    assert begun() == {"shop": list(zip(at_us, [2, 1, 1], strict=True))}
    shop.projector.close()
    shop.start([payments()])
    shop.catch_up()
    assert begun() == {"shop": list(zip(at_us, [2, 1, 1], strict=True))}


def test_a_rebuild_that_was_broken_off_is_not_under_way_for_ever(shop):
    shop.send(event("succeeded", 0))
    shop.catch_up()
    shop.projector.close()
    shop.start([payments(), checkouts()])
    side = shop.projector._writer.beside(shop.folder / "ledger.db.rebuild")
    side.close()
    found = progress(shop.folder / "ledger.db", shop.folder / "journal.db")
    assert found is not None
    assert found.kind == "rebuild"
    # The engine dies, and the objective is taken out again.
    shop.projector.close()
    shop.start([payments()])
    shop.catch_up()
    assert progress(shop.folder / "ledger.db", shop.folder / "journal.db") is None


def test_units_that_left_the_journal_are_recalled_hour_by_hour(shop, monkeypatch):
    for hour in range(3):
        names = [f"p{number}" for number in range(hour, 60, 3)]
        shop.send(*[event("failed", hour * 3600, name) for name in names])
        shop.clock.advance_s(3600)
    shop.catch_up()
    shop.projector.close()
    with sqlite3.connect(shop.folder / "journal.db") as db:
        db.execute("DELETE FROM record")
    db.close()
    recalls: list[int] = []
    recall = LedgerWriter.recall

    def noted(writer: LedgerWriter, events: list[ShopEvent], received_us: int) -> None:
        recalls.append(received_us)
        recall(writer, events, received_us)

    monkeypatch.setattr(LedgerWriter, "recall", noted)
    newer = payments(generation="2")
    shop.start([payments(), newer])
    shop.catch_up()
    assert (shop.sums(newer).bad, len(recalls)) == (60, 3)


def test_an_objective_that_was_away_while_nothing_happened_keeps_its_whole_past(shop):
    shop.send(event("failed", 0, "p1"))
    shop.catch_up()
    known = shop.projector._writer.connection().execute("SELECT no FROM objective").fetchall()
    for objectives in ([], [payments()]):
        shop.projector.close()
        shop.start(objectives)
    assert shop.sums().bad == 1
    rows = shop.projector._writer.connection().execute("SELECT no FROM objective").fetchall()
    assert rows == known


def test_a_ledger_of_an_older_make_is_counted_anew_under_open_readers(shop):
    shop.send(event("succeeded", 0))
    shop.catch_up()
    assert shop.sums().good == 1
    shop.projector._writer.connection().execute("PRAGMA user_version = 0")
    shop.projector.close()
    shop.start([payments()])
    assert shop.sums().good == 0
    shop.catch_up()
    assert shop.sums().good == 1


def test_a_journal_that_was_lost_hides_nothing_that_comes_after(shop):
    shop.send(event("succeeded", 0, "p1"), event("failed", 0, "p2"))
    shop.send(event("succeeded", 1, "p3"))
    shop.catch_up()
    shop.projector.close()
    shop.shop.close()
    for file in shop.folder.glob("journal.db*"):
        file.unlink()
    shop.clock.advance_s(1)
    shop.shop = JournalWriter(shop.folder / "journal.db", shop.clock)
    shop.start([payments()])
    shop.send(event("failed", 2, "p4"), event("succeeded", 1, "p3"))
    shop.catch_up()
    assert (shop.sums().good, shop.sums().bad) == (2, 2)


_DIES = """
import os, signal, sys
from pathlib import Path
from kernel.clock import FrozenClock
from slo.ledger import counting, writer
from slo.ledger.progress import progress
from slo.ledger.projector import LedgerProjector
from slo.ledger.pulse import PULSE_US
from tests.slo.ledger.till import T0, payments

folder, left, seeded = Path(sys.argv[1]), [int(sys.argv[2])], sys.argv[3] == "seeded"
flush, count = counting.CellChanges.flush, writer.LedgerWriter._count

def dying(self, *values):
    flush(self, *values)
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1

def cursor_first(self, db, chunk):
    self._move(db, "shop", chunk)
    db.execute("COMMIT")
    db.execute("BEGIN IMMEDIATE")
    count(self, db, chunk)

counting.CellChanges.flush = dying
if seeded:
    writer.LedgerWriter._count = cursor_first
ledger = writer.LedgerWriter(folder / "ledger.db", FrozenClock(T0), [payments()])
projector = LedgerProjector(ledger, folder / "journal.db", folder / "derived.db")
while projector.step():
    pass
"""


def _die(shop: Shop, survived: int, variant: str) -> tuple[int, int]:
    """Kill an engine in its n-th transaction; gives (bad units counted, records passed)."""
    command = [sys.executable, "-c", textwrap.dedent(_DIES), shop.folder, str(survived), variant]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == -signal.SIGKILL
    shop.start([payments()])
    cursor = shop.projector._writer.cursor(Stream.SHOP)
    reader = JournalReader(shop.folder / "journal.db")
    passed = [one for one in reader.read([Stream.SHOP], 0) if one.position <= cursor]
    reader.close()
    shop.projector.close()
    return shop.sums().bad, len(passed)


def test_death_inside_a_transaction_leaves_cursor_and_counts_together(shop):
    shop.projector.close()
    for block in range(30):
        shop.send(*(event("failed", block, f"b{block}-{n}") for n in range(200)))
    for survived in (0, 1, 2):
        bad, passed = _die(shop, survived, "sound")
        assert bad == 200 * passed
    bad, passed = _die(shop, 0, "seeded")
    assert bad < 200 * passed, "this test would not notice a cursor that runs ahead"


def test_after_death_everything_is_counted_once(shop):
    shop.projector.close()
    for block in range(6):
        shop.send(*(event("failed", block, f"b{block}-{n}") for n in range(200)))
    _die(shop, 1, "sound")
    shop.start([payments()])
    shop.catch_up()
    assert shop.sums().bad == 1200
