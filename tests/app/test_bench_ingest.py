"""The ingest benchmark sends what it says, and counts only what the stores agree with."""

from __future__ import annotations

import gzip
import json
import time

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.bench import bodies
from app.bench.cli import render_ingest
from app.bench.ingest import CASES, IngestRun
from collector.otlp.json_decode import decode_json
from kernel.clock import SystemClock

READ = {
    "protobuf": ExportTraceServiceRequest.FromString,
    "gzip": lambda body: ExportTraceServiceRequest.FromString(gzip.decompress(body)),
    "json": lambda body: decode_json(body, ExportTraceServiceRequest()),
}


def spans_of(request: ExportTraceServiceRequest) -> list:
    return [
        s for group in request.resource_spans for scope in group.scope_spans for s in scope.spans
    ]


@pytest.mark.parametrize("form", READ)
def test_every_span_of_every_body_has_ids_that_nobody_used_before(form: str) -> None:
    made = getattr(bodies.Exports(7, time.time_ns()), form)(12)
    spans = [span for body in made for span in spans_of(READ[form](body))]
    assert len(spans) == 12 * bodies.SPANS
    assert len({span.trace_id for span in spans}) == len(spans)
    assert len({span.span_id for span in spans}) == len(spans)
    assert {(len(span.trace_id), len(span.span_id)) for span in spans} == {(16, 8)}


def test_three_bodies_of_a_hundred_hold_a_card_number() -> None:
    made = bodies.Exports(7, time.time_ns()).protobuf(200)
    assert sum(b"paid with" in body for body in made) == 7
    told = bodies.events(200, 2, "2026-11-22T10:00:00Z", "run")
    assert sum(b"declined 4111" in body for body in told) == 7
    names = [one["id"] for body in told for one in json.loads(body)]
    assert len(set(names)) == len(names) == 400


@pytest.mark.timeout(300)
def test_a_short_run_agrees_with_the_stores(tmp_path) -> None:
    said: list[str] = []
    cases = tuple(case for case in CASES if case.form in {"json", "events"})
    document = IngestRun(tmp_path, 4, 1, SystemClock(), said.append).run(cases)
    rows = {row["case"]: row for row in document["rows"]}
    assert rows["OTLP JSON"]["ours"] > 0
    assert rows["events, 100 a request"]["peer"] is None
    assert all("acknowledged = stored" in line for line in said)
    assert "OTLP JSON" in render_ingest(document)
