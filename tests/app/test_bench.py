"""The benchmark measures a real service, and says so where counts and what was sent differ."""

from __future__ import annotations

import json
import os
import random

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.bench.cli import render
from app.bench.load import Load, LoadRun
from app.bench.measure import child_of, machine, percentile, resident_mib
from app.bench.traffic import Traffic
from app.demo.world import World
from kernel.clock import SystemClock
from kernel.errors import Unavailable

KEY = "tillwatch.payment_id"


@pytest.fixture
def traffic() -> Traffic:
    return Traffic(World(random.Random(7)))


def test_no_event_is_sent_twice(traffic):
    batches = [json.loads(traffic.events(50, 1_795_000_000_000_000)) for _ in range(20)]
    names = [event["id"] for batch in batches for event in batch]
    assert len(names) == 1000
    assert len(set(names)) == 1000


def test_what_is_expected_is_what_the_events_say(traffic):
    told = json.loads(traffic.events(400, 1_795_000_000_000_000))
    told += json.loads(traffic.events(traffic.waiting, 1_795_000_000_000_000))
    ends = [event for event in told if event["type"] in ("payment.succeeded", "payment.failed")]
    expected = traffic.expected()
    assert sum(expected["payment-success"].values()) == len(ends)
    for provider in ("stripe", "adyen"):
        of_it = [event for event in ends if event["data"]["provider"] == provider]
        assert sum(expected[f"payment-success-{provider}"].values()) == len(of_it)
    done = [event for event in told if event["type"] == "checkout.completed"]
    assert expected["checkout-success"] == {"good": len(done)}


def test_each_attempt_is_told_by_a_span_too(traffic):
    told = json.loads(traffic.events(200, 1_795_000_000_000_000))
    told += json.loads(traffic.events(traffic.waiting, 1_795_000_000_000_000))
    request = ExportTraceServiceRequest.FromString(traffic.export())
    spans = [s for g in request.resource_spans for scope in g.scope_spans for s in scope.spans]
    named = {p.value.string_value for s in spans for p in s.attributes if p.key == KEY}
    assert named == {e["data"]["payment_id"] for e in told if e["type"] == "payment.attempted"}
    assert len({(span.trace_id, span.span_id) for span in spans}) == len(spans) == traffic.spans
    assert traffic.export() == b""


def test_percentiles_are_values_that_were_measured():
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (50, 99, 100)] == [50, 99, 100]
    assert percentile([3.0], 99) == 3.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_memory_is_read_from_the_system(tmp_path):
    assert resident_mib(os.getpid()) > 1
    assert child_of(os.getpid(), "no such command line") is None
    with pytest.raises(Unavailable, match="cannot be read"):
        resident_mib(1, proc=tmp_path)
    assert machine()["cpus"] >= 1


def test_a_short_run_measures_a_real_service_that_counts_everything(tmp_path):
    load = Load(seconds=2, rate_per_s=200, batch=50, idle_s=0.1)
    told = []
    document = LoadRun(tmp_path / "data", load, SystemClock(), told.append).run()
    assert document["counts"]["agrees"], document["counts"]
    assert document["counts"]["counted"]["payment-success"]["good"] > 0
    assert document["sent"]["events"] >= 400
    assert all(set(row) >= {"case", "ours", "peer", "ratio", "unit"} for row in document["rows"])
    assert "every event counted once" in render(document)
    assert len(told) == 3


def test_counts_that_differ_are_shown():
    document = {"rows": [], "counts": {"agrees": False}}
    assert "COUNTS DIFFER" in render(document)
