"""Which part of an objective's traffic breaks: the segments that fire, and the one to name. Pure.

A segment here is a set of labels ({"provider": "adyen"}, or {"provider": "adyen", "region":
"eu-central"}): every single label, every pair, and the full tuples that the ledger counts by. Only
segments with enough bad attempts are ever summed, so a healthy pass costs next to nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, takewhile
from typing import TypeVar

from slo.binomial import upper_tail
from slo.down_rule import DownRule, down
from slo.fast_tier import (
    MIN_BAD,
    SEGMENT_ALPHA,
    SLICE_S,
    SLICE_US,
    WINDOWS_S,
    Jump,
    Rule,
    SliceRun,
    build_run,
    jump,
    reference_ratio,
)
from slo.ledger.sums import FineCell, SegmentKey

# The page names the narrowest segment that explains this share of the excess (study, 5.4).
EXPLAINS = Fraction(4, 5)
# The rest suffers from the same thing where its bad share reaches this part of the segment's.
SAME_ILLNESS = Fraction(1, 4)
# What must fail beside a segment, and how unlikely at burn 1, for the whole to be named.
SUFFERS_BAD = 3
SUFFERS_ALPHA = 1e-3
# alpha 1e-8 was studied for up to 100 segments; more of them share the same total risk.
STUDIED_SEGMENTS = 100

Cells = Mapping[SegmentKey, Sequence[FineCell]]
Labels = tuple[tuple[str, str], ...]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Span:
    """The slices to look at: `slices` of 5 s up to `end_us`, the last one possibly still open."""

    end_us: int
    slices: int
    open_slice: bool


@dataclass(frozen=True)
class Share:
    """A segment's part of a window. `excess` = bad beyond the budget."""

    bad: int
    total: int
    excess: Fraction


@dataclass(frozen=True)
class FiringSegment:
    """A segment that fires by itself. `budget` = 1 - target."""

    labels: Labels
    fire: Jump
    run: SliceRun
    budget: Fraction

    @property
    def bad(self) -> int:
        """Bad attempts of the whole run."""
        return self.run.newest(len(self.run.bad)).bad

    @property
    def total(self) -> int:
        """Attempts of the whole run."""
        return self.run.newest(len(self.run.total)).total

    def within(self, window_s: int) -> Share:
        """What it holds of the newest `window_s` (and the open slice)."""
        found = self.run.newest(window_s // SLICE_S + 1)
        return Share(found.bad, found.total, found.bad - self.budget * found.total)

    @property
    def segment(self) -> dict[str, str]:
        """The labels as a mapping."""
        return dict(self.labels)


def matches(names: Sequence[str], key: Sequence[str], labels: Mapping[str, str]) -> bool:
    """True where the ledger's segment `key` carries every one of `labels` that it can carry."""
    if not labels:
        return True
    return all(value == labels.get(name, value) for name, value in zip(names, key, strict=True))


def run_of(cells: Cells, names: Sequence[str], labels: Mapping[str, str], span: Span) -> SliceRun:
    """Counts of all segments that carry `labels` ({} = all of the objective)."""
    chosen = (cell for key, rows in cells.items() if matches(names, key, labels) for cell in rows)
    return build_run(chosen, span.end_us, span.slices)


def without(
    found: Mapping[SegmentKey, Value], names: Sequence[str], covered: Iterable[Mapping[str, str]]
) -> Mapping[SegmentKey, Value]:
    """What no segment in `covered` carries, of cells or of anything else by segment."""
    taken = list(covered)
    return {
        key: value
        for key, value in found.items()
        if not any(matches(names, key, labels) for labels in taken)
    }


def firing(cells: Cells, names: Sequence[str], span: Span, rule: Rule) -> list[FiringSegment]:
    """All segments whose fast tier fires, unsorted; `rule.alpha` is replaced by the segments'."""
    enough = _enough_bad(cells, names, span)
    candidates = _above_reference(cells, names, enough, span, rule)
    if not candidates:
        return []
    strict = replace(rule, alpha=SEGMENT_ALPHA * min(1.0, STUDIED_SEGMENTS / len(enough)))
    runs = _runs(cells, names, candidates, span)
    fires = ((labels, run, jump(run, strict)) for labels, run in runs)
    return [FiringSegment(labels, fire, run, rule.budget) for labels, run, fire in fires if fire]


def mostly_bad(cells: Cells, names: Sequence[str], from_us: int) -> set[Labels]:
    """Segments of which at least half is bad since `from_us` (and something is)."""
    bad: dict[Labels, int] = defaultdict(int)
    total: dict[Labels, int] = defaultdict(int)
    for key, rows in cells.items():
        newest = [cell for cell in rows if cell.slice_us >= from_us]
        if not newest:
            continue
        here_bad, here_total = sum(one.bad for one in newest), sum(one.total for one in newest)
        for labels in _labels_of(names, key):
            bad[labels] += here_bad
            total[labels] += here_total
    return {labels for labels, count in bad.items() if count and 2 * count >= total[labels]}


def down_among(
    cells: Cells, names: Sequence[str], candidates: set[Labels], span: Span, rule: DownRule
) -> list[FiringSegment]:
    """Those of `candidates` that rule DOWN fires for; `cells` of the newest 2 h."""
    if not candidates:
        return []
    strict = replace(rule, alpha=rule.alpha * min(1.0, STUDIED_SEGMENTS / len(candidates)))
    runs = _runs(cells, names, candidates, span)
    fires = ((labels, run, down(run, strict)) for labels, run in runs)
    return [FiringSegment(labels, fire, run, rule.budget) for labels, run, fire in fires if fire]


def name_of_cause(found: Sequence[FiringSegment]) -> FiringSegment | None:
    """The segment that names the cause: the one of the largest excess, or a part of it.

    All are compared over the longest window that fires: over more than that a busy hour before a
    short outage would outweigh it. A part is named only if it explains at least 80 % of the excess
    and the rest does not suffer from the same thing: early in an outage most failures lie in one
    country by mere chance.
    """
    if not found:
        return None
    window_s = max(one.fire.window_s for one in found)
    shares = {one.labels: one.within(window_s) for one in found}
    largest = max(
        found,
        key=lambda one: (shares[one.labels].excess, -shares[one.labels].total, -len(one.labels)),
    )
    whole = shares[largest.labels]
    parts = [one for one in found if set(one.labels) > set(largest.labels)]
    explaining = [one for one in parts if _explains(shares[one.labels], whole)]
    return min(
        [largest, *explaining],
        key=lambda one: (shares[one.labels].total, len(one.labels), one.labels),
    )


def rest_suffers_too(cause: FiringSegment, whole: SliceRun) -> bool:
    """True where what lies outside of the segment shows the same failure, if not yet enough of it.

    In the first seconds of a total outage one part passes its threshold before the others do; a
    page should then speak of everything. `whole`: the objective's run, as long as the segment's.
    """
    window_s = cause.fire.window_s
    part, all_ = cause.within(window_s), whole.newest(window_s // SLICE_S + 1)
    bad, total = all_.bad - part.bad, all_.total - part.total
    if bad < SUFFERS_BAD or bad * part.total < SAME_ILLNESS * part.bad * total:
        return False
    return upper_tail(bad, total, float(cause.budget)) <= SUFFERS_ALPHA


def common(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """Labels that both carry with the same value."""
    return {name: value for name, value in first.items() if second.get(name) == value}


def _runs(
    cells: Cells, names: Sequence[str], candidates: set[Labels], span: Span
) -> Iterable[tuple[Labels, SliceRun]]:
    grouped: dict[Labels, list[FineCell]] = {labels: [] for labels in candidates}
    for key, rows in cells.items():
        for labels in _labels_of(names, key):
            if labels in grouped:
                grouped[labels].extend(rows)
    for labels, found in grouped.items():
        yield labels, build_run(found, span.end_us, span.slices)


def _explains(part: Share, whole: Share) -> bool:
    if part.excess < EXPLAINS * whole.excess:
        return False
    rest_bad, rest_total = whole.bad - part.bad, whole.total - part.total
    same = rest_bad * part.total >= SAME_ILLNESS * part.bad * rest_total
    return rest_bad == 0 or not same


def _labels_of(names: Sequence[str], key: Sequence[str]) -> Iterable[Labels]:
    pairs = [(name, value) for name, value in zip(names, key, strict=True) if value]
    sizes = {1, 2, len(pairs)} - {0}
    for size in sorted(sizes):
        yield from combinations(pairs, size)


def _enough_bad(cells: Cells, names: Sequence[str], span: Span) -> set[Labels]:
    start_us = span.end_us - span.slices * SLICE_US
    bad_by_labels: dict[Labels, int] = defaultdict(int)
    for key, rows in cells.items():
        bad = sum(cell.bad for cell in rows if cell.slice_us >= start_us)
        if bad:
            for labels in _labels_of(names, key):
                bad_by_labels[labels] += bad
    return {labels for labels, bad in bad_by_labels.items() if bad >= MIN_BAD}


def _above_reference(
    cells: Cells, names: Sequence[str], enough: set[Labels], span: Span, rule: Rule
) -> set[Labels]:
    """Those whose ratio is above the reference in some window: no tail is asked yet.

    A busy shop has enough failures in every segment at all times; the ratio tells the few apart.
    """
    found: set[Labels] = set()
    extra = 1 if rule.open_slice else 0
    for window_s in WINDOWS_S if enough else ():
        slices = min(window_s // SLICE_S + extra, span.slices)
        ratio = reference_ratio(rule.budget, window_s, rule.bump_allowance_s)
        sums = _sums(cells, names, enough - found, span.end_us - slices * SLICE_US)
        found |= {
            labels
            for labels, (bad, total) in sums.items()
            if bad >= MIN_BAD and bad * ratio.denominator > ratio.numerator * total
        }
    return found


def _sums(
    cells: Cells, names: Sequence[str], wanted: set[Labels], from_us: int
) -> dict[Labels, tuple[int, int]]:
    """Bad and total of the wanted segments since `from_us`."""
    found: dict[Labels, tuple[int, int]] = dict.fromkeys(wanted, (0, 0))
    for key, rows in cells.items():
        newest = list(takewhile(lambda cell: cell.slice_us >= from_us, reversed(rows)))
        if not newest:
            continue
        bad, total = sum(cell.bad for cell in newest), sum(cell.total for cell in newest)
        for labels in found.keys() & set(_labels_of(names, key)):
            old_bad, old_total = found[labels]
            found[labels] = old_bad + bad, old_total + total
    return found
