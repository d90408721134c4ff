"""Months of alert counts as arrays: 5 s slices by segment, as `decide` asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from slo.fast_tier import SLICE_US, Counts
from slo.ledger.sums import FineCell, SegmentKey
from slo.segments import Cells

Numbers = NDArray[np.int64]


class ArrayCounts:
    """`bad` and `total`: [segment, slice]. The first slice begins at `start_us`."""

    def __init__(
        self, keys: Sequence[SegmentKey], bad: Numbers, total: Numbers, start_us: int
    ) -> None:
        self.keys = list(keys)
        self.bad = bad
        self.total = total
        self.start_us = start_us

    @property
    def slices(self) -> int:
        """How many slices there are."""
        return int(self.bad.shape[1])

    def end_us(self, slices: int) -> int:
        """The end of the first `slices` slices."""
        return self.start_us + slices * SLICE_US

    def cells(self, from_us: int, to_us: int) -> Cells:
        """Cells of [from_us, to_us)."""
        low, high = self._index(from_us), self._index(to_us)
        found: dict[SegmentKey, list[FineCell]] = {}
        rows, columns = np.nonzero(self.total[:, low:high])
        bad = self.bad[:, low:high][rows, columns].tolist()
        total = self.total[:, low:high][rows, columns].tolist()
        for row, column, one_bad, one_total in zip(
            rows.tolist(), columns.tolist(), bad, total, strict=True
        ):
            at_us = self.end_us(low + column)
            found.setdefault(self.keys[row], []).append(FineCell(at_us, one_total, one_bad))
        return found

    def sums(self, from_us: int, to_us: int) -> Mapping[SegmentKey, Counts]:
        """Sums of [from_us, to_us) by segment."""
        low, high = self._index(from_us), self._index(to_us)
        bad = (self._bad_before[:, high] - self._bad_before[:, low]).tolist()
        total = (self._total_before[:, high] - self._total_before[:, low]).tolist()
        return {
            key: Counts(one_bad, one_total)
            for key, one_bad, one_total in zip(self.keys, bad, total, strict=True)
            if one_total
        }

    def ordinary_ratio(self, labels: Mapping[str, str], at_us: int) -> Fraction:
        """Always 0: no part of these shops is worse than the others. Labels are not looked at."""
        del labels, at_us
        return Fraction(0)

    def labelled(self, width: int) -> list[list[int]]:
        """Rows of every part that the segment rules look at: single labels, pairs, full keys."""
        sizes = sorted({1, 2, width} - {0})
        parts: dict[tuple[tuple[int, str], ...], list[int]] = {}
        for row, key in enumerate(self.keys):
            pairs = [(place, value) for place, value in enumerate(key) if value]
            for size in sizes:
                for labels in combinations(pairs, size):
                    parts.setdefault(labels, []).append(row)
        return list(parts.values())

    def _index(self, at_us: int) -> int:
        return min(max((at_us - self.start_us) // SLICE_US, 0), self.slices)

    @cached_property
    def _bad_before(self) -> Numbers:
        return _before(self.bad)

    @cached_property
    def _total_before(self) -> Numbers:
        return _before(self.total)


def _before(counts: Numbers) -> Numbers:
    zero = np.zeros((counts.shape[0], 1), dtype=np.int64)
    return np.concatenate([zero, np.cumsum(counts, axis=1, dtype=np.int64)], axis=1)
