"""`tillwatch bench forecast`: do the intervals of budget forecasts hold what came?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kernel.terminal import render_table
from slo.forecast.backtest import cases, coverage
from slo.forecast.streams import KINDS

GOAL = (0.75, 0.85)


def forecast_coverage(seeds: Iterable[int]) -> dict[str, Any]:
    """Coverage of the 80 % interval over all kinds of stream, and by kind.

    `never_wrong` of `never`: forecasts that the budget would not be spent, and it was.
    """
    found = list(cases(seeds))
    sums = [coverage(found, kind) for kind in ("", *KINDS)]
    return {
        "rows": [
            {
                "case": one.kind,
                "ours": None if one.share is None else round(one.share, 4),
                "peer": None,
                "ratio": None,
                "unit": "share held",
                "forecasts": one.forecasts,
                "spent_later": one.too_early,
                "spent_earlier": one.too_late,
                "never": one.never,
                "never_wrong": one.never_wrong,
            }
            for one in sums
        ],
        "goal": list(GOAL),
    }


def render_forecast(document: dict[str, Any]) -> str:
    """The coverage as a table for people."""
    head = ("stream", "forecasts", "held", "spent earlier", "spent later", "never", "never wrong")
    rows = [
        (
            row["case"],
            row["forecasts"],
            "-" if row["ours"] is None else f"{100 * row['ours']:.1f} %",
            row["spent_earlier"],
            row["spent_later"],
            row["never"],
            row["never_wrong"],
        )
        for row in document["rows"]
    ]
    return render_table(head, rows)
