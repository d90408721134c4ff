"""What readers remember is what they would read: after late events, and in another file too."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from slo.ledger import LedgerMemory, LedgerReader
from slo.ledger.memory import Bounded
from tests.slo.ledger.till import T0, Till, event, payments

GAP_S = 300


def cover(path: Path, from_us: int, to_us: int, memory: LedgerMemory | None = None) -> Fraction:
    reader = LedgerReader(path, memory)
    try:
        return reader.coverage(["shop"], from_us, to_us, GAP_S)
    finally:
        reader.close()


def test_coverage_is_the_same_with_and_without_a_memory_whatever_comes_late(till):
    draw = random.Random(20261201)
    memory = LedgerMemory()
    till.take(event("succeeded", -2 * 86_400, "first"))
    for number in range(60):
        heard = [draw.randrange(-2 * 86_400, 0) for _ in range(20)]
        till.take(*(event("succeeded", at_s, f"{number}/{at_s}") for at_s in heard))
        for _ in range(10):
            from_us, to_us = sorted(draw.randrange(T0 - 3 * DAY_US, T0) for _ in "ab")
            window = from_us // MINUTE_US * MINUTE_US, to_us
            assert cover(till.path, *window, memory) == cover(till.path, *window)


def test_a_day_that_was_heard_whole_is_not_read_again(till):
    memory, minutes = LedgerMemory(), range(-86_400, 0, 60)
    till.take(*(event("succeeded", at_s, f"p{at_s}") for at_s in minutes))
    window = T0 - DAY_US, T0
    assert cover(till.path, *window, memory) == 1
    inside = T0 - 20 * HOUR_US, T0 - 10 * HOUR_US
    delete = "DELETE FROM presence WHERE minute_us >= ? AND minute_us < ?"
    till.writer.connection().execute(delete, inside)
    assert cover(till.path, *window) < 1
    assert cover(till.path, *window, memory) == 1


def test_another_file_of_the_same_name_has_another_past(tmp_path):
    memory, minutes = LedgerMemory(), range(-86_400, 0, 60)
    window = T0 - DAY_US, T0
    first = Till(tmp_path, [payments()])
    first.take(*(event("succeeded", at_s, f"p{at_s}") for at_s in minutes))
    assert cover(first.path, *window, memory) == 1
    first.close()
    for path in tmp_path.glob("ledger.db*"):
        path.rename(path.with_name(f"old.{path.name}"))
    second = Till(tmp_path, [payments()])
    second.take(event("succeeded", -86_400), event("succeeded", -1, "p2"))
    assert cover(second.path, *window, memory) == Fraction(2, 24 * 60)
    second.close()


def test_a_memory_that_would_grow_past_its_bound_begins_anew():
    held: Bounded[str] = Bounded(10)
    for number in range(5):
        held.put(number, f"value {number}", 4)
    assert [held.get(number) for number in range(5)] == [None, None, None, None, "value 4"]
    held.put(4, "changed", 10)
    assert held.get(4) == "changed"


def test_the_writer_notes_which_hours_changed_after_their_minutes_were_over(till):
    till.take(event("succeeded", -7200, "p1"), event("succeeded", -1, "p2"), received_s=0)
    newest = till.reader.transactions()
    till.take(event("failed", -7200, "p3"), event("succeeded", 100, "p4"), received_s=110)
    with till.reader.at_once():
        late = till.reader.late(T0 - DAY_US, T0 + HOUR_US)
    assert late[(T0 - 2 * HOUR_US) // HOUR_US] == newest + 1
    assert T0 // HOUR_US not in late
