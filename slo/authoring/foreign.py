"""Sloth's SLOs as OpenSLO v1: Prometheus measures them, so they are valid and not counted here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from slo.openslo.export import dump
from slo.openslo.metadata import LONGEST_TEXT
from slo.openslo.scope import API_VERSION
from slo.sloth.model import DAY_S, Indicator, SlothSlo

SOURCE_TYPE = "Prometheus"
LONGEST_NAME = 63


def openslo_of_sloth(slos: Sequence[SlothSlo], origin: str) -> tuple[str, list[str]]:
    """(OpenSLO documents of a spec's SLOs, notes for its author)."""
    where = "`tillwatch slo rules --sloth` makes its rules from the spec itself"
    notes = [f"{origin}: Prometheus measures what it asks, the ledger does not count it; {where}"]
    cut = [one.id for one in slos if len(one.description) > LONGEST_TEXT]
    notes += [f"{origin}: the description of {name} is cut to {LONGEST_TEXT}" for name in cut]
    return dump([_document(one) for one in slos]), notes


def _document(slo: SlothSlo) -> dict[str, Any]:
    name = _label(slo.id)
    percent = Decimal(repr(slo.objective_percent))
    spec: dict[str, Any] = {}
    if slo.description:
        spec["description"] = slo.description[:LONGEST_TEXT]
    spec |= {
        "service": _label(slo.service),
        "indicator": {
            "metadata": {"name": name},
            "spec": {"ratioMetric": _ratio(slo.indicator)},
        },
        "timeWindow": [{"duration": f"{slo.period_s // DAY_S}d", "isRolling": True}],
        "budgetingMethod": "Occurrences",
        "objectives": [{"targetPercent": percent}],
    }
    return {"apiVersion": API_VERSION, "kind": "SLO", "metadata": {"name": name}, "spec": spec}


def _ratio(indicator: Indicator) -> dict[str, Any]:
    if indicator.ratio_query:
        return {"rawType": "failure", "raw": _query(indicator.ratio_query)}
    return {
        "counter": True,
        "bad": _query(indicator.error_query),
        "total": _query(indicator.total_query),
    }


def _query(text: str) -> dict[str, Any]:
    return {"metricSource": {"type": SOURCE_TYPE, "spec": {"query": text}}}


def _label(text: str) -> str:
    """OpenSLO's names are narrower than Sloth's: other characters become dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:LONGEST_NAME].strip("-") or "sloth"
