"""Which items of a decoded request are refused alone, and why (opentelemetry-proto comments).

A span needs a trace id of 16 and a span id of 8 bytes that are not zero (trace.proto). A data
point needs its time; sums and histograms their temporality; buckets their number
(metrics.proto). A log record is never refused: a bad trace id only takes the association away.
A span without a name, or that ends before it starts, is kept: the sender is told, the row says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)
_MAX_LOOKED_AT = 32
_TEMPORAL = frozenset({"sum", "histogram", "exponential_histogram"})


@dataclass(frozen=True)
class Refused:
    """`index`: ordinal of the item in the request as it came."""

    index: int
    reason: str


def drop_invalid(message: Any) -> list[Refused]:
    """Remove invalid items in place and say which."""
    refused: list[Refused] = []
    index = 0
    for items, judge in _lists(message):
        bad: list[int] = []
        for at, item in enumerate(items):
            reason = judge(item)
            if reason:
                refused.append(Refused(index, reason))
                bad.append(at)
            index += 1
        for at in reversed(bad):
            del items[at]
    return refused


def remarks(request: Any) -> list[str]:
    """What is odd about spans that are kept, for the warning of a partial success.

    `request`: a message, or the same shape read from JSON. A sender that writes odd spans writes
    many of them, so that a look at the first ones will do; each row says by itself what is odd.
    """
    first = islice(_spans(request), _MAX_LOOKED_AT)
    counts = Counter(oddity for span in first for oddity in oddities(span))
    return [f"{count} kept with a fault: {oddity}" for oddity, count in counts.items()]


def oddities(span: Any) -> list[str]:
    """What a span should not be, and may (trace.proto: name, end_time_unix_nano)."""
    found = []
    if not span.name:
        found.append("no name")
    if int(span.end_time_unix_nano or 0) < int(span.start_time_unix_nano or 0):
        found.append("ends before it starts")
    return found


def _spans(request: Any) -> Iterator[Any]:
    for group in getattr(request, "resource_spans", None) or ():
        for scope in group.scope_spans or ():
            yield from scope.spans or ()


def _lists(message: Any) -> Iterator[tuple[Any, Callable[[Any], str]]]:
    for group in getattr(message, "resource_spans", ()):
        for scope in group.scope_spans:
            yield scope.spans, _span_fault
    for metric in _metrics(message):
        kind = metric.WhichOneof("data")
        if kind is not None:
            data = getattr(metric, kind)
            yield data.data_points, _point_judge(kind, data)


def _metrics(message: Any) -> Iterator[Any]:
    for group in getattr(message, "resource_metrics", ()):
        for scope in group.scope_metrics:
            yield from scope.metrics


def _span_fault(span: Any) -> str:
    if len(span.trace_id) != 16 or span.trace_id == _NO_TRACE:
        return "trace_id must be 16 bytes and not zero"
    if len(span.span_id) != 8 or span.span_id == _NO_SPAN:
        return "span_id must be 8 bytes and not zero"
    return ""


def _point_judge(kind: str, data: Any) -> Callable[[Any], str]:
    if kind in _TEMPORAL and data.aggregation_temporality == 0:
        return lambda _point: "aggregation_temporality is unspecified"

    def judge(point: Any) -> str:
        if point.time_unix_nano == 0:
            return "time_unix_nano is required"
        if kind == "histogram" and not _fitting(point):
            return "bucket_counts must be one more than explicit_bounds, or both empty"
        return ""

    return judge


def _fitting(histogram: Any) -> bool:
    counts, bounds = len(histogram.bucket_counts), len(histogram.explicit_bounds)
    return counts == bounds + 1 or counts == bounds == 0
