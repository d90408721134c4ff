"""Attempts begun, read from the ledger for the weekly pattern, and what to expect by source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from kernel.clock import DAY_US
from slo.ledger_view import LedgerView
from slo.objective import Objective
from slo.volume.expectation import MARGIN_SLOTS, NOTHING, Expectation, expect
from slo.volume.pattern import SLOT_US, same_time_earlier, slot_of, week_steps

# All sources of an objective together; no CloudEvent has an empty source.
ALL = ""
_MARGIN_US = (MARGIN_SLOTS + 2) * SLOT_US
_RECENT_DAYS = 8

SlotsBySource = Mapping[str, Mapping[int, int]]


class BegunReader(Protocol):
    """The part of the ledger's reader that volume needs."""

    def begun(
        self, objective: Objective, from_us: int, to_us: int, step_us: int
    ) -> Mapping[str, Sequence[tuple[int, int]]]:
        """By source: (start of slice, attempts begun), sorted, empty slices left out."""


@dataclass(frozen=True)
class Span:
    """From when to when something is expected (microseconds); `outages` are left out of levels."""

    from_us: int
    to_us: int = 0
    outages: tuple[tuple[int, int], ...] = ()


def zone_of(objective: Objective) -> ZoneInfo | None:
    """The wall clock by which the objective's week goes; None where its file names none."""
    if objective.zone:
        return ZoneInfo(objective.zone)
    calendar = objective.window.calendar
    return ZoneInfo(calendar.zone) if calendar is not None else None


def read_slots(
    reader: BegunReader, objective: Objective, sources: Iterable[str], span: Span
) -> dict[str, dict[int, int]]:
    """Attempts per slot of the last 8 days and of the same time of the 6 weeks, by source and ALL.

    Six bounded reads: each week's part is the span with the day before it.
    """
    zone = zone_of(objective) or ZoneInfo("UTC")
    wanted = set(sources)
    first, last = slot_of(span.from_us), slot_of(max(span.from_us, span.to_us)) + SLOT_US
    parts = [(first - _RECENT_DAYS * DAY_US - _MARGIN_US, last + _MARGIN_US)]
    for days in week_steps()[1:]:
        begin = slot_of(same_time_earlier(first, days, zone)) - DAY_US - _MARGIN_US
        parts.append((begin, slot_of(same_time_earlier(last, days, zone)) + _MARGIN_US))
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for from_us, to_us in parts:
        for source, rows in reader.begun(objective, max(0, from_us), to_us, SLOT_US).items():
            if source in wanted:
                found[source].update(rows)
    whole: dict[int, int] = defaultdict(int)
    for slots in found.values():
        for at_us, count in slots.items():
            whole[at_us] += count
    return {**found, ALL: whole}


def expectations(
    reader: BegunReader, objective: Objective, sources: Sequence[str], span: Span
) -> dict[str, Expectation]:
    """What to expect of each source and of ALL over a span."""
    slots = read_slots(reader, objective, sources, span)
    zone = zone_of(objective)
    return {
        source: expect(slots[source], span.from_us, zone, span.outages, span.to_us)
        if slots.get(source)
        else NOTHING
        for source in (ALL, *sources)
    }


class Forecasts:
    """Expectations by group, made anew once a quarter of an hour, a few at a time.

    A pass makes at most `limit` of them; the others go on with what they have, which holds for an
    hour. In memory only; what nobody asked for in an hour is forgotten. Not for several threads.
    """

    def __init__(self, limit: int = 32) -> None:
        self._limit = limit
        self._left = limit
        self._known: dict[Hashable, tuple[int, dict[str, Expectation]]] = {}

    def begin_pass(self) -> None:
        """A new pass may make `limit` expectations again."""
        self._left = self._limit

    def of(self, view: LedgerView, group: Hashable, span: Span) -> Mapping[str, Expectation]:
        """What to expect now; empty where that is not known yet in this pass."""
        slot = slot_of(span.from_us)
        made_for, known = self._known.get(group, (-1, {}))
        if made_for == slot:
            return known
        if self._left > 0:
            self._left -= 1
            fresh = expectations(view.ledger, view.objective, view.sources, span)
            oldest = slot - MARGIN_SLOTS * SLOT_US
            self._known = {key: one for key, one in self._known.items() if one[0] > oldest}
            self._known[group] = slot, fresh
            return fresh
        return known if 0 <= slot - made_for < MARGIN_SLOTS * SLOT_US else {}
