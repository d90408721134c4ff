"""Gathering what the rules are judged on: budgets as they stand, and what incidents spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

from kernel.clock import DAY_US, Clock
from slo.budget import Budget
from slo.corrections.in_force import NOBODY, InForce
from slo.corrections.reader import AnyReader, CorrectedReader
from slo.evaluation import default_sources
from slo.ledger import LedgerReader
from slo.objective import Objective
from slo.policy.catalogue import PolicySet
from slo.policy.incident_budget import IncidentBudget
from slo.policy.judgement import BudgetLeft, IncidentSpend, Situation
from slo.policy.models import IncidentSpanRow, PostmortemRow
from slo.service import BudgetState, SloService
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
        budgets = [_budget_left(one) for one in self._slo.budgets(service)]
        ids, now_us = {one.id for one in objectives}, self._clock.now_us()
        with self._reader() as reader:
            sources = default_sources(reader, now_us)
            spends = [
                self._spend(
                    IncidentBudget(_corrected(reader, objective, told, now_us), objective, sources),
                    row,
                    told,
                )
                for row in told.spans
                if ids.intersection(row.objective_ids)
                for objective in objectives
                if objective.id in row.objective_ids
            ]
        return Situation(service, budgets, spends, self.policies.policies, _faults(self.policies))

    def _spend(
        self,
        budget: IncidentBudget,
        row: IncidentSpanRow,
        told: Told,
    ) -> IncidentSpend:
        """What failed from onset to end over what the budget allowed in the window up to then.

        The window ends with the incident: the figure does not move any more once that is over and
        its late outcomes have come. What a correction leaves out counts in neither.
        """
        now_us = self._clock.now_us()
        end_us = row.resolved_us or now_us
        postmortem = told.postmortems.get(row.incident_id)
        objective = budget.objective
        bad = budget.over(row.onset_us, end_us, now_us).bad
        window = budget_window(objective.window, end_us)
        whole = budget.over(window.from_us, end_us, now_us)
        four_weeks = budget.over(end_us - FOUR_WEEKS_US, end_us, now_us)
        return IncidentSpend(
            incident_id=row.incident_id,
            number=row.number,
            objective_id=objective.id,
            onset_us=row.onset_us,
            resolved_us=row.resolved_us,
            bad=int(bad),
            share=_share(bad, whole),
            share_4w=_share(bad, four_weeks),
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


def _share(bad: int | Fraction, whole: Budget) -> Fraction | None:
    return Fraction(bad) / whole.allowed if whole.allowed else None


def _budget_left(found: BudgetState) -> BudgetLeft:
    """The share left, exact; what may not be judged is unknown, whatever number it has."""
    budget = found.budget
    unknown = found.no_data
    if not unknown and budget.left is None:
        unknown = "nothing was counted in this window"
    return BudgetLeft(
        objective_id=found.objective.id,
        name=found.objective.display_name,
        left=budget.left,
        bad=int(budget.bad),
        allowed=budget.allowed,
        unknown=unknown,
    )


def _faults(policies: PolicySet) -> str:
    if policies.usable:
        return ""
    count = len(policies.problems)
    noun = "fault" if count == 1 else "faults"
    return f"the policy files have {count} {noun}: {policies.problems[0]}"
