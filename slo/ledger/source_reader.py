"""Asking the ledger for its sources: who was heard when, what was observed, and the pulse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Final

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from kernel.errors import BadInput
from kernel.journal import Stream
from slo.ledger.coverage import Heard, Observed, Stretch, covered, stretches_of
from slo.ledger.file_reader import FileReader
from slo.ledger.levels import floor_us
from slo.ledger.pulse import PULSE_US, QUARTER_US, group_key
from slo.objective import Objective

_DEFAULT_SOURCE_SHARE = Fraction(1, 100)
# Heard minutes are remembered by such parts of a day, those that are over as a whole.
_PART_US: Final = 4 * HOUR_US
_PART_MINUTES: Final = _PART_US // MINUTE_US


class SourceReader(FileReader):
    """What is known of the senders."""

    def position(self, stream: Stream) -> int:
        """Journal position up to which the stream is counted: the journal may be trimmed to it."""
        rows = self._rows("SELECT position FROM cursor WHERE stream = ?", (stream,))
        return rows[0][0] if rows else 0

    def counted_us(self, stream: Stream) -> int:
        """Receive time up to which the stream is counted; 0 before the start."""
        rows = self._rows("SELECT watermark_us FROM cursor WHERE stream = ?", (stream,))
        return rows[0][0] if rows else 0

    def skipped(self) -> list[tuple[str, int, str]]:
        """Records that could not be counted (stream, position, reason): always a fault of ours."""
        return self._rows("SELECT stream, position, reason FROM skipped ORDER BY 1, 2", ())

    def last_heard_us(self, source: str) -> int | None:
        """Receive time of the source's newest event; None if it was never heard."""
        rows = self._rows("SELECT last_received_us FROM heard WHERE source = ?", (source,))
        return rows[0][0] if rows else None

    def known_sources(self) -> list[str]:
        """Every source that was ever heard, sorted."""
        return [source for (source,) in self._rows("SELECT source FROM heard ORDER BY 1", ())]

    def default_sources(self, now_us: int) -> tuple[str, ...]:
        """Sources that spoke of at least 1 % of the units received in the last 7 days."""
        rows = self._rows(
            "SELECT source, sum(units) FROM volume WHERE hour_us >= ? AND hour_us <= ? GROUP BY 1",
            (floor_us(now_us - 7 * DAY_US, HOUR_US), now_us),
        )
        units = dict(rows)
        all_units = units.pop("", 0)
        least = all_units * _DEFAULT_SOURCE_SHARE
        return tuple(sorted(source for source, count in units.items() if count >= least))

    def coverage(
        self, sources: Sequence[str], from_us: int, to_us: int, max_gap_s: int
    ) -> Fraction:
        """Observed share of the window (of the worst source), from each source's first event on.

        Gaps between heard minutes count where they are longer than `max_gap_s`. 0 where no source
        is given or one was never heard up to `to_us`.
        """
        with self.at_once():
            shares = [self._covered(one, from_us, to_us, max_gap_s * SECOND_US) for one in sources]
        return min(shares, default=Fraction(0))

    def observing(
        self, sources: Sequence[str], from_us: int, to_us: int, max_gap_s: int
    ) -> Callable[[int, int], Fraction]:
        """`coverage` of any part of [from, to), asked many times: the span is read once."""
        watched = []
        with self.at_once():
            for source in sources:
                first_us = self._first_heard_us(source)
                if first_us is not None:
                    first_us = floor_us(first_us, MINUTE_US)
                stretches = self._stretches(source, from_us, to_us)
                watched.append(Observed(stretches, first_us, max_gap_s * SECOND_US))
        return lambda low, high: min((one.share(low, high) for one in watched), default=Fraction(0))

    def elapsed(self, sources: Sequence[str], from_us: int, to_us: int) -> Fraction:
        """Share of the window since all of the sources were first heard (1: the whole window)."""
        with self.at_once():
            firsts = [self._first_heard_us(source) for source in sources]
        if not firsts or to_us <= from_us or None in firsts:
            return Fraction(0)
        begun_us = max(first for first in firsts if first is not None)
        return Fraction(max(0, to_us - max(from_us, begun_us)), to_us - from_us)

    def begun(
        self, objective: Objective, from_us: int, to_us: int, step_us: int
    ) -> dict[str, list[tuple[int, int]]]:
        """Attempts begun by source: (start of the slice, attempts) sorted, empty slices left out.

        `step_us`: 5 s (kept for 2 h) or 15 min (kept for 400 days); borders are snapped down to it.
        A unit is begun at its first message, whether or not it has an outcome. Raises BadInput for
        another step.
        """
        if step_us not in {PULSE_US, QUARTER_US}:
            raise BadInput("the pulse is kept by 5 s and by 15 min", path="query.step")
        low, high = floor_us(from_us, step_us), floor_us(to_us, step_us)
        slices: dict[str, dict[int, int]] = {}
        with self.at_once():
            split_us = low
            if step_us == QUARTER_US:
                # Quarters that are not over yet are still in 5 s slices.
                split_us = floor_us(self.marks().minutes_to_us, QUARTER_US)
            rows = self._beats(objective, QUARTER_US, low, min(high, split_us))
            rows += self._beats(objective, PULSE_US, max(low, split_us), high)
        for source, slice_us, begun in rows:
            at_us = floor_us(slice_us, step_us)
            held = slices.setdefault(source, {})
            held[at_us] = held.get(at_us, 0) + begun
        return {
            source: sorted((at_us, begun) for at_us, begun in held.items() if begun)
            for source, held in slices.items()
        }

    def _beats(
        self, objective: Objective, level_us: int, from_us: int, to_us: int
    ) -> list[tuple[str, int, int]]:
        return self._rows(
            "SELECT source, slice_us, begun FROM pulse WHERE group_no ="
            " (SELECT no FROM pulse_group WHERE key = ?) AND level_us = ? AND slice_us >= ?"
            " AND slice_us < ?",
            (group_key(objective), level_us, from_us, to_us),
        )

    def _covered(self, source: str, from_us: int, to_us: int, max_gap_us: int) -> Fraction:
        known: dict[tuple[object, ...], Fraction] | None = getattr(self._local, "covered", None)
        place = (source, from_us, to_us, max_gap_us)
        if known is None:
            return self._read_covered(*place)
        if place not in known:
            known[place] = self._read_covered(*place)
        return known[place]

    def _read_covered(self, source: str, from_us: int, to_us: int, max_gap_us: int) -> Fraction:
        first_us = self._first_heard_us(source)
        if first_us is None:
            return Fraction(0)
        begun_us = max(from_us, floor_us(first_us, MINUTE_US))
        return covered(self._stretches(source, begun_us, to_us), begun_us, to_us, max_gap_us)

    def _stretches(self, source: str, from_us: int, to_us: int) -> list[Stretch]:
        """The heard minutes of [from, to), and those next to it."""
        edges = self._rows(
            "SELECT (SELECT max(minute_us) FROM presence WHERE source = ? AND minute_us < ?),"
            " (SELECT min(minute_us) FROM presence WHERE source = ? AND minute_us >= ?)",
            (source, from_us, source, to_us),
        )
        before, after = edges[0] if edges else (None, None)
        found = stretches_of([] if before is None else [before])
        found += self._heard(source, from_us, to_us)
        return found + stretches_of([] if after is None else [after])

    def _heard(self, source: str, from_us: int, to_us: int) -> Iterator[Stretch]:
        """The heard minutes of [from, to): whole parts of the day are remembered."""
        first_us = min(to_us, -(-from_us // _PART_US) * _PART_US)
        last_us = max(first_us, floor_us(to_us, _PART_US))
        yield from stretches_of(self._minutes(source, from_us, first_us))
        for at_us in range(first_us, last_us, _PART_US):
            yield from self._part(source, at_us)
        yield from stretches_of(self._minutes(source, last_us, to_us))

    def _part(self, source: str, at_us: int) -> Sequence[Stretch]:
        """The heard minutes of one part of a day.

        Minutes are added and never taken away: a part has not changed where their number has not,
        and one that is full stays so.
        """
        place = source, at_us
        known = self._memory.heard.get(place)
        number = self.state()
        if known is not None:
            if known.minutes == _PART_MINUTES and known.transactions <= number:
                return known.stretches
            query = (
                "SELECT count(*) FROM presence WHERE source = ? AND minute_us >= ? AND"
                " minute_us < ?"
            )
            if self._rows(query, (source, at_us, at_us + _PART_US))[0][0] == known.minutes:
                return known.stretches
        minutes = self._minutes(source, at_us, at_us + _PART_US)
        stretches = tuple(stretches_of(minutes))
        self._memory.heard.put(place, Heard(len(minutes), stretches, number), 4 + len(stretches))
        return stretches

    def _minutes(self, source: str, from_us: int, to_us: int) -> list[int]:
        rows = self._rows(
            "SELECT minute_us FROM presence WHERE source = ? AND minute_us >= ? AND minute_us < ?"
            " ORDER BY 1",
            (source, from_us, to_us),
        )
        return [minute_us for (minute_us,) in rows]

    def _first_heard_us(self, source: str) -> int | None:
        rows = self._rows("SELECT first_event_us FROM heard WHERE source = ?", (source,))
        return rows[0][0] if rows else None
