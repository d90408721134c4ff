"""Attempts of one objective by segment: a lower bound for any newest stretch of the last 16 min."""

from __future__ import annotations

from array import array
from typing import Final

from kernel.clock import MINUTE_US

_MINUTES: Final = 17


class SegmentTraffic:
    """Counts up; each minute the counts are noted. What came late is left out: a lower bound."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._noted: dict[int, array[int]] = {}
        self._minute = 0

    def add(self, segment_id: int, slice_us: int, attempts: int) -> None:
        """Attempts counted in a slice (fewer, where an outcome was revised)."""
        if attempts > 0 and slice_us < self._minute * MINUTE_US:
            return
        self._counts[segment_id] = self._counts.get(segment_id, 0) + attempts

    def note(self, minute: int) -> None:
        """It is this minute now. Segments without traffic for 16 min are forgotten."""
        passed = min(minute - self._minute, _MINUTES)
        if passed <= 0:
            return
        self._minute = minute
        places = [(minute - back) % _MINUTES for back in range(passed)]
        for segment_id, count in list(self._counts.items()):
            noted = self._noted.get(segment_id)
            if noted is None:
                self._noted[segment_id] = array("q", [count]) * _MINUTES
                continue
            for place in places:
                noted[place] = count
            if noted[(minute + 1) % _MINUTES] == count:
                del self._counts[segment_id], self._noted[segment_id]

    def at_least(self, segment_id: int, from_us: int) -> int:
        """No more than the attempts of the segment in slices from `from_us` on."""
        minute = -(-from_us // MINUTE_US)
        noted = self._noted.get(segment_id)
        if noted is None or minute > self._minute:
            return 0
        minute = max(minute, self._minute - _MINUTES + 1)
        return max(0, self._counts.get(segment_id, 0) - noted[minute % _MINUTES])
