"""The counting rule as a short hash. It changes when what is counted changes, and only then.

Target, window, slices, tiers, texts and the treatment of missing data are read from the same
counts, so editing them is free.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from slo.objective import Indicator, Objective, Selector


def with_generation(objective: Objective) -> Objective:
    """The objective with its `generation` filled in."""
    rule = {
        "unit": objective.indicator.unit_kind.value,
        "total": _selector_rule(objective.indicator.total),
        "good": _selector_rule(objective.indicator.good),
        "bad": _selector_rule(objective.indicator.bad),
        "threshold": _threshold_rule(objective.indicator),
        "segments": list(objective.segments),
        "deadlines": sorted((key, limit) for key, limit in objective.deadlines_s.items()),
    }
    text = json.dumps(rule, sort_keys=True, separators=(",", ":"))
    return replace(objective, generation=hashlib.sha256(text.encode()).hexdigest()[:12])


def _selector_rule(selector: Selector | None) -> Any:
    if selector is None:
        return None
    return [
        sorted(selector.events),
        {name: sorted(values) for name, values in selector.where.items()},
        {name: sorted(values) for name, values in selector.exclude_where.items()},
    ]


def _threshold_rule(indicator: Indicator) -> Any:
    found = indicator.threshold
    return None if found is None else [found.field, found.op, repr(found.limit)]
