"""The classic multi-window tiers, chosen by the objective's window length. Pure, exact.

A tier fires when the burn of its long and of its short window both reach its factor, and at least
`min_bad_events` of the long window's alert counts are bad. A paging one must also be beyond chance:
P(Binomial(N, 1 - target) >= X) <= 1e-7 over its long window (ADR "A page is beyond chance").

Shares: DESIGN 5, after the Site Reliability Workbook (28-31 d) and Datadog's 90 d set; the first
two page, the others are tickets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from kernel.clock import SECOND_US
from kernel.errors import BadInput
from slo.binomial import lower_tail, upper_tail
from slo.burn_rate import factor_for_share, maximum_burn, reaches
from slo.objective import Objective

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
UNREACHABLE_SHARE = Fraction(4, 5)
# A tier is stale once the newest 60 s or 120 s show, with this error risk, a burn below its factor.
COOLED_RISK = 0.01
# A shop that keeps its promise exactly (burn 1) must page nobody by chance. 1e-7 costs two more
# failures than the floor of five at one attempt a minute (99.5 %), and nothing at ten an hour.
PAGE_ALPHA = 1e-7
# One impatient customer makes many raw failures: without a key four times as many are wanted.
KEYLESS_TIMES = 4

_WINDOWS = (
    ("1h", HOUR_S, 5 * MINUTE_S, True),
    ("6h", 6 * HOUR_S, 30 * MINUTE_S, True),
    ("1d", DAY_S, 2 * HOUR_S, False),
    ("3d", 3 * DAY_S, 6 * HOUR_S, False),
)
# (shortest length, longest length, shares of budget per tier)
_SETS: tuple[tuple[int, int, tuple[Fraction, ...]], ...] = (
    (7 * DAY_S, 7 * DAY_S, tuple(Fraction(n, 1000) for n in (80, 125, 200, 420))),
    (28 * DAY_S, 31 * DAY_S, tuple(Fraction(n, 100) for n in (2, 5, 10, 10))),
    (90 * DAY_S, 90 * DAY_S, tuple(Fraction(n, 100) for n in (1, 3, 5, 5))),
)


@dataclass(frozen=True)
class Tier:
    """One pair of windows. `lowered_from` is the default factor where that could never fire."""

    name: str
    long_s: int
    short_s: int
    factor: Fraction
    page: bool
    lowered_from: Fraction | None = None


@dataclass(frozen=True)
class WindowCounts:
    """Alert counts of one tier's two windows, and of the newest 120 s and 60 s."""

    long_bad: int
    long_total: int
    short_bad: int
    short_total: int
    recent_bad: int = 0
    recent_total: int = 0
    newest_bad: int = 0
    newest_total: int = 0
    long_keyless: int = 0  # bad attempts of the long window without a customer key, counted raw


def default_tiers(window_s: int, budget: Fraction) -> tuple[Tier, ...]:
    """Tiers of an objective with a window of `window_s` and `budget` = 1 - target.

    Lengths between the sets keep the nearest set's factors; tiers whose long window is longer
    than the objective's own are left out.
    """
    low, high, shares = min(_SETS, key=lambda one: _distance(window_s, one[0], one[1]))
    length_s = min(max(window_s, low), high)
    tiers = []
    for (name, long_s, short_s, page), share in zip(_WINDOWS, shares, strict=True):
        if long_s > window_s:
            continue
        factor = factor_for_share(share, length_s, long_s)
        if factor > maximum_burn(budget):
            lowered = UNREACHABLE_SHARE / budget
            tiers.append(Tier(name, long_s, short_s, lowered, page, lowered_from=factor))
        else:
            tiers.append(Tier(name, long_s, short_s, factor, page))
    return tuple(tiers)


def tiers_of(objective: Objective) -> tuple[Tier, ...]:
    """The tiers that watch an objective: those its file writes down, else the default ones."""
    if objective.tiers:
        return tuple(
            Tier(one.name, one.long_s, one.short_s, one.factor, one.page) for one in objective.tiers
        )
    return default_tiers(objective.window.seconds, objective.budget_ratio)


def remember_closed_us(objective: Objective) -> int:
    """How long a closed alert is remembered: the longest short window may still hold its cause."""
    longest_s = max(short_s for _, _, short_s, _ in _WINDOWS)
    return max([longest_s, *(one.short_s for one in objective.tiers)]) * SECOND_US


def reach_us(objective: Objective) -> int:
    """How far back any rule of alerting looks for failures: the longest window, with a margin."""
    longest_s = max(long_s for _, long_s, _, _ in _WINDOWS)
    written_s = [one.long_s for one in objective.tiers]
    return (max([longest_s, *written_s]) + HOUR_S) * SECOND_US


def written_tier(tier: Tier, budget: Fraction) -> Tier:
    """A tier somebody wrote down. Raises BadInput where it could never fire."""
    if tier.factor > maximum_burn(budget):
        raise BadInput(
            f"the factor {float(tier.factor):g} can never be reached: a total outage burns at "
            f"{float(maximum_burn(budget)):g}",
            hint="lower the factor, or raise the target",
        )
    return tier


def reports(tiers: Sequence[Tier]) -> list[str]:
    """One sentence per lowered tier."""
    return [
        f"tier {tier.name}: the usual factor {float(tier.lowered_from):g} could never fire with "
        f"this target, so {float(tier.factor):g} is used"
        for tier in tiers
        if tier.lowered_from is not None
    ]


def fires(tier: Tier, counts: WindowCounts, budget: Fraction, min_bad_events: int) -> bool:
    """True where both windows reach the factor, enough is bad, and it still burns."""
    return (
        _enough_bad(counts, min_bad_events)
        and reaches(counts.long_bad, counts.long_total, tier.factor, budget)
        and reaches(counts.short_bad, counts.short_total, tier.factor, budget)
        and (not tier.page or beyond_chance(counts, budget))
        and not cooled(tier, counts.recent_bad, counts.recent_total, budget)
        and not cooled(tier, counts.newest_bad, counts.newest_total, budget)
    )


def beyond_chance(counts: WindowCounts, budget: Fraction) -> bool:
    """True where a shop that keeps its promise exactly would hardly ever show these failures.

    Failures without a key may all be one customer's: they count only where there are many of them
    (see `KEYLESS_TIMES`), and then as so many fewer.
    """
    keyed = counts.long_bad - counts.long_keyless
    customers = keyed + counts.long_keyless // KEYLESS_TIMES
    return upper_tail(customers, counts.long_total, float(budget)) <= PAGE_ALPHA


def cooled(tier: Tier, bad: int, total: int, budget: Fraction) -> bool:
    """True where the newest 60 s or 120 s alone prove a burn below the tier's factor.

    The short window otherwise keeps a page open for its whole length after every outage, and the
    30 min one for half an hour. With little traffic nothing is proven and the windows decide.
    """
    threshold = tier.factor * budget
    if total <= 0 or Fraction(bad, total) >= threshold:
        return False
    return lower_tail(bad, total, float(threshold)) <= COOLED_RISK


def _enough_bad(counts: WindowCounts, min_bad_events: int) -> bool:
    keyed = counts.long_bad - counts.long_keyless
    return keyed >= min_bad_events or counts.long_bad >= KEYLESS_TIMES * min_bad_events


def _distance(window_s: int, low: int, high: int) -> int:
    return max(low - window_s, window_s - high, 0)
