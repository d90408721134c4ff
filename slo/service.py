"""What others ask of slo: how objectives stand, what burns, what failures cost, is it good."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from sqlmodel import Session, col, select

from kernel.clock import SECOND_US, Clock, rfc3339
from kernel.database import Database
from kernel.errors import BadInput
from slo.as_known.account import as_known
from slo.as_known.schemas import AsKnownOut
from slo.budget import Budget
from slo.catalogue import Catalogue
from slo.corrections import repository as corrections
from slo.corrections.figures import both_figures
from slo.corrections.in_force import NOBODY, InForce
from slo.evaluation import default_sources
from slo.fast_tier import SLICE_US, Counts
from slo.faults import Faults
from slo.ledger import LedgerReader
from slo.ledger.sums import FineCell, SegmentKey, total_of
from slo.ledger_view import LedgerView
from slo.models import BurnAlertRow
from slo.money.answer import lost_rates, takes_money
from slo.money.schemas import RateOut
from slo.objective import Objective
from slo.recovery import SPANS_S, RecoverySample, RecoveryVerdict, State, judge
from slo.schemas import BurnAlertOut, PointOut, SloOut
from slo.segments import matches
from slo.spending import Spending
from slo.unjudged import unjudged, unread
from slo.volume.account import Missing, missing_since

MAX_POINTS = 2000
MAX_ALERTS = 500
_SHOWING = "slo.show"


@dataclass(frozen=True)
class Impact:
    """Attempts and value over a window; money per currency in minor units."""

    bad: int
    total: int
    lost: Mapping[str, int] = field(default_factory=dict)
    bad_minor: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class BudgetState:
    """One objective's budget as it stands. `no_data`: why it may not be judged; "" where it may."""

    objective: Objective
    budget: Budget
    no_data: str


class SloService:
    """Reads only. Each call opens its own ledger reader, so that any thread may ask."""

    def __init__(
        self,
        database: Database,
        reader_factory: Callable[[], LedgerReader],
        catalogue: Catalogue,
        clock: Clock,
        not_judged: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`not_judged`: objectives that the engine fails at now, with the reason."""
        self._database = database
        self._reader_factory = reader_factory
        self.catalogue = catalogue
        self._clock = clock
        self._not_judged = not_judged
        self._faults = Faults()

    def list(self) -> Sequence[SloOut]:
        """All objectives, without their segments."""
        alerts, in_force = self._open_alerts(), self._in_force()
        with self._reader() as reader:
            now_us = self._clock.now_us()
            sources = default_sources(reader, now_us)

            def answer(one: Objective) -> SloOut:
                view = LedgerView(reader, one, now_us, sources, in_force.drops(one.id, now_us))
                mine = [row for row in alerts if row.objective_id == one.id]
                return both_figures(view, mine, in_force.of(one.id), with_segments=False)

            return self._judged(self.catalogue.all(), answer)

    def _judged(
        self, objectives: Iterable[Objective], answer: Callable[[Objective], SloOut]
    ) -> Sequence[SloOut]:
        """The answers; one that cannot be made, or that the engine fails at, is no data."""
        reasons, found = self._not_judged(), []

        def ask(one: Objective) -> None:
            shown = answer(one)
            reason = reasons.get(one.id)
            found.append(unjudged(shown, reason) if reason else shown)

        for one in objectives:
            if self._faults.apart(_SHOWING, one.id, partial(ask, one)):
                self._faults.mended(_SHOWING, one.id)
            else:
                found.append(unread(one, self._faults.reasons()[one.id]))
        return found

    def budgets(self, service: str) -> Sequence[BudgetState]:
        """The budgets of one service, exact; what they need and nothing else is read."""
        in_force, reasons = self._in_force(), self._not_judged()
        with self._reader() as reader:
            now_us = self._clock.now_us()
            sources = default_sources(reader, now_us)
            found = []
            for one in self.catalogue.all():
                if one.service != service:
                    continue
                view = LedgerView(reader, one, now_us, sources, in_force.drops(one.id, now_us))
                spending = Spending.now(view)
                no_data = spending.no_data or reasons.get(one.id, "")
                found.append(BudgetState(one, spending.budget, no_data))
        return found

    def show(self, objective_id: str) -> SloOut:
        """One objective with its segments. Raises NotFound."""
        objective = self.catalogue.find(objective_id)
        alerts = [row for row in self._open_alerts() if row.objective_id == objective_id]
        in_force = self._in_force()
        with self._reader() as reader:

            def answer(one: Objective) -> SloOut:
                return both_figures(
                    self._view(reader, one, in_force), alerts, in_force.of(objective_id)
                )

            return self._judged([objective], answer)[0]

    def as_known(self, objective_id: str, at_us: int) -> AsKnownOut:
        """The objective's window at `at_us`, as it stood then and as it stands now.

        Raises NotFound, and BadInput for a time that is not counted yet.
        """
        objective = self.catalogue.find(objective_id)
        with self._reader() as reader:
            counted_us = self._view(reader, objective, NOBODY).watermark_us
            if at_us > counted_us:
                raise BadInput(
                    f"nothing is known of {rfc3339(at_us)}: it is counted up to"
                    f" {rfc3339(counted_us)}",
                    path="at",
                    hint="ask for a moment of the past",
                )
            return as_known(reader, objective, at_us)

    def series(
        self, objective_id: str, from_us: int, to_us: int, step_s: int
    ) -> Sequence[PointOut]:
        """Counts per step of `step_s` from `from_us` (a step's border) on.

        Raises NotFound, and BadInput for windows that cannot be cut so (more than 2,000 points,
        5 s steps older than 2 h).
        """
        objective = self.catalogue.find(objective_id)
        if step_s < 5 or step_s % 5 or to_us <= from_us:
            raise BadInput(
                "a series needs `to` after `from` and a step of whole 5 s", path="query.step"
            )
        if to_us - from_us > MAX_POINTS * step_s * SECOND_US:
            raise BadInput(f"more than {MAX_POINTS} points", hint="ask for longer steps")
        with self._reader() as reader:
            found = reader.outcomes(objective, from_us, to_us, step_s * SECOND_US)
        times_us = range(from_us, to_us, step_s * SECOND_US)
        return [
            PointOut(
                at=rfc3339(at_us),
                at_us=at_us,
                good=good,
                bad=bad,
                excluded=excluded,
                sli=good / (good + bad) if good + bad else None,
            )
            for at_us, (good, bad, excluded) in zip(times_us, found, strict=True)
        ]

    def burning(self, objective_id: str, segment: Mapping[str, str] | None = None) -> bool:
        """True while a page of the objective is open that is about `segment` or contains it.

        Without a segment any open page of the objective counts.
        """
        wanted = dict(segment or {})
        return any(
            row.objective_id == objective_id
            and row.page
            and all(wanted.get(name, value) == value for name, value in row.covers.items())
            for row in self._open_alerts()
        )

    def alerts(self, *, active: bool = True) -> Sequence[BurnAlertOut]:
        """Open alerts, or the newest 500 of all; newest first."""
        query = select(BurnAlertRow).order_by(col(BurnAlertRow.opened_us).desc())
        if active:
            query = query.where(col(BurnAlertRow.state) == "open")
        with self._database.reading() as session:
            return [_alert_out(row) for row in session.exec(query.limit(MAX_ALERTS)).all()]

    def impact(
        self, objective_id: str, segment: Mapping[str, str], from_us: int, to_us: int
    ) -> Impact:
        """What failed in [from_us, to_us) in all segments that carry `segment`'s labels.

        Labels that the objective does not count by are left out of the question.
        """
        objective = self.catalogue.find(objective_id)
        names = objective.segments
        with self._reader() as reader:
            sums = total_of(
                one
                for key, one in reader.segment_sums(objective, from_us, to_us).items()
                if matches(names, key, segment)
            )
            lost: dict[str, int] = {}
            found = reader.segment_lost(objective, from_us, to_us) if takes_money(objective) else {}
            for key, values in found.items():
                if matches(names, key, segment):
                    for currency, minor in values.items():
                        lost[currency] = lost.get(currency, 0) + minor
        bad_minor = {
            currency: money.bad_minor for currency, money in sums.money.items() if money.bad_minor
        }
        return Impact(bad=sums.bad, total=sums.total, lost=lost, bad_minor=bad_minor)

    def lost_rates(self, objective_id: str, from_us: int, to_us: int) -> Sequence[RateOut]:
        """Value of lost checkouts per minute in [from_us, to_us), with an 80 % interval."""
        objective = self.catalogue.find(objective_id)
        with self._reader() as reader:
            return lost_rates(reader, objective, from_us, to_us)

    def missing(
        self, objective_id: str, since_us: int, until_us: int, source: str = ""
    ) -> Missing | None:
        """Attempts that did not begin in [since_us, until_us), of one source or ("") all.

        None where nothing can be expected. Raises NotFound. See `slo.volume.account`.
        """
        objective = self.catalogue.find(objective_id)
        with self._reader() as reader:
            view = self._view(reader, objective)
            return missing_since(view, since_us, source, until_us)

    def recovery(
        self, objective_ids: Sequence[str], segment: Mapping[str, str], since_us: int
    ) -> RecoveryVerdict:
        """Are all objectives good since `since_us`? See `slo.recovery`.

        An objective that does not exist (any more) cannot be judged: no_data, never recovered.
        """
        known = [self.catalogue[one] for one in objective_ids if one in self.catalogue]
        unknown = [one for one in objective_ids if one not in self.catalogue]
        with self._reader() as reader:
            verdict = judge([self._sample(reader, one, segment, since_us) for one in known])
        if not unknown:
            return verdict
        numbers = {**verdict.numbers, **{f"{one}.state": "no such objective" for one in unknown}}
        state: State = "not_yet" if verdict.state == "not_yet" else "no_data"
        return RecoveryVerdict(state, numbers)

    def check(
        self, objective_ids: Sequence[str], segment: Mapping[str, str], since_us: int
    ) -> RecoveryVerdict:
        """The same, by the name that the recovery port of runbooks has."""
        return self.recovery(objective_ids, segment, since_us)

    def _sample(
        self,
        reader: LedgerReader,
        objective: Objective,
        segment: Mapping[str, str],
        since_us: int,
    ) -> RecoverySample:
        view = self._view(reader, objective)
        first_us = -(-since_us // SLICE_US) * SLICE_US
        known = {name: value for name, value in segment.items() if name in objective.segments}
        newest = {}
        for length_s in SPANS_S:
            from_us = max(first_us, view.end_us - length_s * SECOND_US)
            cells = reader.fine(objective, from_us, max(from_us, view.end_us))
            newest[length_s] = (
                _counts(cells, objective.segments, {}),
                _counts(cells, objective.segments, known),
            )
        return RecoverySample(
            objective_id=objective.id,
            budget=objective.budget_ratio,
            observed_s=max(0, view.end_us - first_us) // SECOND_US,
            no_data=bool(view.blind or self._not_judged().get(objective.id)),
            whole=[newest[length_s][0] for length_s in SPANS_S],
            segment=[newest[length_s][1] for length_s in SPANS_S] if known else None,
        )

    def _view(
        self, reader: LedgerReader, objective: Objective, in_force: InForce = NOBODY
    ) -> LedgerView:
        now_us = self._clock.now_us()
        drops = in_force.drops(objective.id, now_us)
        return LedgerView(reader, objective, now_us, default_sources(reader, now_us), drops)

    def _in_force(self) -> InForce:
        with self._database.reading() as session:
            return corrections.in_force(session, self._clock.now_us())

    def _open_alerts(self) -> Sequence[BurnAlertRow]:
        with self._database.reading() as session:
            return _open_rows(session)

    @contextmanager
    def _reader(self) -> Iterator[LedgerReader]:
        reader = self._reader_factory()
        try:
            with reader.at_once():
                yield reader
        finally:
            reader.close()


def _open_rows(session: Session) -> Sequence[BurnAlertRow]:
    return session.exec(
        select(BurnAlertRow)
        .where(col(BurnAlertRow.state) == "open")
        .order_by(col(BurnAlertRow.page).desc(), col(BurnAlertRow.opened_us))
    ).all()


def _counts(
    cells: Mapping[SegmentKey, Sequence[FineCell]],
    names: Sequence[str],
    labels: Mapping[str, str],
) -> Counts:
    chosen = [cell for key, rows in cells.items() if matches(names, key, labels) for cell in rows]
    return Counts(sum(one.bad for one in chosen), sum(one.total for one in chosen))


def _alert_out(row: BurnAlertRow) -> BurnAlertOut:
    return BurnAlertOut(
        id=row.id,
        objective_id=row.objective_id,
        service=row.service,
        tier=row.tier,
        page=row.page,
        state="open" if row.state == "open" else "closed",
        segment=row.segment,
        opened_at=rfc3339(row.opened_us),
        onset_at=rfc3339(row.onset_us),
        closed_at=None if row.closed_us is None else rfc3339(row.closed_us),
        reason=row.reason,
        close_reason=row.close_reason,
        bad=row.bad,
        total=row.total,
        burn_rate=row.burn_rate,
        kind=row.kind,
        title=row.title,
        source=row.source,
    )
