"""A scene from telemetry rows: messages that grew, series, who calls whom, what changed. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kernel.clock import parse_rfc3339
from kernel.telemetry_store.port import ChangeRow, LogRow, MetricRow, SpanRow
from triage.evidence.causes.scene import Deployment, Series, Suspect, Symptom, VendorReport
from triage.evidence.logs import template

WARNING_SEVERITY = 13  # OTLP: WARN
ERROR_SEVERITY = 17  # OTLP: ERROR
MAX_NAME = 120
COMMIT, FILES, DIFF = "commit", "files", "diff"
# A vendor's own word on its state, as the collector stores it among the changes.
VENDOR = "vendor"
_KINDS = {"flag": "flag", "config": "config"}


@dataclass
class _Count:
    severity: int = 0
    before: int = 0
    since: int = 0
    first_us: int = 0


def symptoms_of(logs: Iterable[LogRow], usual_until_us: int) -> list[Symptom]:
    """Messages by service and template: how often up to the end of the usual time, and since."""
    counts: dict[tuple[str, str], _Count] = {}
    for row in logs:
        one = counts.setdefault((row.service, template(row.body)), _Count())
        one.severity = max(one.severity, row.severity)
        if row.time_us < usual_until_us:
            one.before += 1
            continue
        one.since += 1
        one.first_us = min(one.first_us or row.time_us, row.time_us)
    return [
        Symptom(
            service=service,
            text=text,
            count=one.since,
            before=one.before,
            bad=one.severity >= WARNING_SEVERITY,
            first_us=one.first_us if one.before == 0 else 0,
        )
        for (service, text), one in counts.items()
    ]


def series_of(rows: Iterable[MetricRow]) -> list[Series]:
    """One series for each service, name and set of attributes."""
    points: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[tuple[int, float]]] = {}
    for row in rows:
        if not math.isfinite(row.value):
            continue  # a NaN is no measurement, and no page could show it
        labels = tuple(sorted((name, str(value)) for name, value in row.attributes.items()))
        points.setdefault((row.service, row.name, labels), []).append((row.time_us, row.value))
    return [
        Series(service, name[:MAX_NAME], sorted(found))
        for (service, name, _), found in points.items()
    ]


def calls_of(spans: Iterable[SpanRow]) -> dict[str, frozenset[str]]:
    """Which service calls which, told by spans whose parent belongs to another service."""
    rows = list(spans)
    owner = {(row.trace_id, row.span_id): row.service for row in rows}
    found: dict[str, set[str]] = {}
    for row in rows:
        caller = owner.get((row.trace_id, row.parent_span_id))
        if caller and caller != row.service:
            found.setdefault(caller, set()).add(row.service)
    return {caller: frozenset(called) for caller, called in found.items()}


def span_symptoms(spans: Iterable[SpanRow], usual_until_us: int) -> list[Symptom]:
    """What failing spans say, as messages of their services."""
    counts: dict[tuple[str, str], _Count] = {}
    for row in spans:
        if row.status != "error" or not row.status_message:
            continue
        one = counts.setdefault((row.service, template(row.status_message)), _Count())
        if row.start_us < usual_until_us:
            one.before += 1
        else:
            one.since += 1
    return [
        Symptom(service, text, one.since, one.before) for (service, text), one in counts.items()
    ]


@dataclass
class _Merged:
    row: ChangeRow
    deployed: list[Deployment] = field(default_factory=list)


def changes_of(rows: Sequence[ChangeRow]) -> tuple[list[Suspect], list[Deployment]]:
    """Suspects, each with its deployments, and all deployments.

    A deployment that names a commit belongs to that commit's row; one whose commit nobody has
    described stands for itself.
    """
    rows = [row for row in rows if row.kind != VENDOR]
    deployments = [row for row in rows if row.kind == "deploy"]
    described = {
        commit: _Merged(row) for row in rows if row.kind != "deploy" and (commit := _commit_of(row))
    }
    for row in deployments:
        commit = _commit_of(row) or _own_name(row)
        known = described.setdefault(commit, _Merged(row))
        known.deployed.append(_deployment(row))
    others = [row for row in rows if row.kind != "deploy" and not _commit_of(row)]
    suspects = [_suspect(ref, one) for ref, one in described.items()]
    suspects += [_suspect(_own_name(row), _Merged(row)) for row in others]
    return suspects, [_deployment(row) for row in deployments]


def _commit_of(row: ChangeRow) -> str:
    """The commit that it names; `sha` is what GitHub calls it."""
    return str(row.attributes.get(COMMIT) or row.attributes.get("sha") or "")


def _own_name(row: ChangeRow) -> str:
    """A name of its own for a change without a commit: two of the same words stay two."""
    words = f"{row.service} {row.version}" if row.kind == "deploy" else f"{row.kind} {row.summary}"
    return f"{words.strip()[:100]} @{row.position}.{row.item}"


def vendors_of(rows: Iterable[ChangeRow]) -> list[VendorReport]:
    """What vendors said of themselves: since when in their words, and when they said it."""
    return [
        VendorReport(
            vendor=str(row.attributes.get("vendor", row.service)),
            state=str(row.attributes.get("status", "")),
            text=row.summary,
            from_us=_begun_us(row),
            told_us=row.at_us,
        )
        for row in rows
        if row.kind == VENDOR
    ]


def _begun_us(row: ChangeRow) -> int:
    try:
        return parse_rfc3339(str(row.attributes.get("begun_at", "")))
    except ValueError:
        return row.at_us


def _deployment(row: ChangeRow) -> Deployment:
    return Deployment(row.service, row.at_us, row.version)


def _suspect(ref: str, merged: _Merged) -> Suspect:
    row = merged.row
    files = str(row.attributes.get(FILES, ""))
    deployed = merged.deployed
    kind = _KINDS.get(row.kind, "code")
    if kind != "code" and row.service and not deployed:
        deployed = [_deployment(row)]  # a switch takes effect where and when it is switched
    return Suspect(
        ref=ref,
        kind=kind,
        at_us=row.at_us,
        message=row.summary,
        author=row.author,
        paths=tuple(files.split("\n")) if files else (),
        diff=str(row.attributes.get(DIFF, "")),
        deployed=tuple(deployed),
    )


def with_counts(symptoms: Sequence[Symptom], counted: Sequence[Symptom]) -> list[Symptom]:
    """Counts that a log store made itself, with the first times that its samples show.

    A sample that no count speaks of stays as it is.
    """
    found, used = [], set[int]()
    for one in counted:
        like = [
            place
            for place, other in enumerate(symptoms)
            if other.service == one.service and _alike(one.text, other.text)
        ]
        used.update(like)
        times = [symptoms[place].first_us for place in like if symptoms[place].first_us]
        found.append(
            Symptom(one.service, one.text, one.count, one.before, one.bad, min(times, default=0))
        )
    return found + [one for place, one in enumerate(symptoms) if place not in used]


def _alike(one: str, other: str) -> bool:
    """Most words of the shorter text stand in the longer."""
    words, others = _bare(one), _bare(other)
    small = min(len(words), len(others))
    return small > 0 and len(words & others) >= 0.6 * small


def _bare(text: str) -> frozenset[str]:
    return frozenset(word for word in text.lower().replace(":", " ").split() if word.isalpha())


def severity_number(text: str) -> int:
    """The OTLP severity number of a written level; 0 for an unknown one."""
    return _SEVERITIES.get(text.strip().upper(), 0)


_SEVERITIES: Mapping[str, int] = {
    "TRACE": 1,
    "DEBUG": 5,
    "INFO": 9,
    "NOTICE": 10,
    "WARN": WARNING_SEVERITY,
    "WARNING": WARNING_SEVERITY,
    "ERROR": ERROR_SEVERITY,
    "CRITICAL": 18,
    "FATAL": 21,
    "PANIC": 21,
}
