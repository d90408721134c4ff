"""OpenSLO v1alpha as Sloth takes it: ratio metrics of Prometheus, windows in days, no alerts."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from slo.openslo.problems import Problems
from slo.sloth.model import DAY_S, OPENSLO, Indicator, SlothSlo
from slo.sloth.query import query_fault
from slo.sloth.texts import read_name

_SPEC = ("service", "description", "budgetingMethod", "objectives", "timeWindows", "indicator")
_OBJECTIVE = ("ratioMetrics", "target", "displayName", "value", "op")
_METRIC = ("source", "queryType", "query", "metadata")
_SOURCES = ("prometheus", "sloth")
_MAX_DAYS = 400


def read_openslo_alpha(
    value: Mapping[str, Any], path: str, period_s: int, problems: Problems
) -> list[SlothSlo]:
    """One SLO for each objective, numbered from 0 in its name."""
    names = ("apiVersion", "kind", "metadata", "spec")
    outer = problems.fields(value, path, names, names)
    if outer.get("kind") != "SLO":
        problems.add(f"{path}.kind", outer.get("kind", ""), '"SLO" is wanted')
    head = problems.fields(
        outer.get("metadata") or {}, f"{path}.metadata", ("name", "displayName"), ("name",)
    )
    name = read_name(head.get("name"), f"{path}.metadata.name", problems)
    place = f"{path}.spec"
    spec = problems.fields(outer.get("spec") or {}, place, _SPEC, ("service", "objectives"))
    service = read_name(spec.get("service"), f"{place}.service", problems)
    description = problems.text(spec.get("description"), f"{place}.description", longest=1050)
    method = spec.get("budgetingMethod", "Occurrences")
    if method != "Occurrences":
        problems.add(f"{place}.budgetingMethod", method, "Sloth's rules count occurrences only")
    length_s = _period(spec.get("timeWindows"), f"{place}.timeWindows", period_s, problems)
    objectives = spec.get("objectives")
    if not isinstance(objectives, list) or not objectives:
        if objectives is not None:
            problems.add(f"{place}.objectives", objectives, "a list of objectives is wanted")
        return []
    found = []
    for index, one in enumerate(objectives):
        read = _objective(one, f"{place}.objectives[{index}]", problems)
        if read is not None:
            percent, query = read
            found.append(
                SlothSlo(
                    service=service,
                    name=f"{name}-{index}",
                    objective_percent=percent,
                    indicator=Indicator(ratio_query=query),
                    description=description,
                    period_s=length_s,
                    spec=OPENSLO,
                )
            )
    return found


def _objective(value: Any, path: str, problems: Problems) -> tuple[float, str] | None:
    before = len(problems.found)
    fields = problems.fields(value, path, _OBJECTIVE, ("ratioMetrics", "target"))
    target = fields.get("target")
    if target is not None and (
        isinstance(target, bool) or not isinstance(target, int | Decimal) or not 0 < target < 1
    ):
        problems.add(f"{path}.target", target, "a ratio above 0 and below 1 is wanted")
    place = f"{path}.ratioMetrics"
    ratio = problems.fields(
        fields.get("ratioMetrics") or {}, place, ("good", "total", "counter", "incremental")
    )
    good, total = (
        _query(ratio.get(part), f"{place}.{part}", problems) for part in ("good", "total")
    )
    if len(problems.found) > before or target is None:
        return None
    # Sloth computes the percentage in float64 and fills this very shape.
    query = f"\n  1 - (\n    (\n      {good}\n    )\n    /\n    (\n      {total}\n    )\n  )\n"
    return float(target) * 100, query


def _query(value: Any, path: str, problems: Problems) -> str:
    if value is None:
        problems.add(path, "", "this field is missing")
        return ""
    fields = problems.fields(value, path, _METRIC, ("source", "queryType", "query"))
    if fields.get("source") not in (None, *_SOURCES):
        problems.add(f"{path}.source", fields["source"], f"one of {', '.join(_SOURCES)} is wanted")
    if fields.get("queryType") not in (None, "promql"):
        problems.add(f"{path}.queryType", fields["queryType"], '"promql" is wanted')
    query = fields.get("query")
    if query is None:
        return ""
    if not isinstance(query, str):
        problems.add(f"{path}.query", query, "text is wanted here (put it in quotes)")
        return ""
    fault = query_fault(query)
    if fault:
        problems.add(f"{path}.query", query, fault)
    return query


def _period(value: Any, path: str, period_s: int, problems: Problems) -> int:
    if value is None:
        return period_s
    if not isinstance(value, list) or len(value) != 1:
        problems.add(path, value, "a list with exactly one window is wanted")
        return period_s
    place = f"{path}[0]"
    fields = problems.fields(value[0], place, ("count", "unit", "isRolling"), ("count", "unit"))
    unit, count = fields.get("unit"), fields.get("count")
    if unit is not None and str(unit).lower() != "day":
        problems.add(f"{place}.unit", unit, '"Day" is wanted')
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _MAX_DAYS:
        if count is not None:
            problems.add(f"{place}.count", count, f"a whole number from 1 to {_MAX_DAYS}")
        return period_s
    return count * DAY_S
