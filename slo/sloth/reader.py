"""From the text of a Sloth spec to SLOs, or to the full list of what is wrong with it.

Three forms are read: `prometheus/v1`, the Kubernetes resource PrometheusServiceLevel, and the
OpenSLO v1alpha that Sloth takes. Stricter than Sloth, each time with the reason: unknown fields,
an objective of 100 (no budget), two SLOs of one identity, brackets that do not close.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from slo.openslo.problems import Problem, Problems
from slo.openslo.yaml_source import SourceFault, documents
from slo.sloth.alerting import read_alerting
from slo.sloth.indicator import read_indicator
from slo.sloth.model import DAY_S, KUBERNETES, OPENSLO, PROMETHEUS, SlothSlo
from slo.sloth.openslo_alpha import read_openslo_alpha
from slo.sloth.plugins import asks_for_weighted_period
from slo.sloth.spelling import KUBERNETES_WORDS, PROMETHEUS_WORDS, Words
from slo.sloth.texts import read_labels, read_name

KIND = "PrometheusServiceLevel"
MAX_SLOS = 2000
_VERSIONS = f'"{PROMETHEUS}", a {KIND} of "{KUBERNETES}", or an SLO of "{OPENSLO}" is wanted'


@dataclass(frozen=True)
class SlothReading:
    """What a file holds. `slos` are usable only where `problems` is empty."""

    slos: list[SlothSlo] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def is_sloth(text: str) -> bool:
    """True where the first object of the text says that it is for Sloth."""
    try:
        found = documents(text)
    except SourceFault:
        return False
    first = found[0] if found else None
    if not isinstance(first, dict):
        return False
    version = first.get("version") or first.get("apiVersion")
    return version in (PROMETHEUS, KUBERNETES, OPENSLO)


def read_sloth(text: str, origin: str = "", period_s: int = 30 * DAY_S) -> SlothReading:
    """Read one file of one or more YAML documents. Never raises for content.

    `period_s`: the SLO period of specs that name none (all of Sloth's own).
    """
    problems = Problems()
    try:
        found = documents(text)
    except SourceFault as fault:
        return SlothReading(problems=[Problem(origin or "$", "", str(fault))])
    if not found:
        problems.add(origin or "$", "", "the file holds no spec")
    slos: list[SlothSlo] = []
    for index, one in enumerate(found):
        several = f"#{index}" if len(found) > 1 else ""
        prefix = f"{origin}{several} $".strip()
        slos += _read_document(one, prefix, period_s, problems)
    _refuse_twins(slos, origin or "$", problems)
    return SlothReading(slos, problems.found, problems.notes)


def _read_document(value: Any, path: str, period_s: int, problems: Problems) -> list[SlothSlo]:
    if not isinstance(value, dict):
        problems.add(path, value, "a spec (a mapping) is wanted")
        return []
    if "version" in value:
        if value["version"] != PROMETHEUS:
            problems.add(f"{path}.version", value["version"], _VERSIONS)
            return []
        return _service(value, path, period_s, PROMETHEUS_WORDS, problems)
    version = value.get("apiVersion")
    if version == KUBERNETES:
        return _kubernetes(value, path, period_s, problems)
    if version == OPENSLO:
        return read_openslo_alpha(value, path, period_s, problems)
    problems.add(f"{path}.version", version or "", _VERSIONS)
    return []


def _kubernetes(
    value: Mapping[str, Any], path: str, period_s: int, problems: Problems
) -> list[SlothSlo]:
    if value.get("kind") != KIND:
        problems.add(f"{path}.kind", value.get("kind", ""), f'"{KIND}" is wanted')
        return []
    names = ("apiVersion", "kind", "metadata", "spec", "status")
    outer = problems.fields(value, path, names, ("metadata", "spec"))
    if outer.get("metadata") is not None:
        head = problems.mapping(outer["metadata"], f"{path}.metadata")
        read_name(head.get("name"), f"{path}.metadata.name", problems)
    if outer.get("spec") is None:
        return []
    return _service(outer["spec"], f"{path}.spec", period_s, KUBERNETES_WORDS, problems)


def _service(
    value: Any, path: str, period_s: int, words: Words, problems: Problems
) -> list[SlothSlo]:
    """One service with its SLOs."""
    fields = words.fields(value, path, problems, required=("service", "slos"))
    service = read_name(fields.get("service"), f"{path}.service", problems)
    labels = read_labels(fields.get("labels"), f"{path}.labels", problems)
    weighted = asks_for_weighted_period(fields.get("slo_plugins"), f"{path}.slo_plugins", problems)
    slos = fields.get("slos")
    if slos is None:
        return []
    if not isinstance(slos, list) or not slos:
        problems.add(f"{path}.slos", slos, "a list of at least one SLO is wanted")
        return []
    if len(slos) > MAX_SLOS:
        problems.add(f"{path}.slos", f"{len(slos)} SLOs", f"at most {MAX_SLOS} are read")
        return []
    common = _Service(service, labels, period_s, weighted=weighted)
    read = [
        _slo(one, f"{path}.slos[{index}]", common, words, problems)
        for index, one in enumerate(slos)
    ]
    return [one for one in read if one is not None]


@dataclass(frozen=True)
class _Service:
    """What all SLOs of a spec share."""

    name: str
    labels: Mapping[str, str]
    period_s: int
    weighted: bool


def _slo(
    value: Any, path: str, service: _Service, words: Words, problems: Problems
) -> SlothSlo | None:
    before = len(problems.found)
    fields = words.fields(value, path, problems, required=("name", "objective", "sli", "alerting"))
    name = read_name(fields.get("name"), f"{path}.name", problems)
    percent = _objective(fields.get("objective"), f"{path}.objective", problems)
    labels = read_labels(fields.get("labels"), f"{path}.labels", problems)
    description = problems.text(fields.get("description"), f"{path}.description", longest=4096)
    indicator = read_indicator(fields.get("sli"), f"{path}.sli", words, problems)
    page, ticket = read_alerting(fields.get("alerting"), f"{path}.alerting", words, problems)
    own = asks_for_weighted_period(fields.get("plugins"), f"{path}.plugins", problems)
    if len(problems.found) > before or indicator is None:
        return None
    return SlothSlo(
        service=service.name,
        name=name,
        objective_percent=percent,
        indicator=indicator,
        description=description,
        labels={**service.labels, **labels},
        page=page,
        ticket=ticket,
        period_s=service.period_s,
        spec=words.spec,
        weighted_period=service.weighted or own,
    )


def _objective(value: Any, path: str, problems: Problems) -> float:
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        problems.add(path, value, "a number of percent is wanted, such as 99.9")
        return 0.0
    if not 0 < value < 100:
        reason = "must lie above 0 and below 100 percent"
        if value == 100:
            reason += ": 100 leaves no budget, and every rule would divide by zero"
        problems.add(path, value, reason)
    return float(value)


def _refuse_twins(slos: Sequence[SlothSlo], path: str, problems: Problems) -> None:
    seen: set[str] = set()
    for one in slos:
        if one.id in seen:
            problems.add(path, one.id, "this service and name stand for two SLOs")
        seen.add(one.id)
