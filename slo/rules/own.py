"""Rules for Prometheus made from our objectives, over our own /metrics. Pure.

A second pair of eyes: Prometheus judges the classic tiers by itself from counters that only grow
(`slo.rules.counters`). Windows are a label (`window="1h"`), never a part of a name, so that one
dashboard serves every objective. Comparisons are `>=`, as in the ledger. What the ledger knows
exactly (budget left, state) is not computed again but asked: `tillwatch_slo_budget_left_ratio`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from slo.objective import Objective
from slo.rules.rule import Rule, RuleGroup, duration_text, float_text, quoted, selector
from slo.standing import RATES_S
from slo.tiers import Tier, tiers_of

RATIO = "tillwatch_slo:error:ratio"
BAD, ALL = "tillwatch_slo:bad_units:increase", "tillwatch_slo:units:increase"
BUDGET = "tillwatch_slo:error_budget:ratio"
ENTERED, TAKEN_BACK = "tillwatch_slo_units_total", "tillwatch_slo_units_taken_back_total"
BURN_ALERT, NO_DATA_ALERT = "TillwatchBudgetBurn", "TillwatchObjectiveNoData"
NO_DATA_FOR_S = 600


@dataclass(frozen=True)
class OwnRules:
    """The groups, and what could not be said in rules."""

    groups: Sequence[RuleGroup]
    notes: Sequence[str]


def own_groups(objectives: Iterable[Objective], public_url: str = "") -> OwnRules:
    """One group for each objective. `public_url`: where our pages are, for the annotations."""
    groups, notes = [], []
    for objective in objectives:
        writer = _Writer(objective, public_url.rstrip("/"))
        groups.append(writer.group())
        notes += writer.notes
    return OwnRules(groups, notes)


class _Writer:
    """Writes the group of one objective."""

    def __init__(self, objective: Objective, public_url: str) -> None:
        self._objective = objective
        self._url = f"{public_url}/slos/{objective.id}" if public_url else ""
        self._labels = {"objective": objective.id, "service": objective.service}
        self.notes: list[str] = []

    def group(self) -> RuleGroup:
        tiers = [tier for tier in tiers_of(self._objective) if self._measurable(tier)]
        windows = sorted({length for tier in tiers for length in (tier.short_s, tier.long_s)})
        rules = [
            Rule(
                f"vector({float_text(float(self._objective.budget_ratio))})",
                record=BUDGET,
                labels=self._labels,
            ),
            *[rule for length in windows for rule in self._recordings(length)],
            *[self._burn(tier) for tier in tiers],
            self._no_data(),
        ]
        return RuleGroup(f"tillwatch-slo-{self._objective.id}", rules)

    def _measurable(self, tier: Tier) -> bool:
        """Slices of time are judged by the ledger alone: Prometheus sees its windows only."""
        if self._objective.slices is None:
            return True
        names = [duration_text(length) for length in (tier.short_s, tier.long_s)]
        if all(name in RATES_S for name in names):
            return True
        self.notes.append(
            f"{self._objective.id}: tier {tier.name} is left out: the ledger judges slices of "
            f"time, and shows no burn rate over {' and '.join(names)}"
        )
        return False

    def _recordings(self, window_s: int) -> list[Rule]:
        """Failed and all attempts of one window, and their ratio where there was an attempt."""
        window = duration_text(window_s)
        labels = {**self._labels, "window": window}
        if self._objective.slices is not None:
            gauge = selector("tillwatch_slo_burn_rate", labels)
            budget = float_text(float(self._objective.budget_ratio))
            return [Rule(f"max({gauge}) * {budget}", record=RATIO, labels=labels)]
        ratio = f"{selector(BAD, labels)}\n/\n({selector(ALL, labels)} > 0)\n"
        return [
            Rule(self._net('outcome="bad"', window), record=BAD, labels=labels),
            Rule(self._net('outcome=~"good|bad"', window), record=ALL, labels=labels),
            Rule(ratio, record=RATIO, labels=labels),
        ]

    def _net(self, outcome: str, window: str) -> str:
        """Units that entered the outcome in the window, less those that left it again."""
        inner = f"objective={quoted(self._objective.id)}, {outcome}"
        entered, back = f"{ENTERED}{{{inner}}}[{window}]", f"{TAKEN_BACK}{{{inner}}}[{window}]"
        return f"sum(increase({entered}))\n-\nsum(increase({back}))\n"

    def _burn(self, tier: Tier) -> Rule:
        objective = self._objective
        limit = float_text(float(tier.factor * objective.budget_ratio))
        short, long = (
            f"max by (objective, service) ({self._ratio(length)}) >= {limit}"
            for length in (tier.short_s, tier.long_s)
        )
        expr = f"{short}\nand\n{long}\n"
        if objective.slices is None:
            labels = {**self._labels, "window": duration_text(tier.long_s)}
            failed = f"max by (objective, service) ({selector(BAD, labels)})"
            expr += f"and\n{failed} >= {objective.min_bad_events}\n"
        return Rule(
            expr,
            alert=BURN_ALERT,
            labels={
                **self._labels,
                "severity": "page" if tier.page else "ticket",
                "tier": _literal(tier.name),
            },
            annotations=self._words(
                f"{objective.display_name}: the budget burns at least "
                f"{float_text(float(tier.factor))} times too fast",
                f"Over {duration_text(tier.long_s)} and {duration_text(tier.short_s)} at least "
                f"{limit} of the attempts failed.",
            ),
        )

    def _ratio(self, window_s: int) -> str:
        return selector(RATIO, {**self._labels, "window": duration_text(window_s)})

    def _no_data(self) -> Rule:
        state = selector("tillwatch_slo_state", {**self._labels, "state": "no_data"})
        return Rule(
            f"max by (objective, service) ({state}) == 1",
            alert=NO_DATA_ALERT,
            labels={**self._labels, "severity": "ticket"},
            annotations=self._words(
                f"{self._objective.display_name}: nobody knows whether it is kept",
                "Nothing that can be counted has arrived: that is no good news. Next step: "
                "`tillwatch doctor`, then ask whether the shop still sends.",
            ),
            for_s=NO_DATA_FOR_S,
        )

    def _words(self, summary: str, description: str) -> dict[str, str]:
        """Annotations (and labels) are templates of Go: braces of a display name must stay text."""
        page = {"url": self._url} if self._url else {}
        return {"summary": _literal(summary), "description": _literal(description), **page}


def _literal(text: str) -> str:
    return text.replace("{{", '{{"{{"}}')
