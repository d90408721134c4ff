"""What the page of one objective shows."""

from __future__ import annotations

from typing import Any

from dashboards.corrections import correction_values
from dashboards.forecast import RATE_OVER_S, forecast
from dashboards.readers import Readers, document, documents
from dashboards.sentences import slo_sentence
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US

# range -> (length, step): about 60 to 340 points each.
RANGES = {
    "1h": (HOUR_US, MINUTE_US),
    "6h": (6 * HOUR_US, 5 * MINUTE_US),
    "1d": (DAY_US, 10 * MINUTE_US),
    "7d": (7 * DAY_US, HOUR_US),
    "28d": (28 * DAY_US, 2 * HOUR_US),
}

_SEGMENTS = 20
_INCIDENTS = 10


def slo_values(readers: Readers, slo_id: str, span: str) -> dict[str, Any]:
    """Values of the template; an unknown range is the six-hour one."""
    span = span if span in RANGES else "6h"
    length_us, step_us = RANGES[span]
    slo = document(readers.slo(slo_id))
    to_us = readers.clock.now_us() // step_us * step_us + step_us
    series = readers.slo_series(slo_id, to_us - length_us, to_us, step_us // SECOND_US)
    segments = sorted(slo["segments"], key=lambda one: -one["counts"]["bad"])
    failing = [one for one in segments if one["counts"]["bad"]]
    hit = [one for one in documents(readers.incidents()) if slo_id in one["slos"]]
    return {
        "slo": slo,
        "sentence": slo_sentence(slo),
        "gate": document(readers.gate(slo["service"])),
        "gone": "" if slo["forecast"] else budget_forecast(readers, slo),
        "incidents": hit[:_INCIDENTS],
        "segments": failing[:_SEGMENTS],
        "more_segments": len(failing[_SEGMENTS:]),
        "healthy_segments": len(segments) - len(failing),
        "span": span,
        "ranges": list(RANGES),
        "sli_chart": sli_chart(series, float(slo["target"])),
        "volume_chart": volume_chart(series),
        "points": [one for one in series if one["good"] + one["bad"]][-12:],
        "corrections": correction_values(readers, slo),
        "live": "counts",
    }


def budget_forecast(readers: Readers, slo: dict[str, Any]) -> str:
    """How long the budget lasts at the newest rate; "" where nothing useful can be said."""
    slice_us = 5 * SECOND_US
    to_us = readers.clock.now_us() // slice_us * slice_us
    from_us = to_us - RATE_OVER_S * SECOND_US
    return forecast(slo, readers.slo_series(slo["id"], from_us, to_us, 5))


def sli_chart(series: Any, target: float) -> dict[str, Any]:
    """Share of good units over time; a step without units is a gap, not a value."""
    times = [one["at_us"] // SECOND_US for one in series]
    shares = [
        None if not one["good"] + one["bad"] else round(100 * _share(one), 4) for one in series
    ]
    known = [share for share in shares if share is not None]
    return {
        "data": [times, shares, [100 * target] * len(times)],
        "series": [
            {"label": "good %", "colour": "--accent"},
            {"label": "target %", "colour": "--soft", "dashed": True},
        ],
        "ceiling": 100,
        "floor": max(0, min([*known, 100 * target]) - 0.5),
    }


def volume_chart(series: Any) -> dict[str, Any]:
    """Good and bad units per step."""
    times = [one["at_us"] // SECOND_US for one in series]
    good, bad = ([one[key] for one in series] for key in ("good", "bad"))
    return {
        "data": [times, good, bad],
        "series": [{"label": "good", "colour": "--ok"}, {"label": "bad", "colour": "--broken"}],
        "floor": 0,
    }


def _share(point: Any) -> float:
    return float(point["good"]) / float(point["good"] + point["bad"])
