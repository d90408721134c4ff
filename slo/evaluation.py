"""One pass over all objectives every 5 s: the ledger in, burn alerts and facts out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, or_, select

from kernel.clock import MINUTE_US, Clock
from kernel.database import Database
from kernel.facts import publish
from kernel.facts.slo import BurnAlertClosed, BurnAlertOpened
from kernel.ids import uuid7
from slo.alert_state import OpenAlert, Step, Verdict
from slo.board import Board, ChangeFeed
from slo.burn_rate import burn_rate
from slo.catalogue import Catalogue
from slo.corrections.in_force import InForce
from slo.corrections.repository import in_force
from slo.decision import Changes, Known, NewAlert, decide
from slo.ledger import LedgerReader
from slo.ledger.levels import FINE_US
from slo.ledger_view import LedgerView, closed_us
from slo.models import BurnAlertRow
from slo.objective import Objective
from slo.tiers import reach_us, remember_closed_us

EVERY_S = 5.0


@dataclass(frozen=True)
class _Planned:
    objective: Objective
    at_us: int
    changes: Changes


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
    ) -> None:
        """`reader_factory` makes a ledger reader; one is kept, and passes never overlap.

        `feed`: what the ledger's writer changes; with it calm objectives cost microseconds.
        """
        self._database = database
        self._reader_factory = reader_factory
        self._reader: LedgerReader | None = None
        self._catalogue = catalogue
        self._clock = clock
        self._board = Board(catalogue.all(), feed) if feed is not None else None
        self._turns = Turns()
        self._remember_us = max(map(remember_closed_us, catalogue.all()), default=0)
        self.last_evaluation_us: int | None = None

    def run_once(self) -> None:
        """One pass: all reads first, then at most one unit of work."""
        now_us = self._clock.now_us()
        reader = self._reader = self._reader or self._reader_factory()
        with self._database.reading() as session:
            known = _known_alerts(session, now_us, self._remember_us)
            corrections = in_force(session, now_us)
        with reader.at_once():
            sources = default_sources(reader, now_us)
            always = {*known, *self._corrected(reader, now_us, corrections)}
            planned = [
                self._plan(
                    LedgerView(reader, one, now_us, sources, corrections.drops(one.id, now_us)),
                    known.get(one.id, ()),
                    tickets=tickets,
                )
                for one, tickets in self._to_look_at(reader, now_us, always)
            ]
        orphans = [
            one for name, rows in known.items() if name not in self._catalogue for one in rows
        ]
        self._close_orphans([one for one in orphans if one.closed_us is None], now_us)
        self._write([one for one in planned if one.changes.opened or one.changes.steps], now_us)
        self.last_evaluation_us = self._clock.now_us()

    def _to_look_at(
        self, reader: LedgerReader, now_us: int, always: Collection[str]
    ) -> list[tuple[Objective, bool]]:
        """Everybody but those of whom the board is certain, and whether it is the turn of their
        slow rules. The board knows of no alert and of no correction (`always`).
        """
        slow = self._turns.due(now_us)
        objectives = [
            (one, number % Turns.A_MINUTE in slow)
            for number, one in enumerate(self._catalogue.all())
        ]
        if self._board is None:
            return objectives
        self._board.follow(reader, closed_us(min(reader.watermark_us(), now_us)))
        return [
            (one, tickets)
            for one, tickets in objectives
            if one.id in always or not self._board.calm(reader, one, tickets=tickets)
        ]

    def _corrected(
        self, reader: LedgerReader, now_us: int, corrections: InForce
    ) -> Collection[str]:
        """Objectives of which a correction leaves out something that a rule looks at now.

        Those of long ago matter to the budget alone: they are kept for as long as that.
        """
        end_us = closed_us(min(reader.watermark_us(), now_us)) + FINE_US
        return [
            name
            for name in corrections.objectives
            if (one := self._catalogue.get(name)) is not None
            and corrections.drops(name, now_us).within(end_us - reach_us(one), end_us)
        ]

    @staticmethod
    def _plan(view: LedgerView, known: Sequence[Known], *, tickets: bool) -> _Planned:
        return _Planned(view.objective, view.end_us, decide(view, known, tickets=tickets))

    def _write(self, planned: Iterable[_Planned], now_us: int) -> None:
        todo = list(planned)
        if not todo:
            return
        with self._database.unit_of_work() as session:
            for one in todo:
                for alert_id, result in one.changes.steps.items():
                    self._apply(session, alert_id, result, one.changes, now_us)
                for new in one.changes.opened:
                    self._open(session, one, new, now_us)

    def _close_orphans(self, orphans: Sequence[Known], now_us: int) -> None:
        """Alerts of objectives that are no longer defined: nobody would ever judge them again."""
        if not orphans:
            return
        with self._database.unit_of_work() as session:
            for one in orphans:
                closed = Step(one.alert, Verdict.CLOSE, "the objective is no longer defined")
                self._apply(session, one.id, closed, Changes(), now_us)

    @staticmethod
    def _apply(
        session: Session, alert_id: str, result: Step, changes: Changes, now_us: int
    ) -> None:
        row = session.get(BurnAlertRow, alert_id)
        if row is None or row.state != "open":
            return
        row.last_fire_us = result.alert.last_fire_us
        row.busiest = result.alert.busiest
        row.covers = changes.widened.get(alert_id, row.covers)
        if result.verdict is Verdict.CLOSE:
            row.state, row.open_key = "closed", None
            row.closed_us, row.close_reason = now_us, result.reason
            publish(session, _closed_fact(row, now_us, result.reason), now_us)
        session.add(row)

    def _open(self, session: Session, plan: _Planned, new: NewAlert, now_us: int) -> None:
        objective, segment = plan.objective, dict(new.segment)
        key = open_key(objective.id, segment, page=new.page)
        taken = session.exec(select(BurnAlertRow.id).where(BurnAlertRow.open_key == key)).first()
        if taken is not None:
            return
        burn = burn_rate(new.fire.bad, new.fire.total, objective.budget_ratio)
        row = BurnAlertRow(
            id=uuid7(self._clock),
            objective_id=objective.id,
            open_key=key,
            service=objective.service,
            tier=new.fire.tier,
            page=new.page,
            segment=segment,
            covers=segment,
            opened_us=now_us,
            onset_us=new.onset_us,
            last_fire_us=plan.at_us,
            reason=new.fire.text,
            bad=new.fire.bad,
            total=new.fire.total,
            burn_rate=float(burn or 0),
        )
        session.add(row)
        publish(session, _opened_fact(row, objective), now_us)


def default_sources(reader: LedgerReader, now_us: int) -> tuple[str, ...]:
    """Sources of objectives that name none: those giving 1 % of the units, else all known."""
    return tuple(reader.default_sources(now_us)) or tuple(reader.known_sources())


def open_key(objective_id: str, segment: Mapping[str, str], *, page: bool) -> str:
    """What may be open once: objective, segment, and page or ticket."""
    labels = ",".join(f"{name}={segment[name]}" for name in sorted(segment))
    return f"{objective_id}|{labels}|{'page' if page else 'ticket'}"


def _known_alerts(session: Session, now_us: int, remember_us: int) -> dict[str, list[Known]]:
    rows = session.exec(
        select(BurnAlertRow)
        .where(
            col(BurnAlertRow.kind) == "burn",
            or_(
                col(BurnAlertRow.state) == "open",
                col(BurnAlertRow.closed_us) > now_us - remember_us,
            ),
        )
        .order_by(col(BurnAlertRow.opened_us), col(BurnAlertRow.id))
    ).all()
    known: dict[str, list[Known]] = defaultdict(list)
    for row in rows:
        alert = OpenAlert(row.last_fire_us, row.busiest)
        known[row.objective_id].append(
            Known(row.id, row.segment, row.covers, row.page, alert, row.closed_us)
        )
    return known


def _opened_fact(row: BurnAlertRow, objective: Objective) -> BurnAlertOpened:
    return BurnAlertOpened(
        alert_id=row.id,
        objective_id=row.objective_id,
        service=row.service,
        display_name=objective.display_name,
        tier=row.tier,
        page=row.page,
        segment=row.segment,
        opened_us=row.opened_us,
        onset_us=row.onset_us,
        reason=row.reason,
        bad=row.bad,
        total=row.total,
        burn_rate=row.burn_rate,
    )


def _closed_fact(row: BurnAlertRow, now_us: int, reason: str) -> BurnAlertClosed:
    return BurnAlertClosed(
        alert_id=row.id,
        objective_id=row.objective_id,
        service=row.service,
        tier=row.tier,
        segment=row.segment,
        closed_us=now_us,
        reason=reason,
    )
