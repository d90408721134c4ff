"""What pages when: an objective's tiers as burn, error ratio, time and share of budget. Pure.

Times are those of a steady fault that begins after a clean history, with traffic that is even.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from slo.burn_rate import seconds_to_trip, share_spent
from slo.fast_tier import MIN_BAD, WINDOWS_S, reference_ratio
from slo.objective import Objective
from slo.tiers import reports, tiers_of

# Error ratios for which the time is told: everything fails, and the vector V5's fifteen percent.
FAULTS: Final[Mapping[str, Fraction]] = {"all": Fraction(1), "fifteen": Fraction(15, 100)}


def watch_of(objective: Objective) -> dict[str, Any]:
    """The tiers as a JSON document; a time is null where the fault never trips the tier."""
    budget, window_s = objective.budget_ratio, objective.window.seconds
    tiers = [
        {
            "tier": tier.name,
            "long_s": tier.long_s,
            "short_s": tier.short_s,
            "factor": float(tier.factor),
            "error_ratio": float(tier.factor * budget),
            "share_spent": float(share_spent(tier.factor, tier.long_s, window_s)),
            "trips_s": {
                name: _finite(seconds_to_trip(ratio, tier.factor, budget, tier.long_s))
                for name, ratio in FAULTS.items()
            },
            "page": tier.page,
        }
        for tier in tiers_of(objective)
    ]
    return {
        "id": objective.id,
        "name": objective.display_name,
        "target": float(objective.target),
        "window_s": window_s,
        "min_bad_events": objective.min_bad_events,
        "fast_tier": _fast(objective) if objective.fast_tier else None,
        "tiers": tiers,
        "notes": [] if objective.tiers else reports(tiers_of(objective)),
    }


def _fast(objective: Objective) -> dict[str, Any]:
    ratios = {
        window_s: reference_ratio(objective.budget_ratio, window_s, objective.bump_allowance_s)
        for window_s in WINDOWS_S
    }
    return {
        "min_bad": MIN_BAD,
        "windows": [
            {"window_s": window_s, "error_ratio": float(ratio)}
            for window_s, ratio in ratios.items()
        ],
    }


def _finite(seconds: float) -> float | None:
    return None if seconds == float("inf") else seconds
