"""Gathering what the rules are judged on: budgets as they stand, and what incidents spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from kernel.clock import DAY_US, Clock
from slo.budget import Budget
from slo.corrections.in_force import NOBODY, InForce
from slo.corrections.reader import AnyReader, CorrectedReader
from slo.ledger import LedgerReader
from slo.objective import Objective
from slo.policy.catalogue import PolicySet
from slo.policy.judgement import BudgetLeft, IncidentSpend, Situation
from slo.policy.models import IncidentSpanRow, PostmortemRow
from slo.schemas import SloOut
from slo.service import SloService
from slo.windows import budget_window

# How far back incidents are looked at: a missing postmortem does not go away with the window.
LOOK_BACK_US = 90 * DAY_US
FOUR_WEEKS_US = 28 * DAY_US


@dataclass(frozen=True)
class Told:
    """What is stored of incidents, postmortems and corrections, read at one moment."""

    spans: Sequence[IncidentSpanRow] = ()
    postmortems: Mapping[str, PostmortemRow] = field(default_factory=dict)
    in_force: InForce = NOBODY


class Gathering:
    """Reads budgets through slo's service, so that the gate sees what pages and API show."""

    def __init__(
        self,
        slo: SloService,
        reader_factory: Callable[[], LedgerReader],
        policies: PolicySet,
        clock: Clock,
    ) -> None:
        self._slo = slo
        self._reader_factory = reader_factory
        self.policies = policies
        self._clock = clock

    def services(self) -> list[str]:
        """Every service that an objective promises something for, sorted."""
        return sorted({one.service for one in self._slo.catalogue.all()})

    def situation(self, service: str, told: Told) -> Situation:
        """Everything about one service; incidents of any service are sorted out here."""
        objectives = [one for one in self._slo.catalogue.all() if one.service == service]
        budgets = [
            _budget_left(self._slo.catalogue[one.id], one) for one in self._slo.list(service)
        ]
        ids, now_us = {one.id for one in objectives}, self._clock.now_us()
        with self._reader() as reader:
            spends = [
                self._spend(_corrected(reader, objective, told, now_us), objective, row, told)
                for row in told.spans
                if ids.intersection(row.objective_ids)
                for objective in objectives
                if objective.id in row.objective_ids
            ]
        return Situation(service, budgets, spends, self.policies.policies, _faults(self.policies))

    def _spend(
        self,
        reader: AnyReader,
        objective: Objective,
        row: IncidentSpanRow,
        told: Told,
    ) -> IncidentSpend:
        """Bad attempts from onset to end over what the budget allowed in the window up to then.

        The window ends with the incident: the figure does not move any more once that is over and
        its late outcomes have come. What a correction leaves out counts in neither.
        """
        postmortem = told.postmortems.get(row.incident_id)
        end_us = row.resolved_us or self._clock.now_us()
        bad = reader.sums(objective, row.onset_us, end_us).bad
        window = budget_window(objective.window, end_us)
        return IncidentSpend(
            incident_id=row.incident_id,
            number=row.number,
            objective_id=objective.id,
            onset_us=row.onset_us,
            resolved_us=row.resolved_us,
            bad=bad,
            share=_share(reader, objective, bad, window.from_us, end_us),
            share_4w=_share(reader, objective, bad, end_us - FOUR_WEEKS_US, end_us),
            link=postmortem.link if postmortem else "",
        )

    @contextmanager
    def _reader(self) -> Iterator[LedgerReader]:
        reader = self._reader_factory()
        try:
            with reader.at_once():
                yield reader
        finally:
            reader.close()


def _corrected(reader: LedgerReader, objective: Objective, told: Told, now_us: int) -> AnyReader:
    drops = told.in_force.drops(objective.id, now_us)
    return CorrectedReader(reader, drops) if drops else reader


def _share(
    reader: AnyReader, objective: Objective, bad: int, from_us: int, to_us: int
) -> Fraction | None:
    sums = reader.sums(objective, from_us, to_us)
    allowed = Budget(sums.bad, sums.total, objective.budget_ratio).allowed
    return Fraction(bad) / allowed if allowed else None


def _budget_left(objective: Objective, slo: SloOut) -> BudgetLeft:
    """The share left, exact where attempts alone decide; a state of no data makes it unknown."""
    counts = slo.counts
    budget = Budget(counts.bad, counts.good + counts.bad, objective.budget_ratio)
    left, bad, allowed = budget.left, counts.bad, budget.allowed
    if objective.slices is not None or objective.no_data == "bad":
        left = None if slo.budget_left is None else Fraction(slo.budget_left)
    if slo.slices is not None:
        bad = floor(slo.slices.bad)
        allowed = Fraction(slo.slices.allowed_s, slo.slices.length_s)
    unknown = ""
    if slo.state == "no_data" or left is None:
        unknown = slo.reason or "nothing was counted in this window"
    return BudgetLeft(
        objective_id=slo.id,
        name=slo.name,
        left=left,
        bad=bad,
        allowed=allowed,
        unknown=unknown,
    )


def _faults(policies: PolicySet) -> str:
    if policies.usable:
        return ""
    count = len(policies.problems)
    noun = "fault" if count == 1 else "faults"
    return f"the policy files have {count} {noun}: {policies.problems[0]}"
