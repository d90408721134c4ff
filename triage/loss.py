"""What the shop loses by an incident, asked of the account of the till."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kernel.clock import HOUR_US, MINUTE_US, SECOND_US
from kernel.errors import TillwatchError
from triage.incident import Impact, IncidentState, rate_window
from triage.models import IncidentRow
from triage.ports import Budgets

_UNREACHABLE = (TillwatchError, OSError, sqlite3.Error)


@dataclass(frozen=True)
class Loss:
    """The objective that is hit hardest, its numbers, and what is lost per minute just now."""

    objective_id: str
    impact: Impact
    lost_per_minute: tuple[Mapping[str, Any], ...] = ()


def measure(budgets: Budgets | None, row: IncidentRow, now_us: int) -> Loss | None:
    """None where the account cannot say. Objectives overlap: their numbers are never added up."""
    if budgets is None:
        return None
    until_us = row.resolved_us or now_us
    found: list[tuple[int, int, str, Impact]] = []
    for objective_id in row.objective_ids:
        try:
            impact = _impact(budgets, objective_id, row.onset_us, until_us)
        except _UNREACHABLE:
            continue
        money = sum((impact.bad_minor or {}).values())
        found.append((money, impact.bad, objective_id, impact))
    if not found:
        return None
    _, _, objective_id, impact = max(found, key=lambda one: one[:3])
    over = row.state == IncidentState.RESOLVED
    rates = () if over else _lost_per_minute(budgets, objective_id, row.onset_us, until_us)
    return Loss(objective_id, impact, rates)


def with_missing(impact: Impact, missing: Mapping[str, Any] | None) -> Impact:
    """Attempts that did not begin added to those that failed."""
    if not missing or not missing.get("minutes"):
        return impact
    minutes = float(missing["minutes"])
    return replace(
        impact,
        missing_low=missing["low"] / minutes,
        missing_minor_low={one["currency"]: one["low_minor"] / minutes for one in missing["money"]},
    )


def stored(loss: Loss, missing: Mapping[str, Any] | None, span: tuple[int, int]) -> dict[str, Any]:
    """The loss since `span[0]` as the incident keeps it."""
    numbers = loss.impact
    return {
        "objective": loss.objective_id,
        "bad": numbers.bad,
        "total": numbers.total,
        "bad_minor": dict(numbers.bad_minor or {}),
        "lost_minor": dict(numbers.lost_minor or {}),
        "orders_per_minute": round(numbers.orders_per_minute, 2),
        "money_per_minute": round(numbers.money_per_minute, 2),
        "from_us": span[0],
        "to_us": span[1],
        "lost_per_minute": [dict(one) for one in loss.lost_per_minute],
        **({"missing": dict(missing)} if missing else {}),
    }


def on_slices(from_us: int, to_us: int) -> tuple[int, int]:
    """Widened to slice borders: 5 s, and 1 min for what is older than about 2 h."""
    slice_us = 5 * SECOND_US if to_us - from_us < 2 * HOUR_US else MINUTE_US
    return from_us // slice_us * slice_us, -(-to_us // slice_us) * slice_us


def _impact(budgets: Budgets, objective_id: str, onset_us: int, until_us: int) -> Impact:
    from_us, to_us = on_slices(onset_us, until_us)
    whole = budgets.impact(objective_id, {}, from_us, to_us)
    recent_from, recent_to = on_slices(*rate_window(onset_us, until_us))
    recent = budgets.impact(objective_id, {}, recent_from, recent_to)
    return Impact(
        bad=whole.bad,
        total=whole.total,
        bad_minor=dict(whole.bad_minor),
        lost_minor=dict(whole.lost),
        recent_bad=recent.bad,
        recent_bad_minor=dict(recent.bad_minor),
        minutes=(recent_to - recent_from) / MINUTE_US,
    )


def _lost_per_minute(
    budgets: Budgets, objective_id: str, onset_us: int, until_us: int
) -> tuple[Mapping[str, Any], ...]:
    try:
        found = budgets.lost_rates(objective_id, *on_slices(*rate_window(onset_us, until_us)))
    except _UNREACHABLE:
        return ()
    return tuple(
        {
            "currency": one.currency,
            "low_minor": one.low_minor,
            "mid_minor": one.per_minute_minor,
            "high_minor": one.high_minor,
        }
        for one in sorted(found, key=lambda one: -one.per_minute_minor)
        if one.per_minute_minor
    )
