"""Specs for tests, made anew for each."""

from __future__ import annotations

import json
from typing import Any

from slo.sloth import SlothReading, read_sloth

ERRORS = 'sum(rate(http_requests_total{code=~"5.."}[{{.window}}]))'
TOTAL = "sum(rate(http_requests_total[{{.window}}]))"


def one_slo(**changes: Any) -> dict[str, Any]:
    slo = {
        "name": "requests",
        "objective": 99.9,
        "sli": {"events": {"error_query": ERRORS, "total_query": TOTAL}},
        "alerting": {"name": "TooManyErrors"},
    }
    return {name: value for name, value in {**slo, **changes}.items() if value is not None}


def spec(*slos: dict[str, Any], **changes: Any) -> dict[str, Any]:
    found = {"version": "prometheus/v1", "service": "shop", "slos": list(slos or [one_slo()])}
    return {name: value for name, value in {**found, **changes}.items() if value is not None}


def kubernetes(**changes: Any) -> dict[str, Any]:
    events = {"errorQuery": ERRORS, "totalQuery": TOTAL}
    alerting = {"name": "TooManyErrors", "pageAlert": {"labels": {"to": "team"}}}
    slo = one_slo(sli={"events": events}, alerting=alerting)
    return {
        "apiVersion": "sloth.slok.dev/v1",
        "kind": "PrometheusServiceLevel",
        "metadata": {"name": "shop", "namespace": "monitoring"},
        "spec": {"service": "shop", "slos": [slo]},
        **changes,
    }


def reading(*documents: Any) -> SlothReading:
    return read_sloth("\n---\n".join(json.dumps(one) for one in documents))


def faults(*documents: Any) -> list[str]:
    return [str(one) for one in reading(*documents).problems]
