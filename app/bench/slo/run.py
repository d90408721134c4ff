"""One run of `bench slo`: rows of ours, the peer's, and their ratio."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.bench.measure import machine
from app.bench.slo import peer
from app.bench.slo.ours import Judged, Till, events_a_cpu_second, rebuild_s
from app.garbage import collect_seldom
from kernel.errors import NotConfigured


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    objectives: int = 1000
    minutes: float = 3.0
    peer_history_h: float = 24.0
    counted_events: int = 200_000
    counted_objectives: int = 100
    rebuild_events: int = 500_000


def run(folder: Path, plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """The document of `bench slo --json`."""
    collect_seldom()  # as the engine does
    say(f"ours: 28 days of history of {plan.objectives} objectives")
    till = Till(folder / "judged", plan.objectives)
    till.fill_history()
    say(f"ours: {plan.minutes:g} min of passes")
    judged = till.judge(plan.minutes)
    late = till.late_cells()
    watching = till.objectives
    till.close()
    rows = _pass_rows(judged, plan)
    rows.append(_row("cells that one late payment changes", late, "cells", goal=None))
    say("ours: counting")
    speed = events_a_cpu_second(folder / "counted", plan.counted_objectives, plan.counted_events)
    case = f"counting with {plan.counted_objectives} objectives"
    rows.append(_row(case, round(speed), "events/s of one core", goal=50_000))
    took_s = rebuild_s(folder / "rebuilt", 6, plan.rebuild_events, say)
    case = f"a lost ledger counts 28 days with {plan.rebuild_events:,} events again"
    rows.append(
        _row(case, round(took_s, 1), "s", goal=180 if plan.rebuild_events >= 5_000_000 else None)
    )
    notes = []
    try:
        cost = peer.measure(folder / "peer", watching, plan.minutes, plan.peer_history_h, say)
        rows += _cost_rows(judged, cost)
        notes.append(
            f"the peer: {cost.rules} rules every {peer.EVALUATE_S} s, {cost.failing} failing,"
            f" {plan.peer_history_h:g} h of history; ours: a pass every 5 s over 28 days"
        )
    except NotConfigured as error:
        notes.append(f"no peer: {error}")
    return {"rows": rows, "notes": notes, "machine": machine()}


def _pass_rows(judged: Judged, plan: Plan) -> list[dict[str, Any]]:
    rounds_ms = sorted(1000 * one for one in judged.rounds_s)
    case = f"one full pass over {plan.objectives} objectives x 8 windows"
    return [
        _row(f"{case}, median", round(statistics.median(rounds_ms), 1), "ms", goal=50),
        _row(f"{case}, slowest", round(rounds_ms[-1], 1), "ms", goal=50),
        _row("its longest part without a rest", round(1000 * max(judged.stretches_s), 1), "ms", 50),
    ]


def _cost_rows(judged: Judged, cost: peer.PeerCost) -> list[dict[str, Any]]:
    theirs = cost.cpu_s / cost.minutes
    judging = judged.judging_cpu_s / judged.looked_minutes
    counting = judged.counting_cpu_s / judged.looked_minutes
    return [
        _compared("judging", judging, theirs, goal=0.05),
        _compared("judging, and counting the stream", judging + counting, theirs, goal=None),
    ]


def _compared(case: str, ours: float, theirs: float, goal: float | None) -> dict[str, Any]:
    row = _row(case, round(ours, 3), "CPU s a minute", goal)
    return {**row, "peer": round(theirs, 3), "ratio": round(ours / theirs, 4) if theirs else None}


def _row(case: str, ours: float, unit: str, goal: float | None) -> dict[str, Any]:
    return {"case": case, "ours": ours, "peer": None, "ratio": None, "unit": unit, "goal": goal}
