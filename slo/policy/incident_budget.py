"""What an objective's budget lost over any span, in its own unit: attempts or slices of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slo.budget import Budget
from slo.corrections.reader import AnyReader
from slo.objective import Objective
from slo.slice_reading import count_slices
from slo.time_slices import settled


@dataclass(frozen=True)
class IncidentBudget:
    """Asks for one objective. `default_sources` are taken where it names none."""

    reader: AnyReader
    objective: Objective
    default_sources: Sequence[str]

    def over(self, from_us: int, to_us: int, now_us: int) -> Budget:
        """The budget over [from, to). Gaps are left out: an incident is what was seen to fail.

        Of slices, all count that the span touches and that are over.
        """
        objective, slices = self.objective, self.objective.slices
        if slices is None:
            sums = self.reader.sums(objective, from_us, to_us)
            return Budget(sums.bad, sums.total, objective.budget_ratio)
        length_us = slices.length_us
        span_us = from_us // length_us * length_us, -(-to_us // length_us) * length_us
        until_us = min(span_us[1], now_us // length_us * length_us)
        sources = objective.sources or self.default_sources
        found = count_slices(self.reader, objective, sources, (span_us[0], until_us))
        return settled(found, "neutral").budget(objective.budget_ratio)
