"""How long people and code took, from the records of the audit log alone. Pure.

Times are whole milliseconds. MTTA: opened to acknowledged. MTTR: onset to over. Time to decision:
an approval asked for to the first decision about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from kernel.clock import parse_rfc3339

_OPENED = frozenset({"incident.opened", "incident.split_off"})
_TAKEN = frozenset({"incident.acknowledged", "incident.taken_over"})
_OVER = frozenset({"incident.resolved", "incident.closed"})
# Judged otherwise: no incident of its own, so it has no times.
_NONE = frozenset({"incident.not_an_incident", "incident.merged"})


@dataclass(frozen=True)
class Happened:
    """One record: its type, when it was written, and the approval it is about, if any."""

    type: str
    at: str
    approval: str = ""


@dataclass(frozen=True)
class IncidentTimes:
    """What can be said of one incident; None where it did not happen. `with_ai`: a model's brief
    was taken before anybody decided anything.
    """

    to_brief_ms: int | None = None
    to_acknowledge_ms: int | None = None
    to_recover_ms: int | None = None
    to_decide_ms: Sequence[int] = ()
    with_ai: bool = False
    counts: bool = True


def times(onset_us: int, records: Iterable[Happened]) -> IncidentTimes:
    """The times of one incident from its records, oldest first.

    Of what happened several times the first counts, but for the end: one that was opened again is
    over when it was over last.
    """
    firsts: dict[str, int] = {}
    asked: dict[str, int] = {}
    decided: dict[str, int] = {}
    model_us = over_us = None
    counts = True
    for one in records:
        at_us = parse_rfc3339(one.at)
        kind = _kind(one.type)
        firsts.setdefault(kind, at_us)
        if one.type == "approval.requested":
            asked.setdefault(one.approval, at_us)
        elif one.type == "approval.decision":
            decided.setdefault(one.approval, at_us)
        elif one.type == "ai.suggestion" and model_us is None:
            model_us = at_us
        over_us = at_us if kind == "over" else None if kind == "again" else over_us
        counts = counts and kind != "none"
    opened_us = firsts.get("opened")
    first_decision = min([*decided.values(), *_some(firsts.get("taken"))], default=None)
    return IncidentTimes(
        to_brief_ms=_between(opened_us, firsts.get("incident.brief")),
        to_acknowledge_ms=_between(opened_us, firsts.get("taken")),
        to_recover_ms=_between(onset_us, over_us),
        to_decide_ms=tuple(
            (decided[name] - asked[name]) // 1_000 for name in asked if name in decided
        ),
        with_ai=model_us is not None and (first_decision is None or model_us <= first_decision),
        counts=counts,
    )


@dataclass(frozen=True)
class Averages:
    """Of `incidents` incidents; `rests_on` says how many each figure is of, None of none."""

    incidents: int = 0
    mtta_ms: int | None = None
    mttr_ms: int | None = None
    median_decision_ms: int | None = None
    rests_on: Mapping[str, int] = field(default_factory=dict)


def averages(found: Sequence[IncidentTimes]) -> Averages:
    """Means of acknowledging and recovery, and the median of decisions."""
    counted = [one for one in found if one.counts]
    taken = [one.to_acknowledge_ms for one in counted if one.to_acknowledge_ms is not None]
    over = [one.to_recover_ms for one in counted if one.to_recover_ms is not None]
    decisions = [one for each in counted for one in each.to_decide_ms]
    return Averages(
        incidents=len(counted),
        mtta_ms=sum(taken) // len(taken) if taken else None,
        mttr_ms=sum(over) // len(over) if over else None,
        median_decision_ms=int(median(decisions)) if decisions else None,
        rests_on={"mtta": len(taken), "mttr": len(over), "decision": len(decisions)},
    )


def with_and_without_ai(found: Sequence[IncidentTimes]) -> tuple[Averages, Averages]:
    """The averages of incidents with a model's brief, and of those without."""
    return (
        averages([one for one in found if one.with_ai]),
        averages([one for one in found if not one.with_ai]),
    )


def _kind(record_type: str) -> str:
    groups = {"opened": _OPENED, "taken": _TAKEN, "over": _OVER, "none": _NONE}
    for name, types in groups.items():
        if record_type in types:
            return name
    return "again" if record_type == "incident.reopened" else record_type


def _between(from_us: int | None, to_us: int | None) -> int | None:
    return None if from_us is None or to_us is None else max(0, to_us - from_us) // 1_000


def _some(value: int | None) -> list[int]:
    return [] if value is None else [value]
