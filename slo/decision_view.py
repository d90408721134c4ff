"""What a decision asks of an objective's counts at one moment.

`LedgerView` answers from the ledger, `slo.replay.CountsView` from counts in memory, so that months
can be decided again in seconds by the same code that pages people.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Protocol

from slo.fast_tier import Counts
from slo.objective import Objective
from slo.segments import Cells, Span
from slo.tiers import Tier, WindowCounts


class DecisionView(Protocol):
    """One objective at one moment. Times in UTC microseconds; counts are alert counts."""

    @property
    def objective(self) -> Objective:
        """The promise that is judged."""

    @property
    def now_us(self) -> int:
        """Wall clock of the pass."""

    @property
    def end_us(self) -> int:
        """End of the newest closed slice."""

    @property
    def blind(self) -> str:
        """Why nothing can be said at all; "" where something is heard."""

    @property
    def no_data(self) -> str:
        """Why the numbers may not be believed; "" where all sources speak."""

    @property
    def span(self) -> Span:
        """The slices of `cells`."""

    @property
    def cells(self) -> Cells:
        """The fast tier's slices: the newest 900 s and the open one."""

    @property
    def long_span(self) -> Span:
        """The slices of `long_cells`."""

    @property
    def long_cells(self) -> Cells:
        """The newest 2 h."""

    def covered(self, window_s: int) -> bool:
        """True where 90 % of the newest `window_s` was observed."""

    def recent(self, labels: Mapping[str, str]) -> Counts:
        """Counts of the newest 120 s in a segment ({} = all)."""

    def tier_counts(
        self, tier: Tier, covered: Collection[Mapping[str, str]] = ()
    ) -> WindowCounts | None:
        """Counts of a tier's windows without the segments in `covered`; None: cannot fire."""

    def ordinary_ratio(self, labels: Mapping[str, str]) -> Fraction:
        """A segment's usual bad share; 0 where it is not known."""

    def left_out_until(self, labels: Mapping[str, str]) -> int:
        """Up to when something of a segment is left out of the newest 120 s; 0: nothing is."""
