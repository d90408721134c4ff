"""Grafana dashboards made from our objectives: one for each, and one over all. Pure.

They ask Tillwatch's own /metrics and nothing else, so they work without any rule. Windows come
from the label `window`; the data source is a variable. The same objective has the same uid, so
that a link keeps working when the file is made again.
The shape: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slo.objective import Objective
from slo.rules.rule import quoted
from slo.tiers import tiers_of

OVERVIEW_UID = "tillwatch-objectives"
SCHEMA_VERSION = 41
_LONGEST_UID = 40  # Grafana refuses more
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_STAT = {"reduceOptions": {"calcs": ["lastNotNull"]}, "textMode": "value_and_name"}
_WIDTH = 24
_BAD = 'outcome="bad"'
_GREEN, _YELLOW, _RED = "green", "yellow", "red"


@dataclass(frozen=True)
class _Panel:
    """One panel: its kind, size in grid cells, and what it asks: (expression, legend)."""

    title: str
    kind: str
    width: int
    height: int
    asked: Sequence[tuple[str, str]]
    unit: str = "short"
    description: str = ""
    steps: Sequence[tuple[float | None, str]] = ((None, _GREEN),)


def dashboards(objectives: Iterable[Objective], public_url: str = "") -> dict[str, dict[str, Any]]:
    """Dashboards by file name. `public_url`: where our pages are, for the links."""
    known = list(objectives)
    url = public_url.rstrip("/")
    found = {f"{OVERVIEW_UID}.json": _overview(known, url)}
    for one in known:
        found[f"tillwatch-slo-{one.id}.json"] = _one(one, url)
    return found


def text_of(dashboard: Mapping[str, Any]) -> str:
    """The file's content: the same dashboard gives the same bytes."""
    return json.dumps(dashboard, ensure_ascii=False, indent=1) + "\n"


def uid_of(objective_id: str) -> str:
    """The dashboard's identity, for ever; long names are shortened by their digest."""
    uid = f"tw-{objective_id}"
    if len(uid) <= _LONGEST_UID:
        return uid
    digest = hashlib.sha256(objective_id.encode()).hexdigest()[:12]
    return f"{uid[: _LONGEST_UID - 13]}-{digest}"


def _one(objective: Objective, url: str) -> dict[str, Any]:
    only = f"objective={quoted(objective.id)}"
    burn = f"tillwatch_slo_burn_rate{{{only}"
    pages = [float(tier.factor) for tier in tiers_of(objective) if tier.page]
    limits = [(limit, _RED) for limit in sorted(pages)[:1]]
    panels = (
        *_figures(only),
        _Panel(
            "Burn rate",
            "timeseries",
            12,
            9,
            [(f'{burn}, window=~"$window"}}', "{{window}}")],
            description="1 spends the budget in exactly one window of the objective; above the "
            "line a paging tier is reached.",
            steps=((None, _GREEN), (1, _YELLOW), *limits),
        ),
        _Panel(
            "Budget left",
            "timeseries",
            12,
            9,
            [(f"tillwatch_slo_budget_left_ratio{{{only}}}", "left")],
            unit="percentunit",
            description="Signed: below zero the promise of the window is broken.",
        ),
        _Panel(
            "Attempts per second",
            "timeseries",
            12,
            9,
            [(f"sum by (outcome) ({_per_second(only)})", "{{outcome}}")],
            unit="cps",
            description="When they were learnt, not when they happened.",
        ),
        _Panel(
            "Attempts in the window",
            "timeseries",
            12,
            9,
            [(f"tillwatch_slo_window_units{{{only}}}", "{{outcome}}")],
        ),
    )
    variable = _window_variable(f"tillwatch_slo_burn_rate{{{only}}}")
    links = [_link("This objective in Tillwatch", f"{url}/slos/{objective.id}")] if url else []
    return _dashboard(
        uid_of(objective.id),
        f"Promise: {objective.display_name}",
        panels,
        [variable],
        [*links, _link("All objectives", f"/d/{OVERVIEW_UID}")],
    )


def _per_second(matchers: str) -> str:
    return f"rate(tillwatch_slo_units_total{{{matchers}}}[$__rate_interval])"


def _figures(only: str) -> tuple[_Panel, ...]:
    return (
        _Panel(
            "Budget left",
            "stat",
            6,
            5,
            [(f"tillwatch_slo_budget_left_ratio{{{only}}}", "left")],
            unit="percentunit",
            steps=((None, _RED), (0, _YELLOW), (0.1, _GREEN)),
        ),
        _Panel(
            "State",
            "stat",
            6,
            5,
            [(f"tillwatch_slo_state{{{only}}} == 1", "{{state}}")],
            description="No data is a state of its own: nobody knows, which is not good news.",
        ),
        _Panel(
            "Burn alerts open",
            "stat",
            6,
            5,
            [(f"sum by (page) (tillwatch_slo_alerts_open{{{only}}})", "page: {{page}}")],
            steps=((None, _GREEN), (1, _RED)),
        ),
        _Panel(
            "Window observed",
            "stat",
            6,
            5,
            [(f"tillwatch_slo_coverage_ratio{{{only}}}", "observed")],
            unit="percentunit",
            steps=((None, _RED), (0.9, _GREEN)),
        ),
    )


def _overview(objectives: Sequence[Objective], url: str) -> dict[str, Any]:
    panels = (
        _Panel(
            "Budget left",
            "bargauge",
            12,
            10,
            [("sort(tillwatch_slo_budget_left_ratio)", "{{objective}}")],
            unit="percentunit",
            steps=((None, _RED), (0, _YELLOW), (0.1, _GREEN)),
        ),
        _Panel(
            "Not well",
            "stat",
            12,
            10,
            [('tillwatch_slo_state{state!="ok"} == 1', "{{objective}}: {{state}}")],
            description="Broken, at risk, or without data. Empty: all promises are kept.",
            steps=((None, _RED),),
        ),
        _Panel(
            "Burn rate",
            "timeseries",
            24,
            10,
            [('tillwatch_slo_burn_rate{window=~"$window"}', "{{objective}} {{window}}")],
            description="1 spends the budget in exactly one window of the objective.",
        ),
        _Panel(
            "Failures per second",
            "timeseries",
            24,
            9,
            [(f"sum by (objective) ({_per_second(_BAD)})", "{{objective}}")],
            unit="cps",
        ),
    )
    links = [_link("Tillwatch", f"{url}/")] if url else []
    links += [_link(one.display_name, f"/d/{uid_of(one.id)}") for one in objectives]
    variable = _window_variable("tillwatch_slo_burn_rate", chosen="1h")
    return _dashboard(OVERVIEW_UID, "Promises of the shop", panels, [variable], links)


def _dashboard(
    uid: str,
    title: str,
    panels: Sequence[_Panel],
    variables: Sequence[dict[str, Any]],
    links: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    source = {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
    }
    return {
        "uid": uid,
        "title": title,
        "tags": ["tillwatch", "slo"],
        "timezone": "browser",
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "editable": False,
        "links": list(links),
        "templating": {"list": [source, *variables]},
        "annotations": {"list": []},
        "panels": _placed(panels),
    }


def _placed(panels: Sequence[_Panel]) -> list[dict[str, Any]]:
    """Panels from left to right, a new row where one no longer fits."""
    found, x, y, row_height = [], 0, 0, 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > _WIDTH:
            x, y, row_height = 0, y + row_height, 0
        place = {"x": x, "y": y, "w": panel.width, "h": panel.height}
        found.append(_panel(panel, number, place))
        x, row_height = x + panel.width, max(row_height, panel.height)
    return found


def _panel(panel: _Panel, number: int, place: Mapping[str, int]) -> dict[str, Any]:
    steps = [{"value": value, "color": color} for value, color in panel.steps]
    return {
        "id": number,
        "title": panel.title,
        "description": panel.description,
        "type": panel.kind,
        "datasource": _SOURCE,
        "gridPos": dict(place),
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": _lines(panel),
            },
            "overrides": [],
        },
        "options": _STAT if panel.kind == "stat" else {},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _SOURCE,
                "expr": expr,
                "legendFormat": legend,
            }
            for index, (expr, legend) in enumerate(panel.asked)
        ],
    }


def _lines(panel: _Panel) -> dict[str, Any]:
    """Limits are drawn where there are some."""
    drawn = panel.kind == "timeseries" and len(panel.steps) > 1
    return {"thresholdsStyle": {"mode": "line"}} if drawn else {}


def _window_variable(series: str, chosen: str = "") -> dict[str, Any]:
    """The windows that there are, read from the label: nothing to change when a tier is added."""
    one = {"text": chosen, "value": chosen}
    every = {"text": ["All"], "value": ["$__all"]}
    query = f"label_values({series}, window)"
    return {
        "name": "window",
        "label": "Window",
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": "window"},
        "definition": query,
        "refresh": 2,
        "sort": 3,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": one if chosen else every,
    }


def _link(title: str, url: str) -> dict[str, Any]:
    return {
        "title": title,
        "type": "link",
        "url": url,
        "icon": "external link",
        "targetBlank": False,
        "keepTime": True,
    }
