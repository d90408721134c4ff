"""Is it good again? Asked after an action, answered from the newest attempts only.

Each objective is judged on the newest 60 s since the action, or on 120 s where 60 s hold too few
attempts: recovered at or below 3.6 x its budget ratio with at least 20 attempts, 5 in a segment.
Traffic that was routed away leaves its segment empty (nothing in 60 s; what was under way may still
have failed before): then the objective as a whole decides. Where both have attempts, both must be
good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from slo.alert_state import is_calm
from slo.fast_tier import Counts

LEAST_S = 60
SPANS_S = (60, 120)
ENOUGH = 20
ENOUGH_SEGMENT = 5

State = Literal["recovered", "not_yet", "no_data"]


@dataclass(frozen=True)
class RecoveryVerdict:
    """The state, and the numbers behind it (`<objective>.bad`, `.total`, `.segment_bad` ...)."""

    state: State
    numbers: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class RecoverySample:
    """Attempts of one objective since the action, in the newest 60 s and 120 s (SPANS_S).

    `observed_s`: seconds since the action. `segment` is None where none was asked for.
    """

    objective_id: str
    budget: Fraction
    observed_s: int
    no_data: bool
    whole: Sequence[Counts]
    segment: Sequence[Counts] | None = None


def judge(samples: Sequence[RecoverySample]) -> RecoveryVerdict:
    """The worst of all objectives: not_yet before no_data before recovered."""
    numbers: dict[str, int | str] = {}
    states: set[State] = set()
    for sample in samples:
        state = _judge_one(sample)
        states.add(state)
        name = sample.objective_id
        whole = _enough(sample.whole, ENOUGH)
        numbers[f"{name}.state"] = state
        numbers[f"{name}.bad"] = whole.bad
        numbers[f"{name}.total"] = whole.total
        numbers[f"{name}.observed_s"] = sample.observed_s
        if sample.segment is not None:
            part = _enough(sample.segment, ENOUGH_SEGMENT)
            numbers[f"{name}.segment_bad"] = part.bad
            numbers[f"{name}.segment_total"] = part.total
    for state in ("not_yet", "no_data"):
        if state in states:
            return RecoveryVerdict(state, numbers)
    return RecoveryVerdict("recovered" if states else "no_data", numbers)


def _judge_one(sample: RecoverySample) -> State:
    if sample.no_data:
        return "no_data"
    if sample.observed_s < LEAST_S:
        return "not_yet"
    whole = _enough(sample.whole, ENOUGH)
    if whole.total == 0:
        return "no_data"
    least = ENOUGH
    if sample.segment is not None:
        part = _enough(sample.segment, ENOUGH_SEGMENT)
        moved_away = sample.segment[0].total == 0
        if part.total >= ENOUGH_SEGMENT and not moved_away:
            if not is_calm(part.bad, part.total, sample.budget):
                return "not_yet"
            least = ENOUGH_SEGMENT
        elif sample.segment[0].bad:
            return "not_yet"
    if whole.total < least or not is_calm(whole.bad, whole.total, sample.budget):
        return "not_yet"
    return "recovered"


def _enough(spans: Sequence[Counts], least: int) -> Counts:
    """The shortest span with at least `least` attempts, else the longest."""
    return next((one for one in spans if one.total >= least), spans[-1])
