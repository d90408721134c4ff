"""What the ledger's writer changed, handed from its thread to the pass that judges."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from slo.ledger.writer import Told

# A pass comes every 5 s; a backfill commits some hundred transactions meanwhile.
_MOST: Final = 5_000


class ChangeFeed:
    """Transactions in the order of their numbers. Those beyond the bound are forgotten, oldest
    first: whoever misses one reads the ledger anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Told] = deque(maxlen=_MOST)

    def put(self, told: Told) -> None:
        """The writer calls this once a transaction is committed."""
        with self._lock:
            self._waiting.append(told)

    def take(self, after: int, until: int) -> list[Told] | None:
        """Transactions `after` < number <= `until`; None where one of them is not here (any more).

        Later ones stay, earlier ones are dropped.
        """
        with self._lock:
            while self._waiting and self._waiting[0].number <= after:
                self._waiting.popleft()
            found = [one for one in self._waiting if one.number <= until]
            # Numbers rise by one: nothing is missing where the last one and the count are right.
            if len(found) != until - after or (found and found[-1].number != until):
                return None
            for _ in found:
                self._waiting.popleft()
            return found
