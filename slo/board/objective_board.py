"""Running sums of one objective: exact counts of each window, moved on slice by slice.

The same borders as `LedgerView.window`: all windows end at a slice; those shorter than 2 h begin at
a slice, longer ones at a whole minute. A window is never summed again: what enters is added, what
leaves is taken off.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from kernel.clock import MINUTE_US, SECOND_US
from slo.board.screen import BadSlice, may_be_down, may_jump
from slo.board.traffic import SegmentTraffic
from slo.ledger.levels import FINE_US

FAST_US: Final = 900 * SECOND_US
WHOLE_MINUTES_FROM_S: Final = 7_200
# Slices kept in memory: the longest window that begins at a slice, and what lies ahead of the end.
_SLOTS: Final = 1_800
_AHEAD_SLOTS: Final = 90
# bad, total, alert_bad, alert_total
_WIDTH: Final = 4
Counts = list[int]


def begin_us(end_us: int, window_s: int) -> int:
    """Where a window of this length begins (`LedgerView.from_us`)."""
    start_us = end_us - window_s * SECOND_US
    return start_us if window_s < WHOLE_MINUTES_FROM_S else start_us - start_us % MINUTE_US


class ObjectiveBoard:
    """Sums of the windows `lengths_s`, and the bad slices of the newest 15 min."""

    def __init__(self, lengths_s: Sequence[int], end_us: int) -> None:
        """All windows end at `end_us`; `set_window` and `restore` then fill it."""
        self.lengths_s = tuple(lengths_s)
        self.end_us = end_us
        self.sums: list[Counts] = [[0, 0, 0, 0] for _ in self.lengths_s]
        self._begins = [begin_us(end_us, one) for one in self.lengths_s]
        self._slots = array("i", bytes(4 * _SLOTS * _WIDTH))
        self._bads: dict[tuple[int, int], int] = {}
        self._traffic = SegmentTraffic()
        # False once something lies too far ahead to be held: the ledger must be read anew.
        self.is_whole = True
        self._news = True

    def restore(self, slice_us: int, counts: Sequence[int]) -> None:
        """A slice as the ledger holds it; the windows are filled apart."""
        self._hold(slice_us, counts)

    def restore_bad(self, slice_us: int, segment_id: int, bad: int) -> None:
        """Bad alert counts of a segment, as the ledger holds them. Of the traffic around them
        nothing is known until it has been followed for 15 min: so long they count as alone.
        """
        self._bads[slice_us, segment_id] = bad

    def change(self, slice_us: int, segment_id: int, counts: Sequence[int]) -> None:
        """Counts of a slice have changed by this much."""
        self._hold(slice_us, counts)
        if slice_us < self.end_us:
            for index, start_us in enumerate(self._begins):
                if slice_us >= start_us:
                    _add(self.sums[index], counts)
        if counts[2]:
            place = slice_us, segment_id
            self._bads[place] = self._bads.get(place, 0) + counts[2]
            self._news = True
        if counts[3]:
            self._traffic.add(segment_id, slice_us, counts[3])

    def advance(self, end_us: int, leaving: Sequence[Sequence[int]]) -> None:
        """Move the end on. `leaving`: what leaves each window that begins at whole minutes, in the
        order of `lengths_s` (of the others nothing is read).
        """
        self._clear(end_us)
        entering = self._between(self.end_us, end_us)
        for index, window_s in enumerate(self.lengths_s):
            sums, start_us = self.sums[index], begin_us(end_us, window_s)
            if entering is not None:
                _add(sums, entering)
            if window_s >= WHOLE_MINUTES_FROM_S:
                _take(sums, leaving[index])
            elif (gone := self._between(self._begins[index], start_us)) is not None:
                _take(sums, gone)
            self._begins[index] = start_us
        if end_us // MINUTE_US > self.end_us // MINUTE_US:
            self._traffic.note(end_us // MINUTE_US)
        self.end_us = end_us

    def leaves(self, end_us: int) -> list[tuple[int, int]]:
        """For each window, what [from, to) leaves it when the end moves to `end_us`."""
        ends = [begin_us(end_us, window_s) for window_s in self.lengths_s]
        return list(zip(self._begins, ends, strict=True))

    def may_jump(self, ratio: float) -> bool:
        """Can the fast tier fire? Asked again only after another bad attempt (see `screen`)."""
        if not self._news:
            return False
        self._news = may_jump(self._newest_first(), self._traffic.at_least, ratio)
        return self._news

    def may_be_down(self) -> bool:
        """Can a small segment be down?"""
        bads = self._newest_first()
        return may_be_down(bads, self._traffic.at_least, self.end_us - FAST_US)

    def _newest_first(self) -> Iterable[BadSlice]:
        oldest_us = self.end_us - FAST_US
        for place in [one for one in self._bads if one[0] < oldest_us]:
            del self._bads[place]
        return [
            BadSlice(slice_us, segment_id, bad)
            for (slice_us, segment_id), bad in sorted(self._bads.items(), reverse=True)
            if bad > 0
        ]

    def _hold(self, slice_us: int, counts: Sequence[int]) -> None:
        if slice_us >= self.end_us + _AHEAD_SLOTS * FINE_US:
            self.is_whole = False
            return
        if slice_us < self.end_us - (_SLOTS - 2 * _AHEAD_SLOTS) * FINE_US:
            return
        place = slice_us // FINE_US % _SLOTS * _WIDTH
        slots = self._slots
        for offset in range(_WIDTH):
            slots[place + offset] += counts[offset]

    def _between(self, from_us: int, to_us: int) -> Counts | None:
        """Counts of the held slices in [from, to); None where there are none."""
        found: Counts | None = None
        slots = self._slots
        for slice_us in range(from_us, to_us, FINE_US):
            place = slice_us // FINE_US % _SLOTS * _WIDTH
            if slots[place] or slots[place + 1] or slots[place + 2] or slots[place + 3]:
                held = slots[place : place + _WIDTH]
                found = (
                    list(held)
                    if found is None
                    else [a + b for a, b in zip(found, held, strict=True)]
                )
        return found

    def _clear(self, end_us: int) -> None:
        """Slots that the new end and what lies ahead of it will use: they hold old slices."""
        ahead_us = _AHEAD_SLOTS * FINE_US
        for slice_us in range(self.end_us + ahead_us, end_us + ahead_us, FINE_US):
            place = slice_us // FINE_US % _SLOTS * _WIDTH
            for offset in range(_WIDTH):
                self._slots[place + offset] = 0


def _add(sums: Counts, counts: Sequence[int]) -> None:
    sums[0] += counts[0]
    sums[1] += counts[1]
    sums[2] += counts[2]
    sums[3] += counts[3]


def _take(sums: Counts, counts: Sequence[int]) -> None:
    sums[0] -= counts[0]
    sums[1] -= counts[1]
    sums[2] -= counts[2]
    sums[3] -= counts[3]
