"""The library of incidents: one story each, made by a seed, played to us and to the peer alike.

A story has an hour and ten minutes of ordinary traffic, then the incident, then a quarter of an
hour (or more, where little traffic closes an alert late).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.bench.detect.counts import ArrayCounts
from app.bench.detect.shops import KEYS, START_US, Fault, Shop, slice_at

BEFORE_S = 4200
AFTER_S = 900
QUIET_AFTER_S = 2700
TARGET = "0.995"
_BUDGET = 0.005


@dataclass(frozen=True)
class Incident:
    """`lasts_s` 0: nothing is wrong, and nobody may be paged.

    `hangs`: what fails gets no outcome at all. `single`: this many lone failures among attempts at
    even distances, no random traffic.
    """

    name: str
    per_s: float
    lasts_s: float
    faults: tuple[Fault, ...] = ()
    burn: float = 0.4
    hangs: bool = False
    single: int = 0

    @property
    def pages(self) -> bool:
        """True where somebody should be woken."""
        return self.lasts_s > 0

    @property
    def story_s(self) -> float:
        """How long the whole story takes."""
        after_s = AFTER_S if self.per_s >= 1 else QUIET_AFTER_S
        return BEFORE_S + max(self.lasts_s, AFTER_S) + after_s

    def starts_s(self, seed: int) -> float:
        """When it begins: anywhere inside of a slice."""
        return BEFORE_S + float(np.random.default_rng([seed, 31]).uniform(0, 5))

    def counts(self, seed: int) -> ArrayCounts:
        """Attempts and failures of the whole story."""
        slices = slice_at(self.story_s)
        if self.single:
            return self._lone(slices)
        late_s = self.starts_s(seed)
        faults = tuple(one.later(late_s) for one in self.faults)
        return Shop(self.per_s, self.burn * _BUDGET, seed).counts(slices, faults)

    def _lone(self, slices: int) -> ArrayCounts:
        bad = np.zeros((len(KEYS), slices), dtype=np.int64)
        total = np.zeros_like(bad)
        total[0, :: round(1 / self.per_s / 5)] = 1
        at = np.nonzero(total[0])[0]
        bad[0, at[at >= slice_at(BEFORE_S)][: self.single]] = 1
        return ArrayCounts(KEYS, bad, total, START_US)


_TEN_MIN = 600.0
_STORM = (Fault(0, 30, 0.04), Fault(0, 30, 0.0, missing=-1.0))

INCIDENTS = (
    Incident("total outage", 5, _TEN_MIN, (Fault(0, _TEN_MIN),)),
    Incident("partial outage: half of all fail", 5, _TEN_MIN, (Fault(0, _TEN_MIN, 0.5),)),
    Incident(
        "one of two providers fails",
        5,
        _TEN_MIN,
        (Fault(0, _TEN_MIN, labels=(("provider", "adyen"),)),),
    ),
    Incident(
        "one country with 5 % fails",
        20,
        _TEN_MIN,
        (Fault(0, _TEN_MIN, labels=(("country", "NL"),)),),
    ),
    Incident("slow burn: 20 times for an hour", 5, 3600, (Fault(0, 3600, 0.1),)),
    Incident("hanging outage: no outcomes", 5, _TEN_MIN, (Fault(0, _TEN_MIN),), hangs=True),
    Incident("silent outage: no attempts", 5, _TEN_MIN, (Fault(0, _TEN_MIN, 0, missing=1),)),
    Incident("traffic drop to 30 %", 5, _TEN_MIN, (Fault(0, _TEN_MIN, 0, missing=0.7),)),
    Incident("total outage at one attempt a minute", 1 / 60, 1800, (Fault(0, 1800),)),
    Incident("single failure at 10 attempts an hour", 1 / 360, 0, single=1),
    Incident(
        "deploy bumps: 3 % for 20 s, four times",
        20,
        0,
        tuple(Fault(200.0 * place, 200.0 * place + 20, 0.03) for place in range(4)),
    ),
    Incident("retry storm: twice the attempts, 4 % bad, 30 s", 20, 0, _STORM),
    Incident("no fault, the budget just spent", 5, 0, burn=1.0),
)
