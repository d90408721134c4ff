"""The program under faults: opens the writer of a journal, appends, and says what it was told.

`python -m tests.faults.appending <folder> [fault]`. Each line on standard output is one
acknowledgement, written after its future was done: `{"append": name, "receipt": id}`. What is
refused is sent again, as a sender would. `fault` plants a bug that the harness has to find out.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from kernel.clock import DAY_US, FrozenClock
from kernel.errors import Unavailable
from kernel.journal import Append, Item, JournalWriter, Stream
from kernel.journal.records import Appended
from kernel.journal.seen import Seen

NOW_US = 1_795_000_000_000_000
TRIES = 6


def item(name: str, size: int = 40) -> Item:
    """An item whose bytes prove themselves: its name, its filling and the filling's digest."""
    filling = (name * size)[:size]
    digest = hashlib.sha256(filling.encode()).hexdigest()
    told = {"name": name, "filling": filling, "sha256": digest}
    return Item(json.dumps(told).encode(), name.encode())


def shop(*items: Item) -> Append:
    """A record of shop events."""
    return Append(Stream.SHOP, "shop", "test", items)


# Small ones, repeats of what is known and of itself, one that takes many pages, one whole body.
APPENDS: dict[str, Append] = {
    "small": shop(item("a"), item("b")),
    "repeats": shop(item("b"), item("c"), item("c"), item("old-9")),
    "large": shop(item("large", 40_000), item("d")),
    "whole": Append(Stream.RAW, "shop", "test.whole", [item("e", 3_000)], whole=True),
    "known": shop(item("a"), item("large", 40_000)),
    "last": shop(item("f")),
}


def open_journal(path: Path, clock: FrozenClock) -> JournalWriter:
    """One whose keys move from the log into the table within the few appends of a run."""
    return JournalWriter(path, clock, seen_keys=Seen(generation=2, slice_size=1))


def make_base(folder: Path) -> None:
    """A journal that has lived: ten records of nine days ago, which trimming takes, and newer."""
    clock = FrozenClock(NOW_US - 9 * DAY_US)
    writer = open_journal(folder / "journal.db", clock)
    for number in range(10):
        if number == 5:
            clock.set_us(NOW_US - DAY_US)
        writer.append(shop(item(f"old-{number}", 2_000))).result(30)
    writer.close()


def main(folder: Path, fault: str = "") -> None:
    """Append everything, trim, close."""
    if fault:
        FAULTS[fault]()
    writer = _opened(folder / "journal.db")
    for name, append in APPENDS.items():
        told = _until_done(lambda append=append: writer.append(append))
        _say(append=name, receipt=told.receipt)
        if name == "whole":
            _until_done(lambda: writer.trim(NOW_US))
    writer.close()
    _say(closed=True)


def _opened(path: Path) -> JournalWriter:
    for left in reversed(range(TRIES)):
        try:
            return open_journal(path, FrozenClock(NOW_US))
        except (sqlite3.Error, OSError):
            if not left:
                raise
    raise AssertionError


def _until_done(submit: Callable[[], Future[Any]]) -> Any:
    for left in reversed(range(TRIES)):
        try:
            return submit().result(30)
        except Unavailable:
            if not left:
                raise
    raise AssertionError


def _say(**told: object) -> None:
    print(json.dumps(told), flush=True)


def _acknowledges_early() -> None:
    """The future is done before the commit."""
    write = JournalWriter.append

    def append(self: JournalWriter, told: Append) -> Future[Appended]:
        later = write(self, told)
        early: Future[Appended] = Future()
        early.set_result(Appended("early", 1, len(told.items), ()))
        later.add_done_callback(lambda done: done.exception())
        return early

    JournalWriter.append = append  # type: ignore[method-assign]


def _splits_the_transaction() -> None:
    """Keys are remembered in a transaction of their own, before the record is written."""
    note = Seen.note

    def noted(self: Seen, db: sqlite3.Connection, *told: Any) -> set[int]:
        found = note(self, db, *told)
        self.write(db)
        db.execute("COMMIT")
        db.execute("BEGIN IMMEDIATE")
        return found

    Seen.note = noted  # type: ignore[method-assign]


FAULTS = {"early": _acknowledges_early, "split": _splits_the_transaction}

if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
