"""All objectives' running sums, kept in step with the ledger, and the question they answer.

Most objectives are calm in most passes. The board says of whom that is certain; everybody else gets
the exact look at the ledger (`slo.decision`). It errs only towards looking: `tests/slo/board` hold
it against the exact rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kernel.clock import SECOND_US
from slo.board.feed import ChangeFeed, SliceChanges
from slo.board.objective_board import (
    FAST_US,
    WHOLE_MINUTES_FROM_S,
    Move,
    ObjectiveBoard,
    begin_us,
    moves,
)
from slo.board.screen import lowest_ratio
from slo.ledger import LedgerReader
from slo.ledger.levels import FINE_US
from slo.objective import Objective
from slo.tiers import tiers_of

# What people read burn rates by; tiers and the objective's own window come to it.
RATES_S: Final = (300, 1_800, 3_600, 7_200, 21_600, 86_400, 259_200)
# After a longer jump (a backlog, a clock that was set) reading anew is cheaper than following.
_LONGEST_STEP_US: Final = 120 * FINE_US
_NOTHING: Final[Mapping[int, Sequence[int]]] = {}
# Reading one objective's windows takes some milliseconds; the others are looked at meanwhile.
_LOADS_A_PASS: Final = 50
_SLICES_US: Final = WHOLE_MINUTES_FROM_S * SECOND_US


@dataclass(frozen=True)
class _Rules:
    """What one objective is judged by: tiers by the places of their windows, and the lowest p0."""

    pages: Sequence[tuple[int, int, int, int]]
    tickets: Sequence[tuple[int, int, int, int]]
    ratio: float
    fast: bool


class Board:
    """One per evaluator, for one ledger file. Not for sharing between threads."""

    def __init__(self, objectives: Iterable[Objective], feed: ChangeFeed) -> None:
        self._objectives = list(objectives)
        self._feed = feed
        self._lengths_s = {one.id: _lengths_s(one) for one in self._objectives}
        self._rules = {one.id: _rules(one, self._lengths_s[one.id]) for one in self._objectives}
        self._boards: dict[str, ObjectiveBoard] = {}
        self._by_number: dict[int, ObjectiveBoard] = {}
        self._applied = 0
        self._end_us = 0

    def follow(self, reader: LedgerReader, end_us: int) -> None:
        """Come to the state that `reader` sees (inside of its `at_once`), windows ending there."""
        until = reader.transactions()
        told = self._feed.take(self._applied, until)
        step_us = end_us - self._end_us
        if told is None or not 0 <= step_us <= _LONGEST_STEP_US:
            self._boards.clear()
            self._by_number.clear()
        else:
            self._apply(told)
            self._advance(reader, end_us)
        self._applied, self._end_us = until, end_us
        self._load(reader, end_us)

    def calm(self, reader: LedgerReader, objective: Objective, *, tickets: bool) -> bool:
        """True where no rule can open an alert now. `tickets`: the slow rules too."""
        board = self._boards.get(objective.id)
        if board is None:
            return False
        rules = self._rules[objective.id]

        def at_least(segment_id: int, from_us: int, enough: int) -> int:
            return reader.attempts_since(objective, segment_id, from_us, enough)

        if rules.fast and board.may_jump(rules.ratio, at_least):
            return False
        if any(_reaches(board, tier) for tier in rules.pages):
            return False
        if not tickets:
            return True
        if rules.fast and board.may_be_down(at_least):
            return False
        return not any(_reaches(board, tier) for tier in rules.tickets)

    def sums(self, objective: Objective) -> Mapping[int, Sequence[int]] | None:
        """By window length (seconds): bad, total, alert_bad, alert_total. None where unknown."""
        board = self._boards.get(objective.id)
        return None if board is None else dict(zip(board.lengths_s, board.sums, strict=True))

    def _apply(self, told: Iterable[SliceChanges]) -> None:
        get = self._by_number.get
        for one in told:
            for (no, slice_us), counts in one.slices.items():
                board = get(no)
                if board is not None:
                    board.change(slice_us, counts)
            for no, slice_us, segment_id, bad in one.bads:
                board = get(no)
                if board is not None:
                    board.change_bad(slice_us, segment_id, bad)

    def _advance(self, reader: LedgerReader, end_us: int) -> None:
        if end_us == self._end_us:
            return
        lengths = {board.lengths_s for board in self._by_number.values()}
        moved = {one: moves(one, self._end_us, end_us) for one in lengths}
        gone = self._leaving(reader, moved.values())
        for no, board in self._by_number.items():
            own = moved[board.lengths_s]
            leaving: Mapping[int, Sequence[int]] = _NOTHING
            if gone:
                found = ((one.place, gone.get((one.from_us, one.to_us, no))) for one in own)
                leaving = {place: counts for place, counts in found if counts is not None}
            board.advance(end_us, own, leaving)
        for name in [name for name, board in self._boards.items() if not board.is_whole]:
            board = self._boards.pop(name)
            self._by_number = {no: one for no, one in self._by_number.items() if one is not board}

    @staticmethod
    def _leaving(
        reader: LedgerReader, moved: Iterable[Sequence[Move]]
    ) -> dict[tuple[int, int, int], Sequence[int]]:
        """What leaves the windows that begin at whole minutes: by [from, to) and objective."""
        spans = {(one.from_us, one.to_us) for own in moved for one in own if one.whole}
        return {
            (*span, no): counts
            for span in sorted(spans)
            for no, *counts in reader.counts_of_all(*span)
        }

    def _load(self, reader: LedgerReader, end_us: int) -> None:
        """Read the windows of some objectives that are not on the board."""
        if len(self._boards) == len(self._objectives):
            return
        missing = [one for one in self._objectives if one.id not in self._boards]
        for objective in missing[:_LOADS_A_PASS]:
            number = reader.number(objective)
            if number < 0:
                continue
            board = ObjectiveBoard(self._lengths_s[objective.id], end_us)
            for sums, window_s in zip(board.sums, board.lengths_s, strict=True):
                found = reader.sums(objective, begin_us(end_us, window_s), end_us)
                sums[:] = [found.bad, found.total, found.alert_bad, found.alert_total]
            for slice_us, *counts in reader.slices(objective, end_us - _SLICES_US):
                board.restore(slice_us, counts)
            for slice_us, segment_id, bad in reader.bad_slices(objective, end_us - FAST_US):
                board.change_bad(slice_us, segment_id, bad)
            if board.is_whole:
                self._boards[objective.id] = self._by_number[number] = board


def _lengths_s(objective: Objective) -> tuple[int, ...]:
    tiers = tiers_of(objective)
    own = () if objective.window.calendar else (objective.window.seconds,)
    lengths_s = {*RATES_S, *own, *(length for one in tiers for length in (one.long_s, one.short_s))}
    return tuple(sorted(lengths_s))


def _rules(objective: Objective, lengths_s: Sequence[int]) -> _Rules:
    by_page: dict[bool, list[tuple[int, int, int, int]]] = {True: [], False: []}
    for tier in tiers_of(objective):
        least = tier.factor * objective.budget_ratio
        places = lengths_s.index(tier.long_s), lengths_s.index(tier.short_s)
        by_page[tier.page].append((*places, least.numerator, least.denominator))
    ratio = lowest_ratio(objective.budget_ratio, objective.bump_allowance_s)
    return _Rules(by_page[True], by_page[False], ratio, objective.fast_tier)


def _reaches(board: ObjectiveBoard, tier: tuple[int, int, int, int]) -> bool:
    """Both windows of the tier are at its factor, as exact as the tier itself."""
    long, short, numerator, denominator = tier
    for place in (short, long):
        _, _, bad, total = board.sums[place]
        if not bad or bad * denominator < numerator * total:
            return False
    return True
