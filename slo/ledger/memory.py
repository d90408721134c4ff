"""What readers of one ledger file remember between their questions.

Pages and gates ask the same four weeks again and again, while only the newest minutes change. Who
remembers something says how it is known to be still true; here is the bound of it, and that nothing
outlives the file it was read from.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Final, Generic, NamedTuple, TypeVar

from slo.ledger.coverage import Heard
from slo.time_slices import Census

_V = TypeVar("_V")
# Stretches of heard minutes, 16 bytes each, and some 200 bytes for each part of a day.
_MOST_STRETCHES: Final = 100_000
# Counted hours of objectives that budget by time, some 300 bytes each.
_MOST_SLICES: Final = 50_000
# One of each objective that somebody looks at.
_MOST_INTERVALS: Final = 5_000


class KnownSlices(NamedTuple):
    """Slices that are over, counted in the state after so many `transactions`.

    `blind`: the starts of those that were not observed then.
    """

    transactions: int
    blind: tuple[int, ...]
    census: Census


class KnownInterval(NamedTuple):
    """The 80 % interval of a forecast, the time it was drawn, and a digest of what from."""

    drawn_us: int
    given: bytes
    interval_h: tuple[float, float]


class Bounded(Generic[_V]):
    """Values by key. What would pass the bound makes it forget everything: it is read again."""

    def __init__(self, most: int) -> None:
        """`most`: the weights of all values together."""
        self._most = most
        self._lock = threading.Lock()
        self._held: dict[Hashable, tuple[_V, int]] = {}
        self._weight = 0

    def get(self, key: Hashable) -> _V | None:
        """None where it is not known."""
        found = self._held.get(key)
        return None if found is None else found[0]

    def put(self, key: Hashable, value: _V, weight: int) -> None:
        """Remember it instead of what the key had."""
        with self._lock:
            before = self._held.pop(key, None)
            self._weight += weight - (before[1] if before else 0)
            if self._weight > self._most:
                self._held.clear()
                self._weight = weight
            self._held[key] = value, weight

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._held.clear()
            self._weight = 0


class LedgerMemory:
    """One per process and ledger file; threads share it."""

    def __init__(self) -> None:
        self.heard: Bounded[Heard] = Bounded(_MOST_STRETCHES)
        self.slices: Bounded[KnownSlices] = Bounded(_MOST_SLICES)
        self.intervals: Bounded[KnownInterval] = Bounded(_MOST_INTERVALS)
        self._file = -1
        self._transactions = 0

    def settle(self, file: int, transactions: int) -> None:
        """A reader begins to read this state of the file with this number (its inode).

        Another file under the same name, or one that has lost transactions, is another past.
        """
        if file != self._file or transactions < self._transactions:
            self.heard.clear()
            self.slices.clear()
            self.intervals.clear()
        self._file, self._transactions = file, transactions
