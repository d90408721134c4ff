"""What the ledger's writer changed, handed from its thread to the pass that judges."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, NamedTuple

from slo.ledger.writer import Told

# A pass comes every 5 s; a backfill commits some hundred transactions meanwhile.
_MOST: Final = 5_000
# Of all that wait together, about 300 bytes each: passes that do not come must not fill memory.
_MOST_CHANGES: Final = 300_000
# A transaction can be read before it is told of: its writer is at it, between two statements.
_WAIT_S: Final = 1.0


class SliceChanges(NamedTuple):
    """What one transaction changed, as the board reads it.

    `slices`: by objective number and 5 s slice the change of bad, total, alert_bad, alert_total;
    `bads`: objective number, slice, segment number and alert_bad, where that changed.
    """

    number: int
    slices: dict[tuple[int, int], list[int]]
    bads: list[tuple[int, int, int, int]]

    @property
    def size(self) -> int:
        """How many changes it holds."""
        return len(self.slices) + len(self.bads)


class ChangeFeed:
    """Transactions in the order of their numbers. Those beyond the bound are forgotten, oldest
    first: whoever misses one reads the ledger anew.
    """

    def __init__(self) -> None:
        self._told = threading.Condition()
        self._waiting: deque[SliceChanges] = deque()
        self._size = 0

    def put(self, told: Told) -> None:
        """The writer calls this once a transaction is committed."""
        changes = _by_slice(told)
        with self._told:
            self._waiting.append(changes)
            self._size += changes.size
            while len(self._waiting) > _MOST or self._size > _MOST_CHANGES:
                self._drop_oldest()
            self._told.notify_all()

    def take(self, after: int, until: int) -> list[SliceChanges] | None:
        """Transactions `after` < number <= `until`; None where one of them is not here (any more).

        Later ones stay, earlier ones are dropped. Where only the newest one is not here yet, its
        writer is waited for: reading all objectives anew would cost far more.
        """
        with self._told:
            while self._waiting and self._waiting[0].number <= after:
                self._drop_oldest()
            if self._is_one_short(after, until):
                self._told.wait_for(lambda: not self._is_one_short(after, until), _WAIT_S)
            found = [one for one in self._waiting if one.number <= until]
            # Numbers rise by one: nothing is missing where the last one and the count are right.
            if len(found) != until - after or (found and found[-1].number != until):
                return None
            for _ in found:
                self._drop_oldest()
            return found

    def _is_one_short(self, after: int, until: int) -> bool:
        newest = self._waiting[-1].number if self._waiting else after
        return newest == until - 1

    def _drop_oldest(self) -> None:
        self._size -= self._waiting.popleft().size


def _by_slice(told: Told) -> SliceChanges:
    """Segments added up: in the writer's thread, so that a pass has less to do."""
    slices: dict[tuple[int, int], list[int]] = {}
    bads: list[tuple[int, int, int, int]] = []
    for change in told.changes:
        no, slice_us, segment_id, _, good, bad, _, _, _, alert_total, alert_bad, _ = change
        held = slices.get((no, slice_us))
        if held is None:
            slices[no, slice_us] = [bad, good + bad, alert_bad, alert_total]
        else:
            held[0] += bad
            held[1] += good + bad
            held[2] += alert_bad
            held[3] += alert_total
        if alert_bad:
            bads.append((no, slice_us, segment_id, alert_bad))
    return SliceChanges(told.number, slices, bads)
