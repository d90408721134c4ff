"""A moment of counts in memory, as `decide` wants to see it. Pure.

The windows end at `end_us` and lie on slice borders, as the ledger's do. Where the counts come in
minutes, each minute stands in its last 5 s slice: windows of whole minutes are exact then, and
shorter ones see the whole minute with a harder reference, so that they never fire alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Protocol

from kernel.clock import HOUR_US, SECOND_US
from slo.fast_tier import SLICE_US, WINDOWS_S, Counts
from slo.ledger.sums import SegmentKey
from slo.objective import Objective
from slo.segments import Cells, Span, matches, without
from slo.tiers import Tier, WindowCounts

FAST_SLICES = WINDOWS_S[-1] * SECOND_US // SLICE_US + 1
LONG_SLICES = 2 * HOUR_US // SLICE_US
RECENT_S = 120
NEWEST_S = 60


class CountsHistory(Protocol):
    """Alert counts by segment over time."""

    def cells(self, from_us: int, to_us: int) -> Cells:
        """The 5 s cells of [from_us, to_us), oldest first, empty ones left out."""

    def sums(self, from_us: int, to_us: int) -> Mapping[SegmentKey, Counts]:
        """Sums of [from_us, to_us) by segment."""

    def ordinary_ratio(self, labels: Mapping[str, str], at_us: int) -> Fraction:
        """A segment's usual bad share as known at `at_us`; 0 where it is not known."""


@dataclass(frozen=True)
class Heard:
    """What was heard up to a moment: `blind` and `no_data` as in `DecisionView`."""

    blind: str = ""
    no_data: str = ""


class CountsView:
    """One objective at `end_us`; nothing of `end_us` or later is seen."""

    def __init__(
        self, history: CountsHistory, objective: Objective, end_us: int, heard: Heard | None = None
    ) -> None:
        self._history = history
        self._heard = heard or Heard()
        self.objective = objective
        self.now_us = self.end_us = end_us

    @property
    def blind(self) -> str:
        """Why nothing can be said at all."""
        return self._heard.blind

    @property
    def no_data(self) -> str:
        """Why the numbers may not be believed."""
        return self._heard.blind or self._heard.no_data

    def covered(self, window_s: int) -> bool:  # noqa: ARG002 (all that is known was observed)
        """True where something is heard."""
        return not self.blind

    @property
    def span(self) -> Span:
        """900 s and the open slice, which is empty here."""
        return Span(self.end_us + SLICE_US, FAST_SLICES, open_slice=True)

    @property
    def long_span(self) -> Span:
        """The newest 2 h."""
        return Span(self.end_us + SLICE_US, LONG_SLICES, open_slice=True)

    @cached_property
    def cells(self) -> Cells:
        """The fast tier's slices."""
        return self._cells(FAST_SLICES)

    @cached_property
    def long_cells(self) -> Cells:
        """The slices of the newest 2 h."""
        return self._cells(LONG_SLICES)

    def recent(self, labels: Mapping[str, str]) -> Counts:
        """Counts of the newest 120 s in a segment ({} = all)."""
        names = self.objective.segments
        return _added(
            one for key, one in self._sums(RECENT_S).items() if matches(names, key, labels)
        )

    def tier_counts(
        self, tier: Tier, covered: Collection[Mapping[str, str]] = ()
    ) -> WindowCounts | None:
        """Counts of a tier's windows without the segments in `covered`; None: cannot fire."""
        short = self._outside(tier.short_s, covered)
        if not short.bad or short.bad < tier.factor * self.objective.budget_ratio * short.total:
            return None
        long = self._outside(tier.long_s, covered)
        recent = self._outside(RECENT_S, covered)
        newest = self._outside(NEWEST_S, covered)
        return WindowCounts(
            long_bad=long.bad,
            long_total=long.total,
            short_bad=short.bad,
            short_total=short.total,
            recent_bad=recent.bad,
            recent_total=recent.total,
            newest_bad=newest.bad,
            newest_total=newest.total,
            long_keyless=long.keyless,
        )

    def ordinary_ratio(self, labels: Mapping[str, str]) -> Fraction:
        """A segment's usual bad share; 0 where it is not known."""
        return self._history.ordinary_ratio(labels, self.end_us)

    def left_out_until(self, labels: Mapping[str, str]) -> int:  # noqa: ARG002 (nothing is)
        """Always 0: what is left out is not in these counts at all."""
        return 0

    def _cells(self, slices: int) -> Cells:
        return self._history.cells(self.end_us - (slices - 1) * SLICE_US, self.end_us)

    def _sums(self, window_s: int) -> Mapping[SegmentKey, Counts]:
        return self._history.sums(self.end_us - window_s * SECOND_US, self.end_us)

    def _outside(self, window_s: int, covered: Collection[Mapping[str, str]]) -> Counts:
        return _added(without(self._sums(window_s), self.objective.segments, covered).values())


def _added(parts: Iterable[Counts]) -> Counts:
    found = list(parts)
    return Counts(
        sum(one.bad for one in found),
        sum(one.total for one in found),
        sum(one.keyless for one in found),
    )
