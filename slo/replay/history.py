"""The newest days of counts in memory, by segment, as prefix sums. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from kernel.clock import DAY_US, HOUR_US
from slo.fast_tier import Counts
from slo.ledger.sums import FineCell, SegmentKey
from slo.replay.minutes import Row
from slo.segments import Cells, matches

KEPT_US = 3 * DAY_US + HOUR_US
_ORDINARY_DAYS = 28
_ORDINARY_LEAST = 100


@dataclass
class _Track:
    """One segment: times, and sums before each of them (one more than times)."""

    at_us: list[int] = field(default_factory=list)
    rows: list[FineCell] = field(default_factory=list)
    bad: list[int] = field(default_factory=lambda: [0])
    total: list[int] = field(default_factory=lambda: [0])
    keyless: list[int] = field(default_factory=lambda: [0])

    def add(self, row: Row) -> None:
        self.at_us.append(row.slice_us)
        self.rows.append(FineCell(row.slice_us, row.total, row.bad, row.keyless))
        self.bad.append(self.bad[-1] + row.bad)
        self.total.append(self.total[-1] + row.total)
        self.keyless.append(self.keyless[-1] + row.keyless)

    def span(self, from_us: int, to_us: int) -> tuple[int, int]:
        return bisect_left(self.at_us, from_us), bisect_left(self.at_us, to_us)

    def counts(self, from_us: int, to_us: int) -> Counts:
        low, high = self.span(from_us, to_us)
        return Counts(
            self.bad[high] - self.bad[low],
            self.total[high] - self.total[low],
            self.keyless[high] - self.keyless[low],
        )

    def cells(self, from_us: int, to_us: int) -> list[FineCell]:
        low, high = self.span(from_us, to_us)
        return self.rows[low:high]

    def forget(self, before_us: int) -> None:
        gone = bisect_left(self.at_us, before_us)
        for table in (self.at_us, self.rows, self.bad, self.total, self.keyless):
            del table[:gone]


class History:
    """Feed it rows in the order of time; it keeps as much as the longest tier looks at."""

    def __init__(self, names: Sequence[str]) -> None:
        """`names`: the objective's segment fields."""
        self._names = names
        self._tracks: dict[SegmentKey, _Track] = defaultdict(_Track)
        self._whole = _Track()
        self._bad_us: list[int] = []
        self._days: dict[int, dict[SegmentKey, Counts]] = {}

    def add(self, rows: Sequence[Row]) -> None:
        """Rows later than all before."""
        for row in rows:
            self._tracks[row.key].add(row)
            self._whole.add(row)
            if row.bad:
                self._bad_us.append(row.slice_us)
            day = self._days.setdefault(row.slice_us // DAY_US, {})
            old = day.get(row.key, Counts(0, 0))
            day[row.key] = Counts(old.bad + row.bad, old.total + row.total)

    def forget(self, now_us: int) -> None:
        """Drop what no window reaches any more."""
        for track in (*self._tracks.values(), self._whole):
            track.forget(now_us - KEPT_US)
        del self._bad_us[: bisect_left(self._bad_us, now_us - KEPT_US)]
        self._tracks = defaultdict(
            _Track, {key: one for key, one in self._tracks.items() if one.at_us}
        )
        for day in [day for day in self._days if day < now_us // DAY_US - _ORDINARY_DAYS]:
            del self._days[day]

    def next_bad_us(self, from_us: int) -> int | None:
        """The first slice at or after `from_us` with a failure; None where none is known."""
        at = bisect_left(self._bad_us, from_us)
        return self._bad_us[at] if at < len(self._bad_us) else None

    def whole(self, from_us: int, to_us: int) -> Counts:
        """All segments together."""
        return self._whole.counts(from_us, to_us)

    def cells(self, from_us: int, to_us: int) -> Cells:
        """Cells of [from_us, to_us) by segment."""
        found = {key: track.cells(from_us, to_us) for key, track in self._tracks.items()}
        return {key: cells for key, cells in found.items() if cells}

    def sums(self, from_us: int, to_us: int) -> Mapping[SegmentKey, Counts]:
        """Sums of [from_us, to_us) by segment."""
        found = {key: track.counts(from_us, to_us) for key, track in self._tracks.items()}
        return {key: counts for key, counts in found.items() if counts.total}

    def ordinary_ratio(self, labels: Mapping[str, str], at_us: int) -> Fraction:
        """A segment's bad share over the 28 days before this one; 0 where that is too little.

        Of alert counts here; the ledger's view takes all attempts up to an hour ago.
        """
        today = at_us // DAY_US
        chosen = [
            counts
            for day, parts in self._days.items()
            if day < today
            for key, counts in parts.items()
            if matches(self._names, key, labels)
        ]
        total = sum(one.total for one in chosen)
        if total < _ORDINARY_LEAST:
            return Fraction(0)
        return Fraction(sum(one.bad for one in chosen), total)
