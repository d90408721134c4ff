"""What is claimed of detection, by seed: times to the first page, and false pages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.bench.detect.shops import DAY_SLICES, Fault, Shop, payments, seconds_at, slice_at
from app.bench.detect.simulation import first_page, pages_of
from slo.replay.player import PlayedAlert

BEFORE_S = 7200
# Ordinary errors in the shops that a fault is found in: the long-run mean of the study.
ORDINARY_BURN = 0.5


@dataclass(frozen=True)
class Claim:
    """A fault (second 0 is its start) in a shop of `per_s` is paged within `within_s`."""

    name: str
    per_s: float
    fault: Fault
    within_s: float
    target: str = "0.995"


_FOREVER = 1e9
CLAIMS = (
    Claim("total outage at 1/s", 1, Fault(0, _FOREVER), 30),
    Claim("half of all attempts fail at 1/s", 1, Fault(0, _FOREVER, 0.5), 60),
    Claim(
        "one of two providers fails at 1/s",
        1,
        Fault(0, _FOREVER, labels=(("provider", "stripe"),)),
        60,
    ),
    Claim(
        "one country with 5 % of 100/s fails",
        100,
        Fault(0, _FOREVER, labels=(("country", "NL"),)),
        30,
    ),
)


def seconds_to_page(claim: Claim, seed: int) -> float:
    """From the fault's first moment, anywhere in a slice, to the pass that pages; else inf."""
    objective = payments(claim.target)
    late_s = float(np.random.default_rng([seed, 777]).uniform(0, 5))
    fault = claim.fault.later(BEFORE_S + late_s)
    errors = ORDINARY_BURN * float(objective.budget_ratio)
    last = slice_at(BEFORE_S + 2 * claim.within_s)
    counts = Shop(claim.per_s, errors, seed).counts(last, (fault,))
    page = first_page(counts, objective, slice_at(BEFORE_S) - 12, last)
    return float("inf") if page is None else seconds_at(page.opened_us) - fault.from_s


def false_pages(
    per_s: float, burn: float, days: float, seed: int, target: str = "0.995"
) -> list[PlayedAlert]:
    """Every page of a shop in which nothing is wrong and the budget is spent at `burn`."""
    objective = payments(target)
    shop = Shop(per_s, burn * float(objective.budget_ratio), seed)
    return pages_of(shop.counts(round(days * DAY_SLICES)), objective)


def noisy_pages(per_s: float, days: int, seed: int, target: str = "0.995") -> list[PlayedAlert]:
    """The same with days and nights, waves of errors, deploy bumps and retry storms."""
    objective = payments(target)
    errors = 0.4 * float(objective.budget_ratio)
    shop = Shop(per_s, errors, seed, daily=True, noise=True)
    return pages_of(shop.counts(round(days * DAY_SLICES)), objective)


def slow_burn_pages(per_s: float, seed: int, target: str = "0.995") -> list[PlayedAlert]:
    """Six hours at burn 3, after a day at half budget."""
    objective = payments(target)
    budget = float(objective.budget_ratio)
    shop = Shop(per_s, budget / 2, seed)
    slow = Fault(86_400, 86_400 + 6 * 3600, share=2.5 * budget)
    return pages_of(shop.counts(DAY_SLICES + slice_at(7 * 3600), (slow,)), objective)


def bump_pages(
    per_s: float, share: float, lasts_s: float, seed: int, target: str = "0.995"
) -> list[PlayedAlert]:
    """One deploy that fails `share` of all attempts for `lasts_s`."""
    objective = payments(target)
    begin_s = 3600 + float(np.random.default_rng([seed, 20]).uniform(0, 5))
    bump = Fault(begin_s, begin_s + lasts_s, share)
    shop = Shop(per_s, ORDINARY_BURN * float(objective.budget_ratio), seed)
    return pages_of(shop.counts(slice_at(2 * 3600), (bump,)), objective)
