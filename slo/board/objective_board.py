"""Running sums of one objective: exact counts of each window, moved on slice by slice.

The same borders as `LedgerView.window`: all windows end at a slice; those shorter than 2 h begin at
a slice, longer ones at a whole minute. A window is never summed again: what enters is added, what
leaves is taken off.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from kernel.clock import MINUTE_US, SECOND_US
from slo.board.screen import AtLeast, BadSlice, may_be_down, may_jump
from slo.fast_tier import MIN_BAD
from slo.ledger.levels import FINE_US

FAST_US: Final = 900 * SECOND_US
WHOLE_MINUTES_FROM_S: Final = 7_200
# Slices kept in memory: the longest window that begins at a slice, and what lies ahead of the end.
_SLOTS: Final = 1_800
_AHEAD_SLOTS: Final = 90
_BEHIND_US: Final = (_SLOTS - 2 * _AHEAD_SLOTS) * FINE_US
_AHEAD_US: Final = _AHEAD_SLOTS * FINE_US
# bad, total, alert_bad, alert_total
_WIDTH: Final = 4
Counts = list[int]


class Move(NamedTuple):
    """The begin of a window moves. `whole`: by whole minutes, whose counts the ledger tells."""

    place: int
    from_us: int
    to_us: int
    whole: bool


def begin_us(end_us: int, window_s: int) -> int:
    """Where a window of this length begins (`LedgerView.from_us`)."""
    start_us = end_us - window_s * SECOND_US
    return start_us if window_s < WHOLE_MINUTES_FROM_S else start_us - start_us % MINUTE_US


def moves(lengths_s: Sequence[int], from_end_us: int, to_end_us: int) -> list[Move]:
    """How the begins of these windows move with their common end."""
    found = []
    for index, window_s in enumerate(lengths_s):
        span = begin_us(from_end_us, window_s), begin_us(to_end_us, window_s)
        if span[0] < span[1]:
            found.append(Move(index, *span, window_s >= WHOLE_MINUTES_FROM_S))
    return found


class ObjectiveBoard:
    """Sums of the windows `lengths_s`, and the bad slices of the newest 15 min."""

    def __init__(self, lengths_s: Sequence[int], end_us: int) -> None:
        """All windows end at `end_us`; their sums are filled from outside, then `restore`d."""
        self.lengths_s = tuple(lengths_s)
        self.end_us = end_us
        self.sums: list[Counts] = [[0, 0, 0, 0] for _ in self.lengths_s]
        self._begins = [begin_us(end_us, one) for one in self.lengths_s]
        self._slots = array("i", bytes(4 * _SLOTS * _WIDTH))
        self._bads: dict[tuple[int, int], int] = {}
        # False once something lies too far ahead to be held: the ledger must be read anew.
        self.is_whole = True
        self._news = True

    def restore(self, slice_us: int, counts: Sequence[int]) -> None:
        """A slice as the ledger holds it; the windows are filled apart."""
        if slice_us >= self.end_us + _AHEAD_US:
            self.is_whole = False
        elif slice_us >= self.end_us - _BEHIND_US:
            place = slice_us // FINE_US % _SLOTS * _WIDTH
            for offset in range(_WIDTH):
                self._slots[place + offset] += counts[offset]

    def change(self, slice_us: int, counts: Sequence[int]) -> None:
        """Counts of a slice have changed by this much."""
        self.restore(slice_us, counts)
        if counts[3] < 0:
            # Fewer attempts beside the same failures are a higher ratio.
            self._news = True
        if slice_us < self.end_us:
            for index, start_us in enumerate(self._begins):
                if slice_us >= start_us:
                    _add(self.sums[index], counts)

    def change_bad(self, slice_us: int, segment_id: int, bad: int) -> None:
        """Bad alert counts of a segment have changed by this much."""
        place = slice_us, segment_id
        self._bads[place] = self._bads.get(place, 0) + bad
        self._news = True

    def advance(
        self, end_us: int, moved: Iterable[Move], leaving: Mapping[int, Sequence[int]]
    ) -> None:
        """Move the end on. `moved`: the begins; `leaving`: what leaves by whole minutes (place)."""
        sums, begins = self.sums, self._begins
        self._clear(end_us)
        entering = self._between(self.end_us, end_us)
        if entering is not None:
            bad, total, alert_bad, alert_total = entering
            for one in sums:
                one[1] += total
                one[3] += alert_total
            if bad or alert_bad:
                for one in sums:
                    one[0] += bad
                    one[2] += alert_bad
        for place, from_us, to_us, whole in moved:
            gone = leaving.get(place) if whole else self._between(from_us, to_us)
            if gone is not None:
                _take(sums[place], gone)
            begins[place] = to_us
        self.end_us = end_us

    def may_jump(self, ratio: float, at_least: AtLeast) -> bool:
        """Can the fast tier fire? Asked again only after another bad attempt, or after
        attempts were taken back (see `screen`).
        """
        if not self._news:
            return False
        bads = self._newest_first()
        self._news = sum(one.bad for one in bads) >= MIN_BAD and may_jump(bads, at_least, ratio)
        return self._news

    def may_be_down(self, two_hours: int, at_least: AtLeast) -> bool:
        """Can a small segment be down? `two_hours`: the place of the rule's longest window."""
        bads = self._newest_first() if self._bads else []
        ahead = sum(one.bad for one in bads if one.slice_us >= self.end_us)
        if not bads or self.sums[two_hours][2] + ahead < MIN_BAD:
            return False
        return may_be_down(bads, at_least, self.end_us - FAST_US)

    def _newest_first(self) -> list[BadSlice]:
        oldest_us = self.end_us - FAST_US
        for place in [one for one in self._bads if one[0] < oldest_us]:
            del self._bads[place]
        return [
            BadSlice(slice_us, segment_id, bad)
            for (slice_us, segment_id), bad in sorted(self._bads.items(), reverse=True)
            if bad > 0
        ]

    def _between(self, from_us: int, to_us: int) -> Sequence[int] | None:
        """Counts of the held slices in [from, to); None where there are none."""
        slots = self._slots
        if to_us - from_us == FINE_US:
            place = from_us // FINE_US % _SLOTS * _WIDTH
            only = slots[place : place + _WIDTH]
            return only if only[1] or only[0] or only[2] or only[3] else None
        found: Counts | None = None
        for slice_us in range(from_us, to_us, FINE_US):
            place = slice_us // FINE_US % _SLOTS * _WIDTH
            held = slots[place : place + _WIDTH]
            if held[1] or held[0] or held[2] or held[3]:
                if found is None:
                    found = [0, 0, 0, 0]
                _add(found, held)
        return found

    def _clear(self, end_us: int) -> None:
        """Slots that the new end and what lies ahead of it will use: they hold old slices."""
        for slice_us in range(self.end_us + _AHEAD_US, end_us + _AHEAD_US, FINE_US):
            place = slice_us // FINE_US % _SLOTS * _WIDTH
            self._slots[place : place + _WIDTH] = _EMPTY


_EMPTY: Final = array("i", [0] * _WIDTH)


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
