"""All objectives' running sums, kept in step with the ledger, and the question they answer.

Most objectives are calm in most passes. The board says of whom that is certain; everybody else gets
the exact look at the ledger (`slo.decision`). It errs only towards looking: `tests/slo/board` hold
it against the exact rules. Objectives come to it one by one (`load`), because reading one's windows
takes some milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from kernel.clock import SECOND_US
from slo.binomial import upper_tail
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
from slo.down_rule import WINDOWS_S
from slo.ledger import LedgerReader
from slo.ledger.levels import FINE_US
from slo.objective import Objective
from slo.tiers import PAGE_ALPHA, tiers_of
from slo.waiting import Urgency

# What people read burn rates by; tiers and the objective's own window come to it.
RATES_S: Final = (300, 1_800, 3_600, 7_200, 21_600, 86_400, 259_200)
# After a longer jump (a backlog, a clock that was set) reading anew is cheaper than following.
_LONGEST_STEP_US: Final = 120 * FINE_US
_NOTHING: Final[Mapping[int, Sequence[int]]] = {}
# A little above the tiers' own: rounding must not hide a fire.
_PAGE_ALPHA: Final = PAGE_ALPHA * (1 + 1e-6)
_SLICES_US: Final = WHOLE_MINUTES_FROM_S * SECOND_US


class _Pair(NamedTuple):
    """A tier by the places of its two windows, with what it cannot fire without.

    Both bad shares are at least `numerator / denominator`; `least_bad` of the long window are bad.
    `chance`: the budget that the failures must be unlikely at; None for tickets.
    """

    long: int
    short: int
    numerator: int
    denominator: int
    least_bad: int
    chance: float | None


@dataclass(frozen=True)
class _Rules:
    """What one objective is judged by: its tiers, the place of the newest 2 h, the lowest p0."""

    pages: Sequence[_Pair]
    tickets: Sequence[_Pair]
    two_hours: int
    ratio: float
    fast: bool


class Board:
    """One per evaluator, for one ledger file. Not for sharing between threads."""

    def __init__(self, objectives: Iterable[Objective], feed: ChangeFeed) -> None:
        watched = list(objectives)
        self._feed = feed
        self._lengths_s = {one.id: _lengths_s(one) for one in watched}
        self._rules = {one.id: _rules(one, self._lengths_s[one.id]) for one in watched}
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

    def load(self, reader: LedgerReader, objective: Objective) -> bool:
        """Read the windows of one objective that is not here, right after `follow`, in the same
        `at_once`. False where it cannot be held.
        """
        number = reader.number(objective)
        if number < 0:
            return False
        end_us = self._end_us
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
        return board.is_whole

    def calm(self, reader: LedgerReader, objective: Objective, *, tickets: bool) -> bool:
        """True where no rule can open an alert now. `tickets`: the slow rules too."""
        return self.concern(reader, objective, tickets=tickets) is None

    def concern(
        self, reader: LedgerReader, objective: Objective, *, tickets: bool
    ) -> Urgency | None:
        """Why the exact look is needed; None where no rule can open an alert now.

        `tickets`: the slow rules have their turn too.
        """
        board = self._boards.get(objective.id)
        if board is None:
            return Urgency.UNKNOWN
        rules = self._rules[objective.id]

        def at_least(segment_id: int, from_us: int, enough: int) -> int:
            return reader.attempts_since(objective, segment_id, from_us, enough)

        if rules.fast and board.may_jump(rules.ratio, at_least):
            return Urgency.PAGE
        for tier in rules.pages:
            if _may_fire(board, tier):
                return Urgency.PAGE
        if not tickets:
            return None
        if rules.fast and board.may_be_down(rules.two_hours, at_least):
            return Urgency.SLOW
        return Urgency.SLOW if any(_may_fire(board, tier) for tier in rules.tickets) else None

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


def _lengths_s(objective: Objective) -> tuple[int, ...]:
    tiers = tiers_of(objective)
    own = () if objective.window.calendar else (objective.window.seconds,)
    lengths_s = {*RATES_S, *own, *(length for one in tiers for length in (one.long_s, one.short_s))}
    return tuple(sorted(lengths_s))


def _rules(objective: Objective, lengths_s: Sequence[int]) -> _Rules:
    by_page: dict[bool, list[_Pair]] = {True: [], False: []}
    for tier in tiers_of(objective):
        least = tier.factor * objective.budget_ratio
        by_page[tier.page].append(
            _Pair(
                lengths_s.index(tier.long_s),
                lengths_s.index(tier.short_s),
                least.numerator,
                least.denominator,
                objective.min_bad_events,
                float(objective.budget_ratio) if tier.page else None,
            )
        )
    ratio = lowest_ratio(objective.budget_ratio, objective.bump_allowance_s)
    two_hours = lengths_s.index(WINDOWS_S[-1])
    return _Rules(by_page[True], by_page[False], two_hours, ratio, objective.fast_tier)


def _may_fire(board: ObjectiveBoard, tier: _Pair) -> bool:
    """Both windows of the tier are at its factor, as exact as the tier itself, and enough is bad.

    Failures without a key weigh less in the tier; here they weigh as much as all others.
    """
    for place in (tier.short, tier.long):
        _, _, bad, total = board.sums[place]
        if not bad or bad * tier.denominator < tier.numerator * total:
            return False
    return bad >= tier.least_bad and (
        tier.chance is None or upper_tail(bad, total, tier.chance) <= _PAGE_ALPHA
    )
