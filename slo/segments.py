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
from itertools import combinations

from slo.fast_tier import (
    MIN_BAD,
    SEGMENT_ALPHA,
    SLICE_US,
    Jump,
    Rule,
    SliceRun,
    build_run,
    jump,
)
from slo.ledger.sums import FineCell, SegmentKey

# The page names the narrowest segment that explains this share of the excess (study, 5.4).
EXPLAINS = Fraction(4, 5)
# The rest suffers from the same thing where its bad share reaches this part of the segment's.
SAME_ILLNESS = Fraction(1, 4)
# alpha 1e-8 was studied for up to 100 segments; more of them share the same total risk.
STUDIED_SEGMENTS = 100

Cells = Mapping[SegmentKey, Sequence[FineCell]]
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Span:
    """The slices to look at: `slices` of 5 s up to `end_us`, the last one possibly still open."""

    end_us: int
    slices: int
    open_slice: bool


@dataclass(frozen=True)
class FiringSegment:
    """A segment whose fast tier fires. `excess` = bad beyond the budget in the whole span."""

    labels: Labels
    fire: Jump
    run: SliceRun
    bad: int
    total: int
    excess: Fraction

    @property
    def segment(self) -> dict[str, str]:
        """The labels as a mapping."""
        return dict(self.labels)


def matches(names: Sequence[str], key: Sequence[str], labels: Mapping[str, str]) -> bool:
    """True where the ledger's segment `key` carries every one of `labels` that it can carry."""
    known = dict(zip(names, key, strict=True))
    return all(known[name] == value for name, value in labels.items() if name in known)


def run_of(cells: Cells, names: Sequence[str], labels: Mapping[str, str], span: Span) -> SliceRun:
    """Counts of all segments that carry `labels` ({} = all of the objective)."""
    chosen = (cell for key, rows in cells.items() if matches(names, key, labels) for cell in rows)
    return build_run(chosen, span.end_us, span.slices)


def without(cells: Cells, names: Sequence[str], covered: Iterable[Mapping[str, str]]) -> Cells:
    """The cells that no segment in `covered` carries."""
    taken = list(covered)
    return {
        key: rows
        for key, rows in cells.items()
        if not any(matches(names, key, labels) for labels in taken)
    }


def firing(cells: Cells, names: Sequence[str], span: Span, rule: Rule) -> list[FiringSegment]:
    """All segments whose fast tier fires, unsorted; `rule.alpha` is replaced by the segments'."""
    candidates = _candidates(cells, names, span.end_us - span.slices * SLICE_US)
    if not candidates:
        return []
    grouped: dict[Labels, list[FineCell]] = {labels: [] for labels in candidates}
    for key, rows in cells.items():
        for labels in _labels_of(names, key):
            if labels in grouped:
                grouped[labels].extend(rows)
    strict = replace(rule, alpha=SEGMENT_ALPHA * min(1.0, STUDIED_SEGMENTS / len(candidates)))
    found = []
    for labels, rows in grouped.items():
        run = build_run(rows, span.end_us, span.slices)
        fire = jump(run, strict)
        if fire is not None:
            whole = run.newest(span.slices)
            excess = whole.bad - rule.budget * whole.total
            found.append(FiringSegment(labels, fire, run, whole.bad, whole.total, excess))
    return found


def name_of_cause(found: Sequence[FiringSegment]) -> FiringSegment | None:
    """The segment that names the cause: the one of the largest excess, or a part of it.

    A part is named only if it explains at least 80 % of that excess and the rest does not suffer
    from the same thing: early in an outage most failures lie in one country by mere chance.
    """
    if not found:
        return None
    largest = max(found, key=lambda one: (one.excess, -one.total, -len(one.labels)))
    parts = [one for one in found if set(one.labels) >= set(largest.labels)]
    explaining = [one for one in parts if _explains(one, largest)]
    return min(explaining, key=lambda one: (one.total, len(one.labels), one.labels))


def _explains(part: FiringSegment, whole: FiringSegment) -> bool:
    if part.excess < EXPLAINS * whole.excess:
        return False
    rest_bad, rest_total = whole.bad - part.bad, whole.total - part.total
    same = rest_bad * part.total >= SAME_ILLNESS * part.bad * rest_total
    return rest_bad == 0 or not same


def common(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """Labels that both carry with the same value."""
    return {name: value for name, value in first.items() if second.get(name) == value}


def _labels_of(names: Sequence[str], key: Sequence[str]) -> Iterable[Labels]:
    pairs = [(name, value) for name, value in zip(names, key, strict=True) if value]
    sizes = {1, 2, len(pairs)} - {0}
    for size in sorted(sizes):
        yield from combinations(pairs, size)


def _candidates(cells: Cells, names: Sequence[str], start_us: int) -> set[Labels]:
    bad_by_labels: dict[Labels, int] = defaultdict(int)
    for key, rows in cells.items():
        bad = sum(cell.bad for cell in rows if cell.slice_us >= start_us)
        if bad:
            for labels in _labels_of(names, key):
                bad_by_labels[labels] += bad
    return {labels for labels, bad in bad_by_labels.items() if bad >= MIN_BAD}
