"""An objective as OpenSLO v1: what `read_openslo` reads back as the identical objective."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import yaml

from kernel.errors import BadInput
from slo.objective import Indicator, Objective, Selector
from slo.openslo.annotations import write_annotations
from slo.openslo.durations import duration_text
from slo.openslo.exact import decimal_text
from slo.openslo.indicator import SOURCE_TYPE
from slo.openslo.scope import API_VERSION
from slo.openslo.time_windows import window_words
from slo.openslo.yaml_source import is_plain_word

_WIDTH = 100


def document_of(objective: Objective) -> dict[str, Any]:
    """The SLO object; exact numbers are `Decimal`. Raises BadInput for what cannot be written."""
    metadata: dict[str, Any] = {"name": objective.id}
    if objective.display_name != objective.id:
        metadata["displayName"] = objective.display_name
    if annotations := write_annotations(objective):
        metadata["annotations"] = annotations
    spec: dict[str, Any] = {}
    if objective.description:
        spec["description"] = objective.description
    spec |= {
        "service": objective.service,
        "indicator": {
            "metadata": {"name": objective.id},
            "spec": _indicator(objective.indicator),
        },
        "timeWindow": [window_words(objective.window)],
        "budgetingMethod": _method(objective),
        "objectives": [_objective(objective)],
    }
    return {"apiVersion": API_VERSION, "kind": "SLO", "metadata": metadata, "spec": spec}


def to_yaml(objectives: Iterable[Objective]) -> str:
    """One YAML document each."""
    return dump([document_of(one) for one in objectives])


def dump(objects: Sequence[Mapping[str, Any]]) -> str:
    """OpenSLO objects as YAML that our own reader, and any other, reads back exactly."""
    return yaml.dump_all(
        objects,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
        default_flow_style=None,
    )


def to_json_data(objective: Objective) -> dict[str, Any]:
    """`document_of` for a JSON encoder. Raises BadInput where a number would lose digits."""
    found: dict[str, Any] = _plain(document_of(objective))
    return found


def _objective(objective: Objective) -> dict[str, Any]:
    found: dict[str, Any] = {}
    threshold = objective.indicator.threshold
    if threshold is not None:
        found |= {"op": threshold.op, "value": _number(threshold.limit)}
    percent = _exact(objective.target * 100, "the target")
    found["targetPercent"] = percent
    if objective.slices is not None:
        if objective.slices.target is not None:
            found["timeSliceTarget"] = _exact(objective.slices.target, "the target of its slices")
        found["timeSliceWindow"] = duration_text(objective.slices.length_us)
    return found


def _method(objective: Objective) -> str:
    if objective.slices is None:
        return "Occurrences"
    return "RatioTimeslices" if objective.slices.target is None else "Timeslices"


def _indicator(indicator: Indicator) -> dict[str, Any]:
    threshold = indicator.threshold
    if threshold is not None:
        spec = {**_selector(indicator.total), "field": threshold.field}
        return {"thresholdMetric": _source(spec)}
    parts = {"good": indicator.good, "bad": indicator.bad, "total": indicator.total}
    found: dict[str, Any] = {"counter": True}
    found |= {name: _source(_selector(one)) for name, one in parts.items() if one is not None}
    return {"ratioMetric": found}


def _source(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"metricSource": {"type": SOURCE_TYPE, "spec": spec}}


def _selector(selector: Selector) -> dict[str, Any]:
    found: dict[str, Any] = {"events": sorted(selector.events)}
    for name, filters in (("where", selector.where), ("excludeWhere", selector.exclude_where)):
        if filters:
            found[name] = {key: sorted(values) for key, values in sorted(filters.items())}
    return found


def _exact(number: Fraction, what: str) -> int | Decimal:
    text = decimal_text(number)
    if not text:
        raise BadInput(
            f"{what} {number} has no end as a decimal number",
            hint="round it to some digits: OpenSLO has decimal numbers only",
        )
    return Decimal(text) if "." in text else int(text)


def _number(limit: float) -> int | Decimal:
    return int(limit) if limit.is_integer() and abs(limit) < 1e15 else Decimal(repr(limit))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, Decimal):
        if Decimal(repr(float(value))) != value:
            raise BadInput(
                f"{value} has more digits than JSON readers keep", hint="leave --json out"
            )
        return float(value)
    return value


class _Dumper(yaml.SafeDumper):
    """Writes what our own reader reads back: text that could be something else gets quotes."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.nodes.ScalarNode:
        """Plain where it is a word, folded where it is long prose, else in quotes."""
        style = None if is_plain_word(text) else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    def represent_decimal(self, number: Decimal) -> yaml.nodes.ScalarNode:
        """All digits; YAML 1.1 takes no exponent for a number where there is no point."""
        digits, sign, exponent = str(number).partition("E")
        text = digits if "." in digits or not sign else f"{digits}.0"
        return self.represent_scalar("tag:yaml.org,2002:float", f"{text}{sign}{exponent}")


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(Decimal, _Dumper.represent_decimal)
