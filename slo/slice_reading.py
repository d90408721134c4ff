"""The slices of an objective that budgets by time, read from the ledger.

Four weeks of minutes are 40,000 slices, and in the next second all but one are the same. What hours
of slices come to is remembered, and is as it was unless a minute of them changed after it was over
(`LedgerReader.late`), or other slices of them are observed now. Read anew are the hours that are
not over, those that corrections touch, and what of an hour the window cuts off.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from typing import Final, NamedTuple

from kernel.clock import HOUR_US
from slo.corrections.dropping import NOTHING
from slo.corrections.reader import AnyReader, CorrectedReader
from slo.ledger.memory import KnownSlices
from slo.objective import Objective, TimeSlices
from slo.time_slices import OBSERVED_FROM, Census, Slice, added, census

_HOURS_A_DAY: Final = 24
Share = Callable[[int, int], Fraction]


class _Piece(NamedTuple):
    """Some slices. `settled`: what they come to may be remembered."""

    from_us: int
    to_us: int
    settled: bool


def count_slices(
    reader: AnyReader, objective: Objective, sources: Sequence[str], span_us: tuple[int, int]
) -> Census:
    """All slices in the span (whole ones), empty and unobserved ones too."""
    slices = objective.slices
    if slices is None or span_us[0] >= span_us[1]:
        return Census()
    ledger = reader.ledger if isinstance(reader, CorrectedReader) else reader
    with ledger.at_once():
        share = reader.observing(sources, *span_us, objective.max_gap_s)
        blind = sorted(_unobserved(share, slices.length_us, span_us))
        return _Counting(reader, objective, slices, blind, span_us).count()


class _Counting:
    """One window of one objective, in one state of the ledger."""

    def __init__(
        self,
        reader: AnyReader,
        objective: Objective,
        slices: TimeSlices,
        blind: Sequence[int],
        span_us: tuple[int, int],
    ) -> None:
        """`blind`: sorted starts of the slices of the span that were not observed."""
        self._reader = reader
        self._span_us = span_us
        self._ledger = reader.ledger if isinstance(reader, CorrectedReader) else reader
        self._drops = reader.drops if isinstance(reader, CorrectedReader) else NOTHING
        self._objective = objective
        self._slices = slices
        self._blind = blind
        self._past = self._ledger.past(objective)
        self._state = self._ledger.state()
        self._late = self._ledger.late(*span_us)
        self._over_us = self._ledger.marks().minutes_to_us
        # Slices of more than an hour are pieces of their own.
        self._hour_us = slices.length_us * max(1, HOUR_US // slices.length_us)

    def count(self) -> Census:
        """What the slices of the span are."""
        found = []
        for piece in self._pieces(*self._span_us, self._hour_us * _HOURS_A_DAY):
            known = self._known(piece)
            if known is None:
                known = self._by_hours(piece)
                self._remember(piece, known)
            found.append(known)
        return added(found)

    def _by_hours(self, day: _Piece) -> Census:
        found: list[Census] = []
        unknown: list[_Piece] = []
        for piece in self._pieces(day.from_us, day.to_us, self._hour_us):
            known = self._known(piece)
            if known is None:
                unknown.append(piece)
                continue
            found += self._read(unknown)
            unknown = []
            found.append(known)
        return added([*found, *self._read(unknown)])

    def _pieces(self, from_us: int, to_us: int, step_us: int) -> Iterator[_Piece]:
        """The span cut every `step_us`, at the same places each time."""
        at_us, phase_us = from_us, from_us % self._slices.length_us
        while at_us < to_us:
            end_us = min(to_us, at_us - (at_us - phase_us) % step_us + step_us)
            settled = (
                end_us - at_us == step_us
                and end_us <= self._over_us
                and not self._drops.within(at_us, end_us)
            )
            yield _Piece(at_us, end_us, settled)
            at_us = end_us

    def _known(self, piece: _Piece) -> Census | None:
        held = self._ledger.memory.slices.get(self._key(piece)) if piece.settled else None
        if held is None or held.transactions > self._state:
            return None
        late = self._late
        hours = range(piece.from_us // HOUR_US, (piece.to_us - 1) // HOUR_US + 1)
        if any(hour in late and late[hour] > held.transactions for hour in hours):
            return None
        return held.census if held.blind == self._blind_in(piece) else None

    def _read(self, pieces: Sequence[_Piece]) -> Iterator[Census]:
        """Pieces that follow each other, in one question to the ledger."""
        if not pieces:
            return
        length_us = self._slices.length_us
        span_us = pieces[0].from_us, pieces[-1].to_us
        counts = iter(self._reader.outcomes(self._objective, *span_us, length_us))
        for piece in pieces:
            gaps = set(self._blind_in(piece))
            starts = range(piece.from_us, piece.to_us, length_us)
            told = zip(starts, islice(counts, len(starts)), strict=True)
            counted = census(
                (Slice(good, bad, observed=at_us not in gaps) for at_us, (good, bad, _) in told),
                self._slices,
            )
            self._remember(piece, counted)
            yield counted

    def _remember(self, piece: _Piece, counted: Census) -> None:
        if not piece.settled or self._past[0] < 0:
            return
        blind = self._blind_in(piece)
        weight = 1 + (len(blind) + len(counted.shares)) // 8
        known = KnownSlices(self._state, blind, counted)
        self._ledger.memory.slices.put(self._key(piece), known, weight)

    def _key(self, piece: _Piece) -> tuple[object, ...]:
        return *self._past, self._slices, piece.from_us, piece.to_us

    def _blind_in(self, piece: _Piece) -> tuple[int, ...]:
        low = bisect_left(self._blind, piece.from_us)
        return tuple(self._blind[low : bisect_left(self._blind, piece.to_us, low)])


def _unobserved(share: Share, length_us: int, span_us: tuple[int, int]) -> Iterator[int]:
    """Starts of the slices that were observed for less than 90 %.

    Halves the span until a part is observed wholly or not at all: without a gap one question tells.
    """
    todo = [span_us]
    while todo:
        from_us, to_us = todo.pop()
        seen = share(from_us, to_us)
        if seen == 1:
            continue
        if seen == 0:
            yield from range(from_us, to_us, length_us)
        elif to_us - from_us > length_us:
            middle_us = from_us + (to_us - from_us) // length_us // 2 * length_us
            todo += [(from_us, middle_us), (middle_us, to_us)]
        elif seen < OBSERVED_FROM:
            yield from_us
