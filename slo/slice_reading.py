"""The slices of an objective that budgets by time, read from the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from slo.corrections.reader import AnyReader
from slo.objective import Objective, TimeSlices
from slo.time_slices import OBSERVED_FROM, Slice

# As many buckets as one question to the ledger may have.
_CHUNK: Final = 20_000


def read_slices(
    reader: AnyReader, objective: Objective, sources: Sequence[str], span_us: tuple[int, int]
) -> list[Slice]:
    """All slices in the span (whole ones, oldest first), empty and unobserved ones too."""
    slices = objective.slices
    if slices is None or span_us[0] >= span_us[1]:
        return []
    blind = set(_unobserved(reader, objective, sources, span_us))
    found = []
    for from_us, to_us in _chunks(slices, span_us):
        for at_us, sums in reader.series(objective, from_us, to_us, slices.length_us):
            found.append(Slice(sums.good, sums.bad, observed=at_us not in blind))
    return found


def _chunks(slices: TimeSlices, span_us: tuple[int, int]) -> Iterator[tuple[int, int]]:
    step_us = _CHUNK * slices.length_us
    for from_us in range(span_us[0], span_us[1], step_us):
        yield from_us, min(from_us + step_us, span_us[1])


def _unobserved(
    reader: AnyReader, objective: Objective, sources: Sequence[str], span_us: tuple[int, int]
) -> Iterator[int]:
    """Starts of the slices that were observed for less than 90 %.

    Halves the span until a part is observed wholly or not at all: without a gap one question tells.
    """
    length_us = objective.slices.length_us if objective.slices else 0
    todo = [span_us]
    while todo:
        from_us, to_us = todo.pop()
        share = reader.coverage(sources, from_us, to_us, objective.max_gap_s)
        if share == 1:
            continue
        if share == 0:
            yield from range(from_us, to_us, length_us)
        elif to_us - from_us > length_us:
            middle_us = from_us + (to_us - from_us) // length_us // 2 * length_us
            todo += [(from_us, middle_us), (middle_us, to_us)]
        elif share < OBSERVED_FROM:
            yield from_us
