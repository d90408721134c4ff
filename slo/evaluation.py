"""A round over all objectives every 5 s: the ledger in, burn alerts and facts out.

A round is a screening of everybody, which costs microseconds each, and exact looks at those of
whom the board is not certain. Looks cost milliseconds, so a round is cut into short passes, each
with one state of the ledger and one unit of work, and others get the processor between them. Who
waits for a look comes first by `slo.waiting`; what a round does not come to is first in line for
the next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import sleep, thread_time

from kernel.clock import MINUTE_US, SECOND_US, Clock
from kernel.database import Database
from slo.alert_state import Step, Verdict
from slo.alert_store import Kept, close, hold, known_alerts, open_alert
from slo.board import Board, ChangeFeed
from slo.catalogue import Catalogue
from slo.corrections.in_force import NOBODY
from slo.corrections.repository import in_force
from slo.decision import Changes, Known, decide
from slo.faults import Faults
from slo.ledger import LedgerReader
from slo.ledger.levels import FINE_US
from slo.ledger_view import LedgerView, closed_us
from slo.objective import Objective
from slo.tiers import reach_us, remember_closed_us
from slo.waiting import Urgency, Wait, Waiting

PART = "slo.evaluate"
EVERY_S = 5.0
ROUND_US = round(EVERY_S * SECOND_US)
# Exact looks of one pass, in seconds of this thread's CPU; the last one may take longer.
LOOKS_S = 0.02
REST_S = 0.01


@dataclass(frozen=True)
class _Planned:
    """What a look decided. `known`: the objective's alerts as they were remembered."""

    objective: Objective
    at_us: int
    changes: Changes
    known: Sequence[Known]

    def held(self) -> Iterator[Kept]:
        """Alerts that stay open and remember something new."""
        for before, kept in self._stepped():
            is_new = kept.step.alert != before.alert or kept.covers != before.covers
            if is_new and kept.step.verdict is not Verdict.CLOSE:
                yield kept

    def closed(self) -> Iterator[Kept]:
        """Alerts that end."""
        return (kept for _, kept in self._stepped() if kept.step.verdict is Verdict.CLOSE)

    def _stepped(self) -> Iterator[tuple[Known, Kept]]:
        for one in self.known:
            step = self.changes.steps.get(one.id)
            if step is not None:
                yield one, Kept(one.id, step, self.changes.widened.get(one.id, one.covers))


def short_rest() -> None:
    """Let others have the processor between two passes."""
    sleep(REST_S)


def _no_rest() -> None:
    """Passes follow each other at once."""


class Turns:
    """Whose slow rules are looked at in a pass: everybody's once a minute, a part each time."""

    A_MINUTE = 12

    def __init__(self) -> None:
        self._slot: int | None = None

    def due(self, now_us: int) -> set[int]:
        """Turns (0 to 11) that came since the last pass; all of them at first."""
        slot = now_us * self.A_MINUTE // MINUTE_US
        before = slot - self.A_MINUTE
        if self._slot is not None:
            before = max(before, min(self._slot, slot))
        self._slot = slot
        return {one % self.A_MINUTE for one in range(before + 1, slot + 1)}


class Evaluator:
    """Opens and closes burn alerts. `last_evaluation_us` tells how fresh its judgement is."""

    def __init__(
        self,
        database: Database,
        reader_factory: Callable[[], LedgerReader],
        catalogue: Catalogue,
        clock: Clock,
        feed: ChangeFeed | None = None,
        *,
        rest: Callable[[], None] = _no_rest,
        faults: Faults | None = None,
    ) -> None:
        """`reader_factory` makes a ledger reader; one is kept, and rounds never overlap.

        `feed`: what the ledger's writer changes; with it calm objectives cost microseconds.
        `rest` is called between the passes of a round. `faults`: where it is told who could not be
        judged; the others are.
        """
        self._database = database
        self._reader_factory = reader_factory
        self._reader: LedgerReader | None = None
        self._catalogue = catalogue
        self._clock = clock
        self._board = Board(catalogue.all(), feed) if feed is not None else None
        self._rest = rest
        self._faults = faults or Faults()
        self._turns = Turns()
        self._waiting = Waiting()
        self._known: Mapping[str, Sequence[Known]] = {}
        self._corrections = NOBODY
        self._corrected: Collection[str] = ()
        self._remember_us = max(map(remember_closed_us, catalogue.all()), default=0)
        self.last_evaluation_us: int | None = None

    def run_once(self) -> None:
        """One round. It ends when nobody waits any more, or when the next one is due."""
        begun_us = self._clock.now_us()
        self._remember(begun_us)
        self._pass(screen=True)
        while self._waiting and 0 <= self._clock.now_us() - begun_us < ROUND_US:
            self._rest()
            self._pass(screen=False)
        self._faults.raise_where_all(PART, [one.id for one in self._catalogue.all()])
        waiting_us = self._waiting.oldest_us
        self.last_evaluation_us = self._clock.now_us() if waiting_us is None else waiting_us

    def _remember(self, now_us: int) -> None:
        """Alerts and corrections as they stand; and alerts that nobody judges are closed."""
        with self._database.reading() as session:
            known = known_alerts(session, now_us, self._remember_us)
            self._corrections = in_force(session, now_us)
        orphans = [
            one for name, rows in known.items() if name not in self._catalogue for one in rows
        ]
        self._close_orphans([one for one in orphans if one.closed_us is None], now_us)
        self._known = known

    def _pass(self, *, screen: bool) -> None:
        """All reads first, then at most one unit of work."""
        now_us = self._clock.now_us()
        reader = self._reader = self._reader or self._reader_factory()
        with reader.at_once():
            if self._board is not None:
                self._board.follow(reader, closed_us(min(reader.watermark_us(), now_us)))
            if screen:
                self._screen(reader, now_us)
            planned = self._look(reader, now_us)
        self._write(planned, now_us)

    def _screen(self, reader: LedgerReader, now_us: int) -> None:
        """Let everybody wait for a look but those of whom the board is certain. It knows of no
        alert and of no correction.
        """
        slow = self._turns.due(now_us)
        self._corrected = self._corrected_now(reader, now_us)
        coming = iter(enumerate(self._catalogue.all()))
        name = ""

        def screen() -> None:
            """Go on behind the one that failed."""
            nonlocal name
            for number, one in coming:
                name = one.id
                tickets = number % Turns.A_MINUTE in slow
                urgency = self._urgency(reader, one, tickets=tickets)
                if urgency is None:
                    self._faults.mended(PART, name)
                else:
                    self._waiting.add(name, now_us, urgency, tickets=tickets)

        while (error := self._faults.caught(screen)) is not None:
            self._faults.failed(PART, name, error)

    def _urgency(
        self, reader: LedgerReader, objective: Objective, *, tickets: bool
    ) -> Urgency | None:
        known = self._known.get(objective.id, ())
        if any(one.page and one.closed_us is None for one in known):
            return Urgency.OPEN
        if self._board is None or objective.id in self._corrected:
            return Urgency.PAGE
        concern = self._board.concern(reader, objective, tickets=tickets)
        return Urgency.OPEN if known and concern is not Urgency.PAGE else concern

    def _look(self, reader: LedgerReader, now_us: int) -> list[_Planned]:
        """Exact looks until the pass has had its time; at least one."""
        sources = default_sources(reader, now_us)
        planned: list[_Planned] = []

        def look(wait: Wait) -> None:
            objective = self._catalogue[wait.name]
            if self._is_calm(reader, objective, wait):
                self._faults.mended(PART, wait.name)
                return
            drops = self._corrections.drops(objective.id, now_us)
            view = LedgerView(reader, objective, now_us, sources, drops)
            known = self._known.get(objective.id, ())
            planned.append(self._plan(view, known, tickets=wait.tickets))

        until_s = thread_time() + LOOKS_S
        while (wait := self._waiting.take()) is not None:
            self._faults.apart(PART, wait.name, partial(look, wait))
            if thread_time() >= until_s:
                break
        return planned

    def _is_calm(self, reader: LedgerReader, objective: Objective, wait: Wait) -> bool:
        """True where one that was unknown comes to the board, and no look is needed after all."""
        board = self._board
        if board is None or board.sums(objective) is not None:
            return False
        is_there = board.load(reader, objective)
        if objective.id in self._known or objective.id in self._corrected:
            return False
        return is_there and board.calm(reader, objective, tickets=wait.tickets)

    def _corrected_now(self, reader: LedgerReader, now_us: int) -> Collection[str]:
        """Objectives of which a correction leaves out something that a rule looks at now.

        Those of long ago matter to the budget alone: they are kept for as long as that.
        """
        end_us = closed_us(min(reader.watermark_us(), now_us)) + FINE_US
        return [
            name
            for name in self._corrections.objectives
            if (one := self._catalogue.get(name)) is not None
            and self._corrections.drops(name, now_us).within(end_us - reach_us(one), end_us)
        ]

    @staticmethod
    def _plan(view: LedgerView, known: Sequence[Known], *, tickets: bool) -> _Planned:
        changes = decide(view, known, tickets=tickets)
        return _Planned(view.objective, view.end_us, changes, known)

    def _write(self, planned: Sequence[_Planned], now_us: int) -> None:
        """All in one unit of work; each in its own where one of them spoils that."""
        if len(planned) > 1 and self._faults.caught(lambda: self._store(planned, now_us)) is None:
            stored = planned
        else:
            stored = [
                one
                for one in planned
                if self._faults.apart(PART, one.objective.id, partial(self._store, [one], now_us))
            ]
        for one in stored:
            self._faults.mended(PART, one.objective.id)

    def _store(self, planned: Sequence[_Planned], now_us: int) -> None:
        held = [one for plan in planned for one in plan.held()]
        closed = [one for plan in planned for one in plan.closed()]
        opened = [(plan, new) for plan in planned for new in plan.changes.opened]
        if not (held or closed or opened):
            return
        with self._database.unit_of_work() as session:
            hold(session, held)
            for one in closed:
                close(session, one, now_us)
            for plan, new in opened:
                open_alert(session, plan.objective, new, plan.at_us, self._clock)

    def _close_orphans(self, orphans: Sequence[Known], now_us: int) -> None:
        """Alerts of objectives that are no longer defined: nobody would ever judge them again."""
        if not orphans:
            return
        with self._database.unit_of_work() as session:
            for one in orphans:
                closed = Step(one.alert, Verdict.CLOSE, "the objective is no longer defined")
                close(session, Kept(one.id, closed, one.covers), now_us)


def default_sources(reader: LedgerReader, now_us: int) -> tuple[str, ...]:
    """Sources of objectives that name none: those giving 1 % of the units, else all known."""
    return tuple(reader.default_sources(now_us)) or tuple(reader.known_sources())
