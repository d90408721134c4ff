"""Asks the telemetry store for what the judgement about causes stands on, within bounds."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.clock import HOUR_US, MINUTE_US
from kernel.telemetry_store.port import ChangeRow, LogRow, MetricRow, SpanRow, TelemetryStore
from triage.evidence.causes.assemble import (
    WARNING_SEVERITY,
    calls_of,
    changes_of,
    series_of,
    span_symptoms,
    symptoms_of,
    vendors_of,
)
from triage.evidence.causes.scene import Alarm, Scene
from triage.evidence.evidence import IncidentContext

# A change may show hours later (a slow leak, a table that grows).
LOOK_BACK_US = 6 * HOUR_US
USUAL_US = HOUR_US
_BEFORE_ONSET_US = MINUTE_US
MAX_LOGS = 3_000
MAX_POINTS = 20_000
MAX_SPANS = 2_000
MAX_CHANGES = 500
MAX_WORDS = 1_000


def changes_before(store: TelemetryStore, onset_us: int) -> list[ChangeRow]:
    """Everything that changed in the hours before the onset and shortly after it."""
    return store.changes(
        from_us=onset_us - LOOK_BACK_US, to_us=onset_us + 5 * MINUTE_US, limit=MAX_CHANGES
    )


def scene_around(
    store: TelemetryStore, context: IncidentContext, onset_us: int, changes: Sequence[ChangeRow]
) -> Scene:
    """The scene of an incident from the hour before its onset until now.

    Logs, failed spans and points are read on both sides of the onset apart, the newest of each, so
    that many of one side cannot hide the other.
    """
    usual_until_us = onset_us - _BEFORE_ONSET_US
    from_us, to_us = usual_until_us - USUAL_US, context.now_us + 1

    def logs(since_us: int, until_us: int) -> list[LogRow]:
        return store.logs(
            from_us=since_us, to_us=until_us, min_severity=WARNING_SEVERITY, limit=MAX_LOGS
        )

    def errors(since_us: int, until_us: int) -> list[SpanRow]:
        return store.spans(from_us=since_us, to_us=until_us, status="error", limit=MAX_SPANS)

    def points(since_us: int, until_us: int) -> list[MetricRow]:
        return store.metrics(from_us=since_us, to_us=until_us, limit=MAX_POINTS // 2)

    spans = store.spans(from_us=usual_until_us, to_us=to_us, limit=MAX_SPANS)
    failed = [*errors(from_us, usual_until_us), *errors(usual_until_us, to_us)]
    symptoms = symptoms_of(
        [*logs(from_us, usual_until_us), *logs(usual_until_us, to_us)], usual_until_us
    )
    suspects, deployments = changes_of(changes)
    words = " ".join([context.title, *context.labels.values()])
    return Scene(
        alarm=Alarm(onset_us, context.service, "", words[:MAX_WORDS], context.now_us),
        symptoms=symptoms + span_symptoms(failed, usual_until_us),
        series=series_of([*points(from_us, usual_until_us), *points(usual_until_us, to_us)]),
        suspects=suspects,
        deployments=deployments,
        vendors=vendors_of(changes),
        calls=calls_of(spans),
    )
