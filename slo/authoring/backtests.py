"""What each changed objective of a plan would have done, beside what the running one would have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from kernel.errors import NotConfigured
from slo.objective import Objective
from slo.replay.service import BacktestService

_FIGURES = ("text", "pages", "false_pages", "tickets", "median_detection_s", "note")


def add_backtests(
    document: dict[str, Any],
    sets: tuple[Mapping[str, Objective], Mapping[str, Objective]],
    backtests: Callable[[], AbstractContextManager[BacktestService]],
    since_s: int,
) -> None:
    """Put `backtest` beside each change of an objective: `{before, after}`, figures only.

    `sets`: the running objectives and the wanted ones. Without stores there is no history: a note
    says so, and the plan stands as it is.
    """
    changed = [one for one in document["changes"] if one["change"] == "changed"]
    if not changed:
        return
    running, wanted = sets
    try:
        with backtests() as service:
            for change in changed:
                name = change["id"]
                change["backtest"] = {
                    moment: _figures(
                        service.run("", since_s, {name: objectives[name]}, running=running)
                    )
                    for moment, objectives in (("before", running), ("after", wanted))
                }
    except NotConfigured as error:
        document["notes"].append(f"no backtest: {error}")


def _figures(found: dict[str, Any]) -> dict[str, Any]:
    [one] = found["backtests"]
    return {name: one.get(name) for name in _FIGURES}
