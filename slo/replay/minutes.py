"""An objective's alert counts, oldest first: minutes, and 5 s slices of the newest 2 h."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kernel.clock import DAY_US, MINUTE_US
from slo.ledger import LedgerReader
from slo.ledger.levels import FINE_US, cut
from slo.ledger.sums import SegmentKey
from slo.objective import Objective


class Row(NamedTuple):
    """Counts of one segment and slice. A minute stands in its last 5 s slice."""

    slice_us: int
    key: SegmentKey
    bad: int
    total: int
    keyless: int


class MinuteReader(LedgerReader):
    """Reads one ledger file in the order of time."""

    def fine_from_us(self) -> int:
        """From when on there are 5 s slices."""
        return self.marks().fine_from_us

    def rows(
        self, objective: Objective, from_us: int, to_us: int
    ) -> Iterator[tuple[int, list[Row]]]:
        """[from_us, to_us) in pieces of a day at most: the end of each, and its rows by time."""
        fine_from_us = self.fine_from_us()
        while from_us < to_us:
            piece_us = min(to_us, from_us - from_us % DAY_US + DAY_US)
            borders = (from_us, min(piece_us, fine_from_us)), (max(from_us, fine_from_us), piece_us)
            yield (
                piece_us,
                [
                    row
                    for (low, high), step_us in zip(borders, (MINUTE_US, FINE_US), strict=True)
                    if low < high
                    for row in self._piece(objective, low, high, step_us)
                ],
            )
            from_us = piece_us

    def _piece(self, objective: Objective, low: int, high: int, step_us: int) -> list[Row]:
        found: list[Row] = []
        with self.at_once():
            for span in cut(low, high, self.marks(), step_us):
                rows = self._rows(
                    "SELECT slice_us, segment_id, sum(alert_bad), sum(alert_total),"
                    " sum(alert_keyless) FROM cell WHERE objective_no = ? AND level_us = ? AND"
                    " slice_us >= ? AND slice_us < ? GROUP BY 1, 2 HAVING sum(alert_total) > 0"
                    " ORDER BY 1, 2",
                    (self.number(objective), *span),
                )
                late_us = span.level_us - FINE_US
                found += [
                    Row(at_us + late_us, self._segment(segment_id), bad, total, keyless)
                    for at_us, segment_id, bad, total, keyless in rows
                ]
        return sorted(found)
