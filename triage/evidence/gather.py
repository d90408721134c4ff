"""The evidence engine: asks the stores within bounds and turns the answers into evidence.

Each source fails alone: what cannot be asked is named in `missing_sources`, the rest still stands.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from kernel.clock import HOUR_US, MINUTE_US, SECOND_US, Clock
from kernel.errors import NotFound, TillwatchError
from kernel.telemetry_store.port import ChangeRow, EventRow, LogRow, SpanRow, TelemetryStore
from triage.evidence.breakdown import Breakdown, break_down
from triage.evidence.cause_search import changes_before, scene_around
from triage.evidence.causes.assemble import ERROR_SEVERITY, VENDOR
from triage.evidence.causes.findings import cause_findings, radius_finding, vendor_findings
from triage.evidence.causes.ranking import judge
from triage.evidence.changes import NEAR_US, ChangeReport, Scene, rank_changes
from triage.evidence.evidence import (
    EvidenceBundle,
    Finding,
    IncidentContext,
    Verdict,
    agreed,
    mint,
)
from triage.evidence.findings import (
    breakdown_finding,
    changes_findings,
    logs_finding,
    modes_finding,
    money_finding,
    traces_finding,
    traffic_finding,
)
from triage.evidence.funnel_search import funnel_around
from triage.evidence.labels import common_segment, labels_of
from triage.evidence.logs import compare_logs
from triage.evidence.outcome import OutcomeRule
from triage.evidence.ports import Impact, ImpactPort
from triage.evidence.traces import TraceComparison, compare_traces
from triage.evidence.traffic import Traffic, change_point, traffic
from triage.evidence.units import Unit, lost_of, units_of
from triage.evidence.volume import source_of, volume_finding

BASELINE_US = 30 * MINUTE_US
# An alert knows the onset only roughly: the change point is looked for this much earlier too.
LEAD_US = 5 * MINUTE_US
# Log likelihood ratio from which the data's own onset is preferred to the alert's.
WEAK_ONSET = 4.0
MAX_EVENTS = 20_000
MAX_TRACES = 20
MAX_ROWS = 1_000
MAX_OBJECTIVES = 3
_UNREACHABLE = (TillwatchError, OSError, sqlite3.Error)

# Whatever a stranger's numbers do to our maths: it must not cost the brief.
_UNJUDGEABLE = (ValueError, ArithmeticError, LookupError)

T = TypeVar("T")


@dataclass(frozen=True)
class _Picture:
    """What the events say."""

    units: Sequence[Unit]
    onset_us: int
    sharp: bool
    traffic: Traffic
    breakdown: Breakdown | None
    query: str
    rule: OutcomeRule

    @property
    def since(self) -> list[Unit]:
        return [unit for unit in self.units if unit.time_us >= self.onset_us]

    def in_segment(self, unit: Unit) -> bool:
        blamed = self.breakdown.blamed if self.breakdown else None
        return blamed is None or all(unit.fields.get(n) == v for n, v in blamed.parts)

    @property
    def blamed(self) -> dict[str, str]:
        blamed = self.breakdown.blamed if self.breakdown else None
        return dict(blamed.parts) if blamed else {}


class EvidenceEngine:
    """Gathers the evidence of one incident. No model, no network beyond the stores."""

    def __init__(self, store: TelemetryStore, impact: ImpactPort | None, clock: Clock) -> None:
        self._store = store
        self._impact = impact
        self._clock = clock

    def gather(self, context: IncidentContext) -> EvidenceBundle:
        """All evidence within bounded queries. Never raises for a source that cannot be asked."""
        missing: list[str] = []
        until_us = min(context.now_us, self._clock.now_us(), context.resolved_us or context.now_us)
        context = replace(context, now_us=max(until_us, context.onset_us))
        rows = self._ask("events", missing, lambda: self._events(context))
        picture = _look(context, rows) if rows else None
        onset_us = picture.onset_us if picture else context.onset_us
        span = _Span(onset_us, max(context.now_us, onset_us + SECOND_US))
        findings = self._volume(context, missing)
        findings += _events_findings(picture, span) if picture else []
        findings += self._money(context, picture, span, missing)
        compared = self._traces(context, picture, span, missing)
        report = self._changes(context, picture, compared, span, missing)
        if report is not None:
            query = "telemetry.changes(near onset)"
            findings += changes_findings(report, query, onset_us - NEAR_US, onset_us + NEAR_US)
        if compared is not None:
            query = f"telemetry.trace(each of {compared.failing} failing, {compared.healthy} good)"
            findings.append(traces_finding(compared, query, span.from_us, span.to_us))
        findings += self._logs(context, span, missing)
        causes, judged = self._causes(context, onset_us, picture, missing)
        findings += causes
        if "events" not in missing:
            window, told = (span.from_us, span.to_us), picture is not None
            lost = self._ask("events", missing, lambda: funnel_around(self._store, window, told))
            findings += lost or []
        verdict = agreed(report.verdict if report else Verdict.CANNOT_TELL, judged)
        return EvidenceBundle(
            context=context,
            evidence=tuple(mint(f"E{n}", finding) for n, finding in enumerate(findings, start=1)),
            labels=labels_of(context, picture.breakdown if picture else None, verdict),
            missing_sources=tuple(missing),
            verdict=verdict,
        )

    @staticmethod
    def _ask(source: str, missing: list[str], question: Callable[[], T]) -> T | None:
        try:
            return question()
        except _UNREACHABLE:
            missing.append(source)
            return None

    def _events(self, context: IncidentContext) -> list[EventRow]:
        edge_us = context.onset_us - LEAD_US
        types = context.rule.types
        since = self._store.events(
            from_us=edge_us, to_us=context.now_us + 1, types=types, limit=MAX_EVENTS
        )
        before = self._store.events(
            from_us=edge_us - BASELINE_US, to_us=edge_us, types=types, limit=MAX_EVENTS // 2
        )
        return since + before

    def _volume(self, context: IncidentContext, missing: list[str]) -> list[Finding]:
        """What did not begin since the alert's onset, where it tells of silence: of one objective
        that knows (a change point needs units, and there are none).
        """
        source = source_of(context.labels)
        if self._impact is None or source is None:
            return []
        port, since_us, until_us = self._impact, context.onset_us, context.now_us
        found: list[Finding] = []
        for objective_id in context.objective_ids[:MAX_OBJECTIVES]:
            try:
                told = port.missing(objective_id, since_us, until_us, source)
            except NotFound:
                continue
            except _UNREACHABLE:
                missing.append("volume")
                return []
            if told is not None:
                finding = volume_finding(told, source, f"slo.missing({objective_id}, {source!r})")
                # One that knows what an attempt is worth says more.
                found.insert(0 if told.cost else len(found), finding)
        return found[:1]

    def _money(
        self,
        context: IncidentContext,
        picture: _Picture | None,
        span: _Span,
        missing: list[str],
    ) -> list[Finding]:
        """The account's figure; where it has none yet, counted from the events at hand."""
        segment = common_segment(context) | (picture.blamed if picture else {})
        told = self._account(context, segment, span, missing)
        if told is not None:
            return [told]
        if picture is None:
            return []
        since = [unit for unit in picture.since if picture.in_segment(unit)]
        counts = {"bad": sum(unit.bad for unit in since), "total": len(since)}
        query = f"{picture.query} once per checkout without a success"
        return [money_finding(lost_of(since), counts, query, span.from_us, span.to_us)]

    def _account(
        self,
        context: IncidentContext,
        segment: Mapping[str, str],
        span: _Span,
        missing: list[str],
    ) -> Finding | None:
        """What the till's account says of the first objective that lost something."""
        if self._impact is None:
            return None
        port, (from_us, to_us) = self._impact, span.on_slices()
        answers = []
        for objective_id in context.objective_ids[:MAX_OBJECTIVES]:
            try:
                told = port.impact(objective_id, segment, from_us, to_us)
            except NotFound:
                continue  # an objective of somebody else's: the account does not keep it
            except _UNREACHABLE:
                missing.append("account")
                return None
            query = f"slo.impact({objective_id}, {json.dumps(segment, sort_keys=True)})"
            if any(told.lost.values()):
                return money_finding(told.lost, _counts(told), query, from_us, to_us)
            answers.append((told, query))
        if answers and "events" in missing:
            told, query = answers[0]
            return money_finding(told.bad_minor, _counts(told), query, from_us, to_us)
        return None

    def _traces(
        self,
        context: IncidentContext,
        picture: _Picture | None,
        span: _Span,
        missing: list[str],
    ) -> TraceComparison | None:
        def fetch() -> TraceComparison | None:
            bad = _trace_ids(picture, bad=True)
            good = _trace_ids(picture, bad=False)
            if not bad:
                failed = self._store.spans(
                    from_us=span.from_us,
                    to_us=span.to_us,
                    service=context.service,
                    status="error",
                    limit=MAX_ROWS,
                )
                bad = list(dict.fromkeys(row.trace_id for row in failed))[:MAX_TRACES]
            return compare_traces(self._fetch(bad), self._fetch(good))

        return self._ask("traces", missing, fetch)

    def _fetch(self, trace_ids: Sequence[str]) -> list[list[SpanRow]]:
        return [self._store.trace(trace_id) for trace_id in trace_ids]

    def _changes(
        self,
        context: IncidentContext,
        picture: _Picture | None,
        compared: TraceComparison | None,
        span: _Span,
        missing: list[str],
    ) -> ChangeReport | None:
        found: list[ChangeRow] | None = self._ask(
            "changes",
            missing,
            lambda: self._store.changes(
                from_us=span.from_us - NEAR_US, to_us=span.from_us + NEAR_US, limit=MAX_ROWS
            ),
        )
        if found is None:
            return None
        touched = {place.service for place in compared.errors} if compared else set()
        scene = Scene(
            onset_us=span.from_us,
            service=context.service,
            blamed=picture.blamed if picture else {},
            dependencies=frozenset(touched | set(context.dependencies)) - {context.service},
            sharp=bool(picture and picture.sharp),
        )
        return rank_changes([one for one in found if one.kind != VENDOR], scene)

    def _causes(
        self,
        context: IncidentContext,
        onset_us: int,
        picture: _Picture | None,
        missing: list[str],
    ) -> tuple[list[Finding], Verdict]:
        """What vendors say, and which change or outside cause logs, metrics and diffs speak for."""

        def search() -> tuple[list[Finding], Verdict]:
            changes = changes_before(self._store, onset_us)
            scene = scene_around(self._store, context, onset_us, changes)
            blamed = picture.blamed if picture else {}
            found = vendor_findings(scene.vendors, blamed, onset_us)
            if not scene.symptoms and not scene.series:
                return found, Verdict.CANNOT_TELL
            judged = judge(scene)
            if (radius := radius_finding(judged.facts)) is not None:
                found.append(radius)
            if judged.candidates:
                found += cause_findings(scene, judged)
            return found, judged.verdict

        try:
            return self._ask("metrics", missing, search) or ([], Verdict.CANNOT_TELL)
        except _UNJUDGEABLE:
            missing.append("causes")
            return [], Verdict.CANNOT_TELL

    def _logs(self, context: IncidentContext, span: _Span, missing: list[str]) -> list[Finding]:
        length_us = span.to_us - span.from_us

        def fetch(from_us: int, to_us: int) -> list[LogRow]:
            return self._store.logs(
                from_us=from_us,
                to_us=to_us,
                service=context.service,
                min_severity=ERROR_SEVERITY,
                limit=MAX_ROWS,
            )

        def compare() -> Finding | None:
            since = fetch(span.from_us, span.to_us)
            before = fetch(span.from_us - length_us, span.from_us)
            query = f"telemetry.logs(service={context.service}, severity>={ERROR_SEVERITY})"
            return logs_finding(compare_logs(before, since), query, span.from_us, span.to_us)

        found = self._ask("logs", missing, compare)
        return [found] if found else []


@dataclass(frozen=True)
class _Span:
    """From the onset to now, UTC microseconds."""

    from_us: int
    to_us: int

    def on_slices(self) -> tuple[int, int]:
        """Widened to slice borders: 5 s, and 1 min for what is older than about 2 h."""
        slice_us = 5 * SECOND_US if self.to_us - self.from_us < 2 * HOUR_US else MINUTE_US
        return self.from_us // slice_us * slice_us, -(-self.to_us // slice_us) * slice_us


def _look(context: IncidentContext, rows: Sequence[EventRow]) -> _Picture | None:
    """Onset, traffic and breakdown; the onset is sharpened inside the slice that is blamed."""
    units = units_of(rows, context.rule)
    if not units:
        return None
    onset_us, sharp = context.onset_us, False
    if (point := change_point(units, WEAK_ONSET)) is not None:
        onset_us, sharp = point.at_us, point.sharp
    types = "|".join(context.rule.types)
    query = f"telemetry.events(types={types}) -> units"

    def at(onset_us: int) -> _Picture:
        counted = traffic(units, onset_us, context.now_us + 1)
        since = [unit for unit in units if unit.time_us >= onset_us]
        found = break_down(since, counted.rate_before) if counted.bad else None
        return _Picture(units, onset_us, sharp, counted, found, query, context.rule)

    picture = at(onset_us)
    if picture.breakdown is not None and picture.breakdown.blamed is not None:
        inside = change_point([u for u in units if picture.in_segment(u)], WEAK_ONSET)
        if inside is not None and inside.at_us != onset_us:
            sharp = sharp or inside.sharp
            sharper = at(inside.at_us)
            if sharper.breakdown is not None and sharper.breakdown.blamed is not None:
                return sharper
    return picture


def _events_findings(picture: _Picture, span: _Span) -> list[Finding]:
    counted = traffic_finding(picture.traffic, picture.query, sharp=picture.sharp)
    words = {"unit": picture.rule.unit, "judged_by": picture.rule.judged_by}
    found = [replace(counted, numbers={**counted.numbers, **words})]
    if picture.breakdown is not None:
        query = f"{picture.query}, bad against good by field"
        found.append(breakdown_finding(picture.breakdown, query, span.from_us, span.to_us))
        modes = modes_finding(picture.breakdown, query, span.from_us, span.to_us)
        found += [modes] if modes else []
    return found


def _trace_ids(picture: _Picture | None, *, bad: bool) -> list[str]:
    """Newest units of the blamed slice (bad) or of all (good) that carry a trace."""
    if picture is None:
        return []
    found = dict.fromkeys(
        unit.trace_id
        for unit in reversed(picture.units)
        if unit.trace_id
        and unit.bad is bad
        and (not bad or (unit.time_us >= picture.onset_us and picture.in_segment(unit)))
    )
    return list(found)[:MAX_TRACES]


def _counts(told: Impact) -> Mapping[str, int]:
    return {"bad": told.bad, "total": told.total}
