"""Does the 80 % interval hold the truth in 80 % of cases? Forecasts on streams whose future is
known.

Counted are forecasts that name a first time (their lower end lies within one window): only those
say something that can be wrong. An upper end of "not within one window" holds whatever comes later
than the lower end. Forecasts of "never" are counted apart, with how often the budget was spent
after all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from slo.forecast.history import HOURS_A_DAY, RECENT_DAYS, History
from slo.forecast.outlook import outlook
from slo.forecast.paths import NEVER, hours_to_empty
from slo.forecast.streams import KINDS, Stream, stream

_EVERY_H = 41
_LONGEST_DAYS = 28


@dataclass(frozen=True)
class Case:
    """One forecast beside what came. Times in hours; infinite: not within one window."""

    kind: str
    low_h: float
    high_h: float
    at_pace_h: float
    true_h: float

    @property
    def held(self) -> bool:
        """True where the interval holds what came."""
        return self.low_h <= self.true_h <= self.high_h


@dataclass(frozen=True)
class Coverage:
    """How often the intervals held. `never_wrong` of `never` said "never" and were spent."""

    kind: str
    forecasts: int
    held: int
    too_early: int
    too_late: int
    never: int
    never_wrong: int

    @property
    def share(self) -> float | None:
        """Held / forecasts; None without a forecast."""
        return self.held / self.forecasts if self.forecasts else None


def cases(seeds: Iterable[int], kinds: Sequence[str] = KINDS) -> Iterator[Case]:
    """All forecasts of one stream of each kind per seed."""
    for seed in seeds:
        for kind in kinds:
            yield from _cases_of(stream(kind, seed, 3 * _LONGEST_DAYS), seed)


def coverage(found: Iterable[Case], kind: str = "") -> Coverage:
    """The sums over `found` (of one kind; "" is all)."""
    mine = [one for one in found if kind in ("", one.kind)]
    said = [one for one in mine if one.low_h < NEVER]
    never = [one for one in mine if one.low_h == NEVER]
    return Coverage(
        kind=kind or "all",
        forecasts=len(said),
        held=sum(1 for one in said if one.held),
        too_early=sum(1 for one in said if one.true_h > one.high_h),
        too_late=sum(1 for one in said if one.true_h < one.low_h),
        never=len(never),
        never_wrong=sum(1 for one in never if one.true_h < NEVER),
    )


def history_at(found: Stream, now_h: int) -> History:
    """What was known after `now_h` hours of the stream."""
    recent = found.hours[max(0, now_h - RECENT_DAYS * HOURS_A_DAY) : now_h]
    window = found.hours[now_h - found.window_h : now_h]
    return History(
        recent=recent,
        leaving=window,
        budget_ratio=found.budget_ratio,
        bad=sum(one.bad for one in window),
        total=sum(one.total for one in window),
        newest=[(1.0, recent[-1])],
    )


def _cases_of(found: Stream, seed: int) -> Iterator[Case]:
    first_h = _LONGEST_DAYS * HOURS_A_DAY
    for now_h in range(first_h + seed % _EVERY_H, len(found.hours) - found.window_h, _EVERY_H):
        history = history_at(found, now_h)
        if history.margin <= 0:
            continue
        said = outlook(history, seed)
        ratio = found.budget_ratio
        future = found.hours[now_h : now_h + found.window_h]
        coming = [ratio * one.total - one.bad for one in future]
        true_h = hours_to_empty(history.margin, coming, history.leaving_gains)
        if said.interval_h is not None:
            yield Case(found.kind, *said.interval_h, said.at_pace_h, true_h)
