"""Counting who sent what and what became of it: the arithmetic, without the file.

An item is stored, rejected (bad, told why), a duplicate (known already) or shed (refused because
not everything could be taken). Counts are kept by sender, source, class and minute.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kernel.journal.records import Append, ItemClass

# What is counted of sources beyond the bound; the counts stay exact, the names are lost.
OTHER = "__other__"
VERDICTS = ("stored", "rejected", "duplicate", "shed")

Pair = tuple[str, str]
Key = tuple[str, str, ItemClass]


@dataclass
class Counts:
    """Items by verdict, and the positions of the first and the last record that holds some."""

    stored: int = 0
    rejected: int = 0
    duplicate: int = 0
    shed: int = 0
    first_position: int | None = None
    last_position: int | None = None

    def add(self, other: Counts) -> None:
        """Sum; the other one came later."""
        self.stored += other.stored
        self.rejected += other.rejected
        self.duplicate += other.duplicate
        self.shed += other.shed
        if self.first_position is None:
            self.first_position = other.first_position
        if other.last_position is not None:
            self.last_position = other.last_position

    def by_verdict(self) -> tuple[int, int, int, int]:
        """In the order of VERDICTS."""
        return self.stored, self.rejected, self.duplicate, self.shed


@dataclass(frozen=True)
class Tally:
    """Counts of one sender, source and class in one span that begins at `from_us`."""

    from_us: int
    sender: str
    source: str
    item_class: ItemClass
    counts: Counts


class Sheet:
    """Counts by (sender, source, class)."""

    def __init__(self) -> None:
        self._counts: dict[Key, Counts] = {}

    def __bool__(self) -> bool:
        return bool(self._counts)

    def items(self) -> Iterable[tuple[Key, Counts]]:
        """What was counted."""
        return self._counts.items()

    def of(self, key: Key) -> Counts:
        """The counts of a key, to be added to."""
        found = self._counts.get(key)
        if found is None:
            found = self._counts[key] = Counts()
        return found

    def add(self, key: Key, counts: Counts) -> None:
        """Sum one entry; it came later than what is there."""
        self.of(key).add(counts)

    def merge(self, other: Sheet) -> None:
        """Sum entry by entry; the other one came later."""
        for key, counts in other.items():
            self.add(key, counts)


def count(sheet: Sheet, append: Append, duplicates: Iterable[int], position: int | None) -> None:
    """Add what became of an append. `duplicates`: indices of its items that were known."""
    sender = append.sender or append.source
    known = set(duplicates)
    if append.rejected or append.rejected_count:
        sheet.of((sender, append.source, append.worth)).rejected += append.refused_items
    if not append.labels:
        if append.items:
            counts = sheet.of((sender, append.source, append.worth))
            _note(counts, len(append.items) - len(known), len(known), append.holds, position)
        return
    for index, (source, item_class) in enumerate(append.labels):
        counts = sheet.of((sender, source, item_class))
        _note(counts, int(index not in known), int(index in known), append.holds, position)


def count_shed(sheet: Sheet, append: Append) -> None:
    """Add all items of an append that was refused."""
    sender = append.sender or append.source
    if not append.labels:
        key = (sender, append.source, append.worth)
        sheet.of(key).shed += len(append.items) * append.holds
    for source, item_class in append.labels:
        sheet.of((sender, source, item_class)).shed += append.holds


def _note(counts: Counts, stored: int, duplicate: int, holds: int, position: int | None) -> None:
    counts.stored += stored * holds
    counts.duplicate += duplicate * holds
    if stored:
        if counts.first_position is None:
            counts.first_position = position
        counts.last_position = position


class SourceBudget:
    """How many sources are named: the rest is counted as `__other__`, first of its sender.

    One sender cannot use up the names of the others: it has at most `of_sender`.
    """

    def __init__(self, total: int, of_sender: int) -> None:
        self._total = total
        self._of_sender = of_sender
        self._named: set[Pair] = set()
        self._used: dict[str, int] = {}

    def begin(self, named: Iterable[Pair]) -> None:
        """Start anew with the pairs that are named already."""
        self._named.clear()
        self._used.clear()
        for pair in named:
            self._name(pair)

    def place(self, sender: str, source: str) -> Pair:
        """The names under which this pair is counted."""
        pair = (sender, source)
        if pair in self._named:
            return pair
        if len(self._named) < self._total and self._used.get(sender, 0) < self._of_sender:
            self._name(pair)
            return pair
        rest = (sender, OTHER)
        if rest in self._named or len(self._named) < 2 * self._total:
            self._name(rest)
            return rest
        return OTHER, OTHER

    def _name(self, pair: Pair) -> None:
        if pair not in self._named:
            self._named.add(pair)
            self._used[pair[0]] = self._used.get(pair[0], 0) + 1
