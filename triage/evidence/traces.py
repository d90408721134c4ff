"""Failing and slow traces against healthy ones: where the time goes and where it breaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from kernel.telemetry_store.port import SpanRow
from triage.evidence.critical_path import Tree, critical_path, trees

MAX_OPERATIONS = 8
MAX_EXEMPLARS = 5


@dataclass(frozen=True)
class OperationDelta:
    """Self time on the critical path of one operation: medians over the traces (0 where absent)."""

    service: str
    operation: str
    failing_us: int
    healthy_us: int

    @property
    def delta_us(self) -> int:
        """How much longer it takes in failing traces."""
        return self.failing_us - self.healthy_us


@dataclass(frozen=True)
class ErrorPlace:
    """In `traces` failing traces the deepest span in error is this operation."""

    service: str
    operation: str
    traces: int


@dataclass(frozen=True)
class TraceComparison:
    """`operations` by size of the delta; `errors` by count; `odd` counts what was malformed."""

    failing: int
    healthy: int
    failing_us: int
    healthy_us: int
    operations: tuple[OperationDelta, ...]
    errors: tuple[ErrorPlace, ...]
    exemplars: tuple[str, ...]
    services: tuple[str, ...]
    odd: tuple[str, ...]


def compare_traces(
    failing: Iterable[Sequence[SpanRow]], healthy: Iterable[Sequence[SpanRow]]
) -> TraceComparison | None:
    """Compare two sets of traces (each a list of spans). None where no failing one has a span."""
    bad = [tree for spans in failing for tree in trees(spans)]
    good = [tree for spans in healthy for tree in trees(spans)]
    if not bad:
        return None
    bad_times, good_times = _self_times(bad), _self_times(good)
    deltas = [
        OperationDelta(
            *place,
            failing_us=_median_with_zeros(bad_times.get(place, []), len(bad)),
            healthy_us=_median_with_zeros(good_times.get(place, []), len(good)),
        )
        for place in {*bad_times, *good_times}
    ]
    deltas.sort(key=lambda one: (-abs(one.delta_us), one.service, one.operation))
    places = Counter(place for tree in bad if (place := _deepest_error(tree)) is not None)
    return TraceComparison(
        failing=len(bad),
        healthy=len(good),
        failing_us=round(median(_duration_us(tree) for tree in bad)),
        healthy_us=round(median(_duration_us(tree) for tree in good)) if good else 0,
        operations=tuple(deltas[:MAX_OPERATIONS]),
        errors=tuple(
            ErrorPlace(service, operation, count)
            for (service, operation), count in sorted(
                places.items(), key=lambda item: (-item[1], item[0])
            )[:MAX_OPERATIONS]
        ),
        exemplars=tuple(dict.fromkeys(tree.root.trace_id for tree in bad))[:MAX_EXEMPLARS],
        services=tuple(sorted({place[0] for place in bad_times})),
        odd=tuple(sorted({word for tree in (*bad, *good) for word in tree.odd})),
    )


def _duration_us(tree: Tree) -> int:
    return max(0, tree.root.end_us - tree.root.start_us)


def _self_times(found: Sequence[Tree]) -> dict[tuple[str, str], list[int]]:
    times: dict[tuple[str, str], list[int]] = {}
    for tree in found:
        in_trace: Counter[tuple[str, str]] = Counter()
        for part in critical_path(tree):
            in_trace[part.span.service, part.span.name] += part.self_us
        for place, self_us in in_trace.items():
            times.setdefault(place, []).append(self_us)
    return times


def _median_with_zeros(times: list[int], traces: int) -> int:
    return round(median(times + [0] * (traces - len(times)))) if traces else 0


def _deepest_error(tree: Tree) -> tuple[str, str] | None:
    """The error furthest from the root; of several at one depth the one that ended first."""
    level, worst = [tree.root], None
    while level:
        failed = [span for span in level if span.status == "error"]
        if failed:
            worst = min(failed, key=lambda span: (span.end_us, span.span_id))
        level = [child for span in level for child in tree.children.get(span.span_id, ())]
    return (worst.service, worst.name) if worst else None
