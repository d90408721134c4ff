"""The ledger without what corrections leave out: the same questions, the same exact sums.

Additivity makes it exact: a window less the stretches inside of it. What is left out is in none
of good, bad, excluded and money, and is never counted as uptime.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction

from kernel.clock import MINUTE_US
from slo.corrections.dropping import Drops, Stretch
from slo.ledger import LedgerReader
from slo.ledger.sums import FineCell, SegmentKey, Sums, total_of
from slo.objective import Objective


class CorrectedReader:
    """A ledger reader for one objective's corrections."""

    def __init__(self, reader: LedgerReader, drops: Drops) -> None:
        self._reader = reader
        self._drops = drops

    @property
    def ledger(self) -> LedgerReader:
        """The ledger with everything in it."""
        return self._reader

    @property
    def drops(self) -> Drops:
        """What is left out."""
        return self._drops

    def sums(self, objective: Objective, from_us: int, to_us: int) -> Sums:
        """What counts of the window, all segments together."""
        return total_of(self.segment_sums(objective, from_us, to_us).values())

    def counts(self, objective: Objective, from_us: int, to_us: int) -> tuple[int, int]:
        """Good and bad units that count of the window."""
        if not self._drops.within(from_us, to_us):
            return self._reader.counts(objective, from_us, to_us)
        sums = self.sums(objective, from_us, to_us)
        return sums.good, sums.bad

    def segment_counts(
        self, objective: Objective, from_us: int, to_us: int
    ) -> dict[SegmentKey, tuple[int, int]]:
        """Good and bad units that count of the window, by segment."""
        if not self._drops.within(from_us, to_us):
            return self._reader.segment_counts(objective, from_us, to_us)
        found = self.segment_sums(objective, from_us, to_us)
        return {key: (sums.good, sums.bad) for key, sums in found.items()}

    def segment_sums(
        self, objective: Objective, from_us: int, to_us: int
    ) -> dict[SegmentKey, Sums]:
        """What counts of the window by segment; a segment of which nothing is left is absent."""
        with self._reader.at_once():
            found = dict(self._reader.segment_sums(objective, from_us, to_us))
            for stretch in self._drops.within(from_us, to_us):
                inside = self._reader.segment_sums(objective, stretch.from_us, stretch.to_us)
                for key, sums in inside.items():
                    if stretch.takes(objective.segments, key):
                        found[key] = found.get(key, Sums()) - sums
        return {key: sums for key, sums in found.items() if sums != Sums()}

    def fine(
        self, objective: Objective, from_us: int, to_us: int
    ) -> dict[SegmentKey, list[FineCell]]:
        """Alert counts at 5 s slices that are not left out."""
        found = self._reader.fine(objective, from_us, to_us)
        for stretch in self._drops.within(from_us, to_us):
            for key in [key for key in found if stretch.takes(objective.segments, key)]:
                kept = [
                    cell
                    for cell in found[key]
                    if not stretch.from_us <= cell.slice_us < stretch.to_us
                ]
                found[key] = kept
        return {key: cells for key, cells in found.items() if cells}

    def series(
        self, objective: Objective, from_us: int, to_us: int, step_us: int
    ) -> list[tuple[int, Sums]]:
        """Buckets of `step_us`; of one that is left out in part, the rest counts."""
        with self._reader.at_once():
            points = dict(self._reader.series(objective, from_us, to_us, step_us))
            for stretch in self._drops.within(from_us, to_us):
                self._take_out(points, objective, stretch, from_us, step_us)
        return sorted(points.items())

    def outcomes(
        self, objective: Objective, from_us: int, to_us: int, step_us: int
    ) -> list[tuple[int, int, int]]:
        """Good, bad and excluded units of the buckets of `series`."""
        if not self._drops.within(from_us, to_us):
            return self._reader.outcomes(objective, from_us, to_us, step_us)
        points = self.series(objective, from_us, to_us, step_us)
        return [(sums.good, sums.bad, sums.excluded) for _, sums in points]

    def segment_lost(
        self, objective: Objective, from_us: int, to_us: int
    ) -> dict[SegmentKey, dict[str, int]]:
        """Value of lost baskets that counts, by segment; one that failed before a correction and
        again after it is one basket.
        """
        stretches = self._drops.within(from_us, to_us)
        ends = [one.to_us for one in stretches]

        def counts(at_us: int, key: SegmentKey) -> bool:
            place = bisect_right(ends, at_us)
            if place == len(stretches) or at_us < stretches[place].from_us:
                return True
            return not stretches[place].takes(objective.segments, key)

        return self._reader.segment_lost(objective, from_us, to_us, counts if stretches else None)

    def pending(self, objective: Objective, from_us: int, to_us: int) -> int:
        """Attempts without an outcome outside of what is left out as a whole.

        Those of a segment that is left out are in it: which one they belong to is not told apart.
        """
        return sum(
            self._reader.pending(objective, *span) for span in self._drops.kept(from_us, to_us)
        )

    def coverage(
        self, sources: Sequence[str], from_us: int, to_us: int, max_gap_s: int
    ) -> Fraction:
        """Observed share of the time that counts (of the worst source), since its first event.

        A shop that is switched off for its maintenance lacks no coverage for that; 1 where nothing
        counts of what came since the first event.
        """
        with self._reader.at_once():
            shares = [self._share(one, from_us, to_us, max_gap_s) for one in sources]
        return min(shares, default=Fraction(0))

    def observing(
        self, sources: Sequence[str], from_us: int, to_us: int, max_gap_s: int
    ) -> Callable[[int, int], Fraction]:
        """`coverage` of any part of [from, to), asked many times."""
        if self._drops.whole(from_us, to_us):
            return lambda low, high: self.coverage(sources, low, high, max_gap_s)
        return self._reader.observing(sources, from_us, to_us, max_gap_s)

    def elapsed(self, sources: Sequence[str], from_us: int, to_us: int) -> Fraction:
        """As the ledger says it: corrections do not move the first event."""
        return self._reader.elapsed(sources, from_us, to_us)

    def watermark_us(self, sources: Sequence[str] = ()) -> int:
        """As the ledger says it."""
        return self._reader.watermark_us(sources)

    def last_heard_us(self, source: str) -> int | None:
        """As the ledger says it."""
        return self._reader.last_heard_us(source)

    def _share(self, source: str, from_us: int, to_us: int, max_gap_s: int) -> Fraction:
        since = self._reader.elapsed([source], from_us, to_us)
        if not since:
            return Fraction(0)
        begun_us = to_us - int(since * (to_us - from_us))
        kept = self._drops.kept(max(from_us, begun_us - begun_us % MINUTE_US), to_us)
        length_us = sum(end_us - begin_us for begin_us, end_us in kept)
        if not length_us:
            return Fraction(1)
        covered_us = (
            self._reader.coverage([source], begin_us, end_us, max_gap_s) * (end_us - begin_us)
            for begin_us, end_us in kept
        )
        return sum(covered_us, Fraction(0)) / length_us

    def _take_out(
        self,
        points: dict[int, Sums],
        objective: Objective,
        stretch: Stretch,
        from_us: int,
        step_us: int,
    ) -> None:
        at_us = stretch.from_us - (stretch.from_us - from_us) % step_us
        for bucket_us in range(at_us, stretch.to_us, step_us):
            begin_us = max(bucket_us, stretch.from_us)
            end_us = min(bucket_us + step_us, stretch.to_us)
            if stretch.whole and end_us - begin_us == step_us:
                points[bucket_us] = Sums()
                continue
            inside = self._reader.segment_sums(objective, begin_us, end_us)
            points[bucket_us] -= total_of(
                sums for key, sums in inside.items() if stretch.takes(objective.segments, key)
            )


# Either one answers the same questions; mypy refuses a question that only one of them knows.
AnyReader = LedgerReader | CorrectedReader
