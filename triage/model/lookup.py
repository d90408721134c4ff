"""Answers a model's queries from the telemetry store: bounded reads, figures, nothing else.

The ranges are those of the evidence itself: since the onset, and the half hour before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from kernel.clock import DAY_US, MINUTE_US, SECOND_US
from kernel.telemetry_store.port import ChangeRow, LogRow, SpanRow, TelemetryStore
from slo.objective import Objective
from triage.evidence.causes.assemble import ERROR_SEVERITY
from triage.evidence.evidence import EvidenceBundle, Finding, Number
from triage.evidence.findings import MAX_TEXT, logs_finding
from triage.evidence.gather import BASELINE_US
from triage.evidence.logs import compare_logs
from triage.evidence.outcome import OutcomeRule, rule_of
from triage.evidence.traffic import traffic
from triage.evidence.units import Unit, units_of
from triage.model.inquiry import Inquiry

MAX_EVENTS = 10_000
MAX_ROWS = 1_000
MAX_VALUES = 6


class Lookup:
    """Reads only; raises TillwatchError where the store cannot be asked."""

    def __init__(self, store: TelemetryStore, objectives: Mapping[str, Objective]) -> None:
        self._store = store
        self._objectives = objectives

    def look(self, bundle: EvidenceBundle, asked: Inquiry) -> Finding | None:
        """What the query finds; None where there is nothing to see."""
        onset_us, until_us = _range(bundle)
        match asked.query:
            case "breakdown_by":
                return breakdown_by(self._units(bundle), asked.field, onset_us, until_us)
            case "traffic_of":
                return traffic_of(self._units(bundle), asked, onset_us, until_us)
            case "logs_of":
                return self._logs(asked.value, onset_us, until_us)
            case "changes_of":
                return self._changes(asked.value, onset_us, until_us)
            case "traces_of":
                return self._spans(asked.value, onset_us, until_us)
        return None

    def _units(self, bundle: EvidenceBundle) -> Sequence[Unit]:
        onset_us, until_us = _range(bundle)
        ids = bundle.context.objective_ids
        known = [self._objectives[one] for one in ids if one in self._objectives]
        rule: OutcomeRule = rule_of(known)
        edges = ((onset_us, until_us), (onset_us - BASELINE_US, onset_us))
        rows = [
            row
            for from_us, to_us in edges
            for row in self._store.events(
                from_us=from_us, to_us=to_us, types=rule.types, limit=MAX_EVENTS
            )
        ]
        return units_of(rows, rule)

    def _logs(self, service: str, onset_us: int, until_us: int) -> Finding | None:
        def read(from_us: int, to_us: int) -> list[LogRow]:
            return self._store.logs(
                from_us=from_us,
                to_us=to_us,
                service=service,
                min_severity=ERROR_SEVERITY,
                limit=MAX_ROWS,
            )

        before = read(2 * onset_us - until_us, onset_us)
        found = compare_logs(before, read(onset_us, until_us))
        query = f"telemetry.logs(service={service}, severity>={ERROR_SEVERITY})"
        return logs_finding(found, query, onset_us, until_us)

    def _changes(self, service: str, onset_us: int, until_us: int) -> Finding | None:
        rows = self._store.changes(from_us=onset_us - DAY_US, to_us=until_us, limit=MAX_ROWS)
        return change_of([row for row in rows if row.service == service], onset_us)

    def _spans(self, service: str, onset_us: int, until_us: int) -> Finding | None:
        def read(from_us: int, to_us: int) -> list[SpanRow]:
            return self._store.spans(from_us=from_us, to_us=to_us, service=service, limit=MAX_ROWS)

        since, before = read(onset_us, until_us), read(onset_us - BASELINE_US, onset_us)
        return spans_of(service, since, before, onset_us, until_us)


def _range(bundle: EvidenceBundle) -> tuple[int, int]:
    """Onset (the sharpest that the evidence knows) and end, UTC microseconds."""
    told = [piece.numbers.get("onset_us") for piece in bundle.of_kind("traffic")]
    onset_us = next((one for one in told if isinstance(one, int)), bundle.context.onset_us)
    return onset_us, max(bundle.context.now_us, onset_us + SECOND_US)


def breakdown_by(units: Sequence[Unit], field: str, onset_us: int, until_us: int) -> Finding | None:
    """Bad and all since the onset by the values of one field, most bad first."""
    rows: dict[str, list[int]] = {}
    for unit in units:
        value = unit.fields.get(field)
        if value is not None and onset_us <= unit.time_us < until_us:
            counted = rows.setdefault(value, [0, 0])
            counted[0] += unit.bad
            counted[1] += 1
    if not rows:
        return None
    ranked = sorted(rows.items(), key=lambda row: (-row[1][0], -row[1][1], row[0]))[:MAX_VALUES]
    numbers: dict[str, Number] = {"values": len(rows)}
    for place, (value, (bad, total)) in enumerate(ranked, start=1):
        numbers |= {
            f"{field}_{place}": value[:MAX_TEXT],
            f"bad_{place}": bad,
            f"total_{place}": total,
            f"share_{place}": round(bad / total, 6),
        }
    said = ", ".join(f"{value[:MAX_TEXT]} {bad} of {total}" for value, (bad, total) in ranked)
    query = f"telemetry.events(by {field}) -> units"
    return Finding("breakdown_by", f"Bad by {field}: {said}", numbers, query, onset_us, until_us)


def traffic_of(
    units: Sequence[Unit], asked: Inquiry, onset_us: int, until_us: int
) -> Finding | None:
    """Bad and all of one value, before and since the onset."""
    mine = [unit for unit in units if unit.fields.get(asked.field) == asked.value]
    if not mine:
        return None
    found = traffic(mine, onset_us, until_us)
    numbers: dict[str, Number] = {
        asked.field: asked.value[:MAX_TEXT],
        "bad": found.bad,
        "total": found.total,
        "share": round(found.rate, 6),
        "bad_before": found.bad_before,
        "total_before": found.total_before,
        "share_before": round(found.rate_before, 6),
        "onset_us": onset_us,
    }
    what = f"{asked.field}={asked.value[:MAX_TEXT]}"
    summary = (
        f"{what}: {found.bad} of {found.total} failed since the onset, "
        f"{found.bad_before} of {found.total_before} before"
    )
    query = f"telemetry.events({what}) -> units"
    return Finding("traffic_of", summary, numbers, query, onset_us, until_us)


def change_of(rows: Sequence[ChangeRow], onset_us: int) -> Finding | None:
    """The last change of a service before the onset, and how many there were in a day."""
    if not rows:
        return None
    nearest = min(rows, key=lambda row: (row.at_us > onset_us, abs(row.at_us - onset_us)))
    before_s = round((onset_us - nearest.at_us) / SECOND_US)
    numbers: dict[str, Number] = {
        "changes": len(rows),
        "service": nearest.service[:MAX_TEXT],
        "kind": nearest.kind[:MAX_TEXT],
        "version": nearest.version[:MAX_TEXT],
        "change_us": nearest.at_us,
        "before_s": before_s,
        "text": nearest.summary[:MAX_TEXT],
    }
    side = "before" if before_s >= 0 else "after"
    summary = (
        f"{len(rows)} changes of {nearest.service[:MAX_TEXT]} within a day; the nearest came "
        f"{abs(before_s)} s {side} the onset"
    )
    query = f"telemetry.changes(service={nearest.service[:MAX_TEXT]}, within a day)"
    return Finding("change_of", summary, numbers, query, onset_us - DAY_US, onset_us + MINUTE_US)


def spans_of(
    service: str, since: Sequence[SpanRow], before: Sequence[SpanRow], onset_us: int, until_us: int
) -> Finding | None:
    """Spans of a service: all, those in error and their median time, before and since."""
    if not since:
        return None
    numbers: dict[str, Number] = {
        "service": service[:MAX_TEXT],
        "error_spans": _errors(since),
        "spans": len(since),
        "median_ms": _median_ms(since),
        "error_spans_before": _errors(before),
        "spans_before": len(before),
        "median_before_ms": _median_ms(before),
    }
    summary = (
        f"{service[:MAX_TEXT]}: {_errors(since)} of {len(since)} spans in error since the onset, "
        f"{_errors(before)} of {len(before)} before"
    )
    query = f"telemetry.trace(spans of {service[:MAX_TEXT]}, newest {MAX_ROWS})"
    return Finding("traces_of", summary, numbers, query, onset_us, until_us)


def _errors(rows: Sequence[SpanRow]) -> int:
    return sum(row.status == "error" for row in rows)


def _median_ms(rows: Sequence[SpanRow]) -> float:
    if not rows:
        return 0.0
    return round(median(max(0, row.end_us - row.start_us) for row in rows) / 1000, 1)
