"""Approved corrections as the maths needs them: a snapshot of one pass, and what each leaves out.

Pure but for the two functions' cache: a schedule is expanded once a day, not in every pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from kernel.clock import DAY_US, MINUTE_US
from slo.corrections.dropping import NOTHING, Drop, Drops, Labels
from slo.corrections.recurrence import Occurrence, Schedule, occurrences

# The ledger is kept that long, and no window is longer.
HORIZON_US = 400 * DAY_US


@dataclass(frozen=True)
class Correction:
    """What leaves out units with `labels`. From `ended_us` on it leaves out nothing any more."""

    id: str
    schedule: Schedule
    labels: Labels = ()
    ended_us: int | None = None
    category: str = field(default="other", compare=False)
    reason: str = field(default="", compare=False)

    def occurrences(self, from_us: int, to_us: int) -> list[Occurrence]:
        """What it leaves out in [from_us, to_us): occurrences that touch it, cut at its end."""
        found = occurrences(self.schedule, from_us, to_us)
        if self.ended_us is None:
            return found
        end_us = self.ended_us - self.ended_us % MINUTE_US
        return [
            Occurrence(one.from_us, min(one.to_us, end_us))
            for one in found
            if one.from_us < end_us and end_us > from_us
        ]


class InForce:
    """All approved corrections by objective, as one transaction saw them."""

    def __init__(self, by_objective: Mapping[str, Sequence[Correction]] | None = None) -> None:
        self._by_objective = {key: tuple(found) for key, found in (by_objective or {}).items()}

    def of(self, objective_id: str) -> tuple[Correction, ...]:
        """Those of one objective, oldest first."""
        return self._by_objective.get(objective_id, ())

    @property
    def objectives(self) -> Collection[str]:
        """Ids of the objectives that have any."""
        return self._by_objective.keys()

    def drops(self, objective_id: str, now_us: int) -> Drops:
        """What is left out of one objective, from 400 days back to the day after tomorrow."""
        found = self.of(objective_id)
        return drops_of(found, now_us) if found else NOTHING

    def less(self, correction_id: str) -> InForce:
        """Without one of them: what it would be if that had never been approved."""
        return InForce(
            {
                key: [one for one in found if one.id != correction_id]
                for key, found in self._by_objective.items()
            }
        )

    def plus(self, objective_ids: Sequence[str], correction: Correction) -> InForce:
        """With one more."""
        more: dict[str, Sequence[Correction]] = defaultdict(tuple, self._by_objective)
        for objective_id in objective_ids:
            more[objective_id] = (*more[objective_id], correction)
        return InForce(more)


def drops_of(corrections: Sequence[Correction], now_us: int) -> Drops:
    """What these leave out together, from 400 days back to the day after tomorrow."""
    return _drops_of(tuple(corrections), now_us // DAY_US)


@lru_cache(maxsize=4096)
def _drops_of(corrections: tuple[Correction, ...], day: int) -> Drops:
    from_us, to_us = day * DAY_US - HORIZON_US, (day + 2) * DAY_US
    return Drops(
        Drop(found.from_us, found.to_us, one.labels)
        for one in corrections
        for found in one.occurrences(from_us, to_us)
    )


NOBODY = InForce()
