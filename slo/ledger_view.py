"""What one objective looks like in the ledger at one moment: sources, windows, coverage.

Windows end at the watermark (closed 5 s slices; the fast tier adds the open one), never at "now".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from slo.corrections.dropping import NOTHING, Drops
from slo.corrections.reader import AnyReader, CorrectedReader
from slo.fast_tier import SLICE_US, WINDOWS_S, Counts
from slo.ledger import LedgerReader
from slo.ledger.sums import FineCell, SegmentKey, Sums, total_of
from slo.objective import Objective
from slo.segments import Span, matches, without
from slo.slice_reading import count_slices
from slo.tiers import Tier, WindowCounts
from slo.time_slices import Tally, borders, settled
from slo.windows import BudgetWindow, budget_window
from slo.wording import span_text

SHORT_S = 300
RECENT_S = 120
NEWEST_S = 60
COVERAGE_FLOOR = Fraction(9, 10)
FAST_SLICES = WINDOWS_S[-1] * SECOND_US // SLICE_US + 1
FINE_US = 2 * HOUR_US
_ORDINARY_US = 28 * DAY_US
_ORDINARY_LEAST = 100
NO_LABELS: Mapping[str, str] = MappingProxyType({})


def closed_us(watermark_us: int) -> int:
    """Where windows end at this watermark: behind the newest slice that is over."""
    return watermark_us - watermark_us % SLICE_US


class LedgerView:
    """One objective in one pass. Reads lazily, each thing once."""

    def __init__(
        self,
        reader: LedgerReader,
        objective: Objective,
        now_us: int,
        default_sources: Sequence[str],
        drops: Drops = NOTHING,
    ) -> None:
        """`default_sources` are taken where the objective names none.

        `drops`: what approved corrections leave out of every number here.
        """
        self._uncorrected = reader
        self._default_sources = default_sources
        self._reader: AnyReader = CorrectedReader(reader, drops) if drops else reader
        self._windows: dict[int, Mapping[SegmentKey, Sums]] = {}
        self.drops = drops
        self.objective = objective
        self.now_us = now_us
        self.sources = tuple(objective.sources or default_sources)
        # Receive times never fall: after the clock was set back they lie ahead of it for a while.
        self.watermark_us = min(reader.watermark_us(self.sources), now_us) if self.sources else 0
        self.end_us = closed_us(self.watermark_us)

    @property
    def reader(self) -> AnyReader:
        """The ledger without what is left out, for what the view does not ask itself."""
        return self._reader

    @property
    def ledger(self) -> LedgerReader:
        """The ledger as it is, for what is not about the budget: what fails and what is sold."""
        return self._uncorrected

    @cached_property
    def uncorrected(self) -> LedgerView:
        """The same with nothing left out."""
        if not self.drops:
            return self
        return LedgerView(self._uncorrected, self.objective, self.now_us, self._default_sources)

    def left_out_until(self, labels: Mapping[str, str]) -> int:
        """Up to when a correction leaves something of a segment out of the newest 120 s; 0: none.

        What is left there may look calm only because the failures are not counted.
        """
        start_us = self.end_us - RECENT_S * SECOND_US
        return self.drops.touch(labels, start_us, self.end_us)

    @cached_property
    def quiet_sources(self) -> list[str]:
        """Sources not heard for longer than the objective's `max_gap_s` (or never)."""
        limit_us = self.now_us - self.objective.max_gap_s * SECOND_US
        return [one for one in self.sources if (self._reader.last_heard_us(one) or 0) < limit_us]

    def last_heard_us(self, source: str) -> int | None:
        """Receive time of the source's newest event; None if it was never heard."""
        return self._reader.last_heard_us(source)

    @cached_property
    def heard_until_us(self) -> int:
        """When the source that is silent longest was last heard, as far as counted; 0: never."""
        heard = [self._reader.last_heard_us(one) or 0 for one in self.sources]
        return min([*heard, self.watermark_us], default=0) if heard else 0

    @cached_property
    def unknowable(self) -> str:
        """Why nothing can be said whatever the rule for missing data is; "" where something can.

        It is no silence of the shop's that is meant here, but that nothing is known of it.
        """
        if not self.sources:
            return "no source was ever heard"
        if self.watermark_us < self.now_us - self.objective.max_gap_s * SECOND_US:
            return "what arrived is not counted yet: the watermark is behind"
        return ""

    @cached_property
    def blind(self) -> str:
        """Why nothing can be said at all; "" where something is heard."""
        if self.unknowable:
            return self.unknowable
        if len(self.quiet_sources) == len(self.sources):
            gap = span_text(self.objective.max_gap_s)
            return f"nothing heard from {', '.join(self.sources)} for more than {gap}"
        return ""

    @cached_property
    def no_data(self) -> str:
        """Why the numbers may not be believed; "" where all sources speak and cover 5 minutes."""
        if self.blind:
            return self.blind
        if self.quiet_sources:
            return f"nothing heard from {', '.join(self.quiet_sources)}"
        if not self.covered(SHORT_S):
            return "the newest 5 minutes are not covered to 90 %"
        return ""

    def covered(self, window_s: int) -> bool:
        """True where the sources that speak were observed for 90 % of the newest `window_s`."""
        speaking = [one for one in self.sources if one not in self.quiet_sources]
        return self._coverage(speaking, window_s) >= COVERAGE_FLOOR

    def coverage(self, window_s: int) -> Fraction:
        """Observed share of the newest `window_s`, of the worst source."""
        return self._coverage(self.sources, window_s)

    @property
    def span(self) -> Span:
        """The fast tier's slices: 900 s of closed ones and the open one."""
        return Span(self.end_us + SLICE_US, FAST_SLICES, open_slice=True)

    @cached_property
    def cells(self) -> Mapping[SegmentKey, Sequence[FineCell]]:
        """Alert counts of the fast tier's slices."""
        return self._fine(self.span.slices * SLICE_US)

    @cached_property
    def long_cells(self) -> Mapping[SegmentKey, Sequence[FineCell]]:
        """Alert counts of the newest 2 h, to find where it began."""
        return self._fine(FINE_US)

    @property
    def long_span(self) -> Span:
        """The slices of `long_cells`."""
        return Span(self.span.end_us, FINE_US // SLICE_US, open_slice=True)

    def recent(self, labels: Mapping[str, str], window_s: int = RECENT_S) -> Counts:
        """Alert counts of the newest `window_s` (and the open slice) in a segment ({} = all)."""
        return self._recent(window_s, within=labels)

    def tier_counts(
        self, tier: Tier, covered: Collection[Mapping[str, str]] = ()
    ) -> WindowCounts | None:
        """Alert counts of a tier's windows without the segments in `covered`.

        None where the short window alone already rules the tier out (the long one is not read).
        """
        short = self._without(tier.short_s, covered)
        threshold = tier.factor * self.objective.budget_ratio
        if not short.alert_bad or short.alert_bad < threshold * short.alert_total:
            return None
        long = self._without(tier.long_s, covered)
        recent = self._recent(RECENT_S, outside=covered)
        newest = self._recent(NEWEST_S, outside=covered)
        return WindowCounts(
            long_bad=long.alert_bad,
            long_total=long.alert_total,
            short_bad=short.alert_bad,
            short_total=short.alert_total,
            recent_bad=recent.bad,
            recent_total=recent.total,
            newest_bad=newest.bad,
            newest_total=newest.total,
            long_keyless=long.alert_keyless,
        )

    @cached_property
    def budget_window(self) -> BudgetWindow:
        """Borders of what the budget is counted over: whoever needs them asks here.

        A calendar window is counted from its start to the watermark and ends later.
        """
        return budget_window(self.objective.window, self.end_us)

    @cached_property
    def budget_by_segment(self) -> dict[SegmentKey, Sums]:
        """The budget's window by segment."""
        window = self.budget_window
        return self._reader.segment_sums(self.objective, window.from_us, window.to_us)

    def coverage_of(self, window: BudgetWindow) -> Fraction:
        """Observed share of a budget's window, of the worst source, since it was first heard."""
        gap_s = self.objective.max_gap_s
        return self._reader.coverage(self.sources, window.from_us, window.to_us, gap_s)

    def begun_us(self, window: BudgetWindow) -> int:
        """From when on a budget's window was counted.

        Its start, or the slice in which the last source was first heard; its end where one was not
        heard up to then.
        """
        share = self._reader.elapsed(self.sources, window.from_us, window.to_us)
        begun_us = window.to_us - int(share * window.counted_us)
        return begun_us - begun_us % SLICE_US

    def slices_of(self, window: BudgetWindow) -> Tally | None:
        """The slices of a budget's window; None where attempts are budgeted.

        Those before the first word of the sources are no slices of it.
        """
        objective, slices = self.objective, self.objective.slices
        if slices is None:
            return None
        from_us, to_us = borders(objective, slices, window)
        before = max(0, self.begun_us(window) - from_us) // slices.length_us
        from_us += before * slices.length_us
        found = count_slices(self._reader, objective, self.sources, (from_us, to_us))
        return settled(found, objective.no_data)

    def counts(self, window_s: int) -> Sums:
        """Good and bad attempts of the newest `window_s`, and nothing else of it."""
        good, bad = self._reader.counts(self.objective, self.from_us(window_s), self.end_us)
        return Sums(good, bad)

    def counts_by_segment(self, window_s: int) -> dict[SegmentKey, Sums]:
        """Good and bad attempts of the newest `window_s` by segment, and nothing else of it."""
        found = self._reader.segment_counts(self.objective, self.from_us(window_s), self.end_us)
        return {key: Sums(good, bad) for key, (good, bad) in found.items()}

    def window_by_segment(self, window_s: int) -> Mapping[SegmentKey, Sums]:
        """The newest `window_s` by segment."""
        found = self._windows.get(window_s)
        if found is None:
            from_us = self.from_us(window_s)
            found = self._reader.segment_sums(self.objective, from_us, self.end_us)
            self._windows[window_s] = found
        return found

    def from_us(self, window_s: int) -> int:
        """Start of a window; whole minutes where 5 s slices are no longer kept."""
        start_us = self.end_us - window_s * SECOND_US
        return start_us if window_s < 7200 else start_us - start_us % MINUTE_US

    def ordinary_ratio(self, labels: Mapping[str, str]) -> Fraction:
        """A segment's bad share over 28 days up to an hour ago; 0 where that is too little."""
        names = self.objective.segments
        sums = total_of(one for key, one in self._ordinary.items() if matches(names, key, labels))
        return Fraction(sums.bad, sums.total) if sums.total >= _ORDINARY_LEAST else Fraction(0)

    @cached_property
    def _ordinary(self) -> dict[SegmentKey, Sums]:
        to_us = self.end_us - self.end_us % MINUTE_US - HOUR_US
        return self._reader.segment_sums(self.objective, to_us - _ORDINARY_US, to_us)

    def _recent(
        self,
        window_s: int,
        *,
        within: Mapping[str, str] = NO_LABELS,
        outside: Collection[Mapping[str, str]] = (),
    ) -> Counts:
        start_us = self.end_us - window_s * SECOND_US
        names = self.objective.segments
        chosen = [
            cell
            for key, rows in without(self.cells, names, outside).items()
            if matches(names, key, within)
            for cell in rows
            if cell.slice_us >= start_us
        ]
        return Counts(sum(cell.bad for cell in chosen), sum(cell.total for cell in chosen))

    def _without(self, window_s: int, covered: Collection[Mapping[str, str]]) -> Sums:
        names = self.objective.segments
        found = self.window_by_segment(window_s)
        return total_of(
            one
            for key, one in found.items()
            if not any(matches(names, key, labels) for labels in covered)
        )

    def _coverage(self, sources: Sequence[str], window_s: int) -> Fraction:
        from_us = self.end_us - window_s * SECOND_US
        return self._reader.coverage(sources, from_us, self.end_us, self.objective.max_gap_s)

    def _fine(self, length_us: int) -> Mapping[SegmentKey, Sequence[FineCell]]:
        to_us = self.span.end_us
        return self._reader.fine(self.objective, to_us - length_us, to_us)
