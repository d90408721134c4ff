"""At which step of the way to an order most checkouts are lost since the onset. Pure.

A checkout counts at every stage that any of its events shows; the ways on from stage to stage are
compared before and since, with many tests at once kept in check. Checkouts that have just begun
are left out: they had no time to go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from kernel.clock import MINUTE_US
from kernel.telemetry_store.port import EventRow
from triage.evidence.significance import benjamini_hochberg, enrichment_p

TYPES = (
    "checkout.started",
    "checkout.step_completed",
    "checkout.completed",
    "payment.attempted",
    "payment.authorized",
    "payment.succeeded",
    "payment.failed",
    "payment.expired",
)
START, PAYMENT, PAID, ORDER = "start", "payment", "paid", "order"
# What a checkout usually needs to go on.
SETTLING_US = MINUTE_US
MAX_STAGES = 12
_LEAST_Q = 1e-3
_LEAST_DROP = 0.1
_ENDS: Mapping[str, tuple[str, ...]] = {
    "payment.attempted": (PAYMENT,),
    "payment.failed": (PAYMENT,),
    "payment.expired": (PAYMENT,),
    "payment.authorized": (PAYMENT, PAID),
    "payment.succeeded": (PAYMENT, PAID),
    "checkout.completed": (PAYMENT, PAID, ORDER),
}


@dataclass(frozen=True)
class Way:
    """Of the checkouts that reached `stage`, how many went on to `following`."""

    stage: str
    following: str
    reached: int
    went_on: int
    reached_before: int
    went_on_before: int
    q_value: float = 1.0

    @property
    def share(self) -> float:
        """Since the onset."""
        return self.went_on / self.reached if self.reached else 0.0

    @property
    def share_before(self) -> float:
        """Before the onset."""
        return self.went_on_before / self.reached_before if self.reached_before else 0.0


def worst_way(rows: Iterable[EventRow], onset_us: int, to_us: int) -> Way | None:
    """The way on that became worst beyond chance (q <= 0.001, 10 points or more); None else."""
    seen = _journeys(rows)
    stages = _stages(seen)
    before = [one.reached for one in seen.values() if one.first_us < onset_us - SETTLING_US]
    since = [one.reached for one in seen.values() if onset_us <= one.first_us < to_us - SETTLING_US]
    ways = [_way(pair, since, before) for pair in pairwise(stages)]
    ways = [way for way in ways if way.reached and way.reached_before]
    values = [_p_value(way) for way in ways]
    tested = [
        replace(way, q_value=q) for way, q in zip(ways, benjamini_hochberg(values), strict=True)
    ]
    worse = [
        way
        for way in tested
        if way.q_value <= _LEAST_Q and way.share_before - way.share >= _LEAST_DROP
    ]
    return max(worse, key=lambda way: way.share_before - way.share, default=None)


@dataclass
class _Journey:
    first_us: int
    reached: set[str]


def _journeys(rows: Iterable[EventRow]) -> dict[str, _Journey]:
    found: dict[str, _Journey] = {}
    for row in rows:
        event = row.event
        if not event.checkout_id:
            continue
        one = found.setdefault(event.checkout_id, _Journey(event.time_us, {START}))
        one.first_us = min(one.first_us, event.time_us)
        if event.type == "checkout.step_completed" and event.step:
            one.reached.add(f"step {event.step}")
        one.reached.update(_ENDS.get(event.type, ()))
    return found


def _stages(seen: Mapping[str, _Journey]) -> list[str]:
    """In the order of the way: steps by how many reach them."""
    counts: dict[str, int] = {}
    for one in seen.values():
        for stage in one.reached:
            counts[stage] = counts.get(stage, 0) + 1
    steps = sorted(
        (stage for stage in counts if stage.startswith("step ")),
        key=lambda stage: (-counts[stage], stage),
    )
    ends = [stage for stage in (PAYMENT, PAID, ORDER) if stage in counts]
    return [START, *steps[: MAX_STAGES - 4], *ends]


def _way(pair: tuple[str, str], since: Sequence[set[str]], before: Sequence[set[str]]) -> Way:
    stage, following = pair

    def count(journeys: Sequence[set[str]]) -> tuple[int, int]:
        reached = [one for one in journeys if stage in one]
        return len(reached), sum(following in one for one in reached)

    return Way(stage, following, *count(since), *count(before))


def _p_value(way: Way) -> float:
    """One-sided: as many are lost since, or more, if nothing had changed."""
    lost = way.reached - way.went_on
    lost_before = way.reached_before - way.went_on_before
    return enrichment_p(lost, way.reached, lost + lost_before, way.reached + way.reached_before)
