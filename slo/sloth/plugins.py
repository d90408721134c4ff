"""SLO plugins: Go programs that change Sloth's rules. The core ones are what our rules do anyway.

One of them is a choice that we have, too: `sloth.dev/core/sli_rules/v1` with `disableOptimized`
makes the period rule from the queries themselves instead of a mean of recorded ratios.
"""

from __future__ import annotations

from typing import Any

from slo.openslo.problems import Problems

SLI_RULES = "sloth.dev/core/sli_rules/v1"
_CORE = {
    SLI_RULES,
    "sloth.dev/core/validate/v1",
    "sloth.dev/core/metadata_rules/v1",
    "sloth.dev/core/alert_rules/v1",
    "sloth.dev/core/noop/v1",
}


def asks_for_weighted_period(value: Any, path: str, problems: Problems) -> bool:
    """True where the chain switches the mean of ratios off; faults for all that is not known."""
    if value is None:
        return False
    fields = problems.fields(value, path, ("chain", "overridePrevious", "override_previous"))
    chain = fields.get("chain")
    if not isinstance(chain, list):
        problems.add(f"{path}.chain", "" if chain is None else chain, "a list of plugins is wanted")
        return False
    found = [_one(one, f"{path}.chain[{index}]", problems) for index, one in enumerate(chain)]
    return any(found)


def _one(value: Any, path: str, problems: Problems) -> bool:
    fields = problems.fields(value, path, ("id", "config", "priority"), ("id",))
    name = fields.get("id")
    if name is not None and name not in _CORE:
        problems.add(
            f"{path}.id",
            name,
            "an SLO plugin is a Go program that Sloth runs and cannot be run here; known: "
            + ", ".join(sorted(_CORE)),
        )
        return False
    config = fields.get("config")
    if config is None:
        return False
    known = ("disableOptimized",) if name == SLI_RULES else ()
    return problems.fields(config, f"{path}.config", known).get("disableOptimized") is True
