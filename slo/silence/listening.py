"""How the sources of an objective are heard now, read once for all that watch the same attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kernel.clock import SECOND_US
from slo.ledger.pulse import group_key
from slo.ledger_view import LedgerView
from slo.objective import Objective
from slo.silence.pulse import Pulse
from slo.silence.rule import (
    LEAST_EXPECTED,
    LONGEST_US,
    NEWEST_S,
    SLICE_US,
    Arrivals,
    Lack,
    arrivals,
    lack,
)
from slo.volume.expectation import Basis, Expectation
from slo.volume.history import ALL, Forecasts, Span

Outages = tuple[tuple[int, int], ...]
Rows = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Pace:
    """All sources together in the newest minute; `begun` None where nobody had to look."""

    expected: float
    begun: int | None = None


@dataclass(frozen=True)
class Look:
    """What is usual by source, and whether any of them reached at most half of it in a minute."""

    usual: Mapping[str, Expectation]
    quiet: bool
    pace: Pace | None


@dataclass(frozen=True)
class Heard:
    """One source (or all) over the longest window. `judged`: its rhythm is known."""

    seen: Arrivals
    usual: Expectation
    judged: bool

    def lack(self, alpha: float) -> Lack | None:
        """Why it is silent, or None."""
        return lack(self.seen, self.usual, alpha) if self.judged else None

    def missing(self, window_s: int) -> float:
        """Expected less begun; below zero where more came."""
        return self.expected(window_s) - self.seen.newest(window_s)

    def expected(self, window_s: int) -> float:
        """Attempts that are usual in the newest `window_s`."""
        return self.usual.expected(self.seen.end_us - window_s * SECOND_US, self.seen.end_us)

    @property
    def alive(self) -> bool:
        """More than half of what is usual in the newest minute."""
        return 2 * self.seen.newest(NEWEST_S) > self.expected(NEWEST_S)


class Listener:
    """One per engine process; `begin_pass` first in each pass. Not shared between threads."""

    def __init__(self) -> None:
        self.pulse = Pulse()
        self._forecasts = Forecasts()
        self._looks: dict[tuple[str, tuple[str, ...], Outages], Look] = {}
        self._groups: dict[str, tuple[Objective, str]] = {}

    def begin_pass(self, now_us: int, watermark_us: int) -> None:
        """Forget what the pass before has read."""
        self.pulse.note_pass(now_us, watermark_us)
        self._forecasts.begin_pass()
        self._looks.clear()

    def look(self, view: LedgerView, outages: Outages) -> Look:
        """One small read for each group of objectives."""
        place = self.group(view.objective), view.sources, outages
        found = self._looks.get(place)
        if found is None:
            found = self._looks[place] = self._look(view, place)
        return found

    def listen(self, view: LedgerView, usual: Mapping[str, Expectation]) -> dict[str, Heard]:
        """The longest window of each source, ending before what may still be under way."""
        group, sources = self.group(view.objective), [ALL, *view.sources]
        lags = {
            source: self.pulse.lag_us((group, source), usual[source].per_s(view.end_us))
            for source in sources
        }
        begin_us = view.end_us - LONGEST_US - max(lags.values())
        rows = _rows_by_source(view, begin_us)
        found = {}
        for source in sources:
            self._note((group, source), rows[source], view.now_us)
            seen = arrivals(rows[source], view.end_us - lags[source])
            judged = self.pulse.knows((group, source), view.now_us)
            found[source] = Heard(seen, usual[source], judged)
        return found

    def forget_gap(self, view: LedgerView, source: str) -> None:
        """The open gap of this source is a silence of the shop, no rhythm of deliveries."""
        self.pulse.forget_gap((self.group(view.objective), source))

    def group(self, objective: Objective) -> str:
        """Objectives of one group watch the same attempts by the same clock."""
        known = self._groups.get(objective.id)
        if known is None or known[0] is not objective:
            calendar = objective.window.calendar
            zone = objective.zone or (calendar.zone if calendar is not None else "")
            known = self._groups[objective.id] = objective, f"{zone}|{group_key(objective)}"
        return known[1]

    def _look(self, view: LedgerView, place: tuple[str, tuple[str, ...], Outages]) -> Look:
        usual = self._forecasts.of(view, place, Span(view.end_us, outages=place[2]))
        whole = usual.get(ALL, Expectation())
        longest_us, minute_us = view.end_us - LONGEST_US, view.end_us - NEWEST_S * SECOND_US
        wanted = whole.expected(minute_us, view.end_us)
        if all(one.expected(longest_us, view.end_us) < LEAST_EXPECTED for one in usual.values()):
            pace = None if whole.basis is Basis.NONE else Pace(wanted)
            return Look(usual, quiet=False, pace=pace)
        quiet, rows = False, _rows_by_source(view, minute_us)
        for source, found in rows.items():
            self._note((place[0], source), found, view.now_us)
            due = usual[source].expected(minute_us, view.end_us)
            quiet = quiet or (due > 0 and 2 * _count(found) <= due)
        return Look(usual, quiet=quiet, pace=Pace(wanted, _count(rows[ALL])))

    def _note(self, key: tuple[str, str], rows: Rows, now_us: int) -> None:
        if rows:
            self.pulse.note_newest(key, max(at_us for at_us, _ in rows), now_us)


def _rows_by_source(view: LedgerView, from_us: int) -> dict[str, Rows]:
    rows = view.ledger.begun(view.objective, from_us, view.end_us, SLICE_US)
    ours: dict[str, Rows] = {source: rows.get(source, ()) for source in view.sources}
    return {**ours, ALL: [row for found in ours.values() for row in found]}


def _count(rows: Rows) -> int:
    return sum(count for _, count in rows)
