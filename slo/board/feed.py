"""What the ledger's writer changed, handed from its thread to the pass that judges."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, NamedTuple

from slo.ledger.writer import Told

# A pass comes every 5 s; a backfill commits some hundred transactions meanwhile.
_MOST: Final = 5_000


class SliceChanges(NamedTuple):
    """What one transaction changed, as the board reads it.

    `slices`: by objective number and 5 s slice the change of bad, total, alert_bad, alert_total;
    `bads`: objective number, slice, segment number and alert_bad, where that changed.
    """

    number: int
    slices: dict[tuple[int, int], list[int]]
    bads: list[tuple[int, int, int, int]]


class ChangeFeed:
    """Transactions in the order of their numbers. Those beyond the bound are forgotten, oldest
    first: whoever misses one reads the ledger anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[SliceChanges] = deque(maxlen=_MOST)

    def put(self, told: Told) -> None:
        """The writer calls this once a transaction is committed."""
        changes = _by_slice(told)
        with self._lock:
            self._waiting.append(changes)

    def take(self, after: int, until: int) -> list[SliceChanges] | None:
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


def _by_slice(told: Told) -> SliceChanges:
    """Segments added up: in the writer's thread, so that a pass has less to do."""
    slices: dict[tuple[int, int], list[int]] = {}
    bads: list[tuple[int, int, int, int]] = []
    for (no, slice_us, segment_id, _), delta in told.changes.items():
        good, bad, _, _, _, alert_total, alert_bad, _ = delta
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
