"""Memory for bodies that are being read, inflated or decoded: one budget for the whole door.

Without it 64 exports of 64 MiB at the same time would be 4 GiB. Telemetry may use half of it
(`kernel.journal.admission`), so that a flood of exports leaves room for events. Bodies that would
not fit are refused before they are read, where their length is declared. What a lone body needs is
always given, so that nothing is too large for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kernel.journal import ItemClass, JournalWriter
from kernel.journal.admission import Reason, fits

MAX_BYTES: Final = 256 * 1024**2


class Lease:
    """What one request holds of the budget. For one thread at a time."""

    def __init__(self, budget: BodyBudget, item_class: ItemClass, sender: str) -> None:
        self._budget = budget
        self._item_class = item_class
        self._sender = sender
        self._held_bytes = 0
        self._used_bytes = 0

    def hold(self, all_bytes: int) -> None:
        """Hold at least so many bytes in all. Raises Refused where there is no room."""
        missing = all_bytes - self._held_bytes
        if missing > 0:
            self._budget.take(self._item_class, self._sender, missing)
            self._held_bytes = all_bytes

    def grow(self, more_bytes: int) -> None:
        """So many bytes more are kept; what was held before is used up first. Raises Refused."""
        self._used_bytes += more_bytes
        self.hold(self._used_bytes)

    def end(self) -> None:
        """Give all of it back."""
        self._budget.give_back(self._held_bytes)
        self._held_bytes = self._used_bytes = 0


class BodyBudget:
    """One per door. Threads share it."""

    def __init__(self, journal: JournalWriter, max_bytes: int = MAX_BYTES) -> None:
        """`journal`: where those who are turned away are counted."""
        self._journal = journal
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._held_bytes = 0

    @property
    def held_bytes(self) -> int:
        """What all requests hold together."""
        return self._held_bytes

    @contextmanager
    def lease(
        self, item_class: ItemClass, sender: str, announced_bytes: int = 0
    ) -> Iterator[Lease]:
        """Room for one request until the block ends. Raises Refused where there is none."""
        lease = Lease(self, item_class, sender)
        try:
            lease.hold(announced_bytes)
            yield lease
        finally:
            lease.end()

    def take(self, item_class: ItemClass, sender: str, more_bytes: int) -> None:
        """Count bytes in. Raises Refused, and then nothing was counted."""
        with self._lock:
            if fits(item_class, more_bytes, self._held_bytes, self._max_bytes):
                self._held_bytes += more_bytes
                return
        self._journal.tallies.shed_request(sender, item_class)
        raise self._journal.refusals.note(item_class, Reason.MEMORY)

    def give_back(self, held_bytes: int) -> None:
        """Count bytes out."""
        with self._lock:
            self._held_bytes -= held_bytes
