"""Sentences 42-49: which data is valid (comments in the .proto files)."""

from __future__ import annotations

import secrets

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from collector.otlp.signals import LOGS, METRICS, TRACES
from tests.collector.conformance.answers import rejected, response, taken
from tests.collector.conformance.requests import (
    AT_NS,
    KINDS,
    fresh,
    gauge,
    log,
    logs,
    metrics,
    pair,
    point,
    span,
    traces,
)
from tests.collector.conformance.target import Target

DELTA, CUMULATIVE = 1, 2


@pytest.mark.conformance(42)
def test_a_span_without_valid_ids_is_refused_alone(target: Target) -> None:
    trace_id = fresh()
    bad = [span(trace_id=wrong) for wrong in (b"", bytes(16), fresh(15), fresh(17), fresh(8))]
    bad += [
        span(trace_id=trace_id, span_id=wrong)
        for wrong in (b"", bytes(8), fresh(7), fresh(9), fresh(16))
    ]
    for kind in KINDS:
        good = [span(trace_id=trace_id) for _ in range(2)]
        assert rejected(TRACES, target.send(TRACES, traces(good[0], *bad, good[1]), kind)) == 10
    if target.world:
        assert len(target.spans(trace_id)) == 4


@pytest.mark.conformance(43, needs=["read_back"])
def test_a_span_without_a_name_or_that_ends_too_early_is_kept_and_marked(target: Target) -> None:
    for kind in KINDS:
        trace_id = fresh()
        nameless = span(trace_id=trace_id, name="")
        backwards = span(trace_id=trace_id, start_time_unix_nano=AT_NS + 600_000_000)
        good = span(
            trace_id=trace_id, start_time_unix_nano=AT_NS + 10**9, end_time_unix_nano=2 * AT_NS
        )
        answer = target.send(TRACES, traces(nameless, backwards, good), kind)
        partial = response(TRACES, answer).partial_success
        assert (partial.rejected_spans, partial.error_message.count("kept")) == (0, 2)
        flags = [row.attributes.get("tillwatch.flag") for row in target.spans(trace_id)]
        assert flags == ["no name", "ends before it starts", None]


@pytest.mark.conformance(44)
def test_a_log_record_with_a_bad_trace_id_is_kept_without_it(target: Target) -> None:
    service = secrets.token_hex(8)
    valid = fresh()
    bad = [log(trace_id=wrong, span_id=fresh(3)) for wrong in (fresh(3), bytes(16), fresh(17), b"")]
    for kind in KINDS:
        message = logs(log(trace_id=valid, span_id=fresh(8)), *bad, service=service)
        taken(LOGS, target.send(LOGS, message, kind))
    if target.world:
        rows = target.logs(service)
        assert sorted(row.trace_id for row in rows) == [""] * 8 + [valid.hex()] * 2


@pytest.mark.conformance(45, needs=["read_back"])
def test_a_log_record_without_a_time_has_its_observed_time_or_that_of_receipt(
    target: Target,
) -> None:
    assert target.world
    received_us = target.world.clock.now_us()
    for kind in KINDS:
        service = secrets.token_hex(8)
        records = [
            log("both", observed_time_unix_nano=AT_NS + 1_000),
            log("observed", time_unix_nano=0, observed_time_unix_nano=AT_NS + 2_000),
            log("neither", time_unix_nano=0),
        ]
        taken(LOGS, target.send(LOGS, logs(*records, service=service), kind))
        times = {row.body: row.time_us for row in target.logs(service)}
        assert times == {
            "both": AT_NS // 1000,
            "observed": AT_NS // 1000 + 2,
            "neither": received_us,
        }


@pytest.mark.conformance(46, needs=["read_back"])
def test_of_equal_keys_in_one_map_the_first_counts(target: Target) -> None:
    twice = [pair("a", int_value=1), pair("b", int_value=2), pair("a", string_value="later")]
    nested = KeyValue(key="map", value=AnyValue(kvlist_value=KeyValueList(values=twice)))
    for kind in KINDS:
        trace_id, service = fresh(), secrets.token_hex(8)
        message = traces(span(trace_id=trace_id, attributes=[*twice, nested]), service=service)
        resource = message.resource_spans[0].resource
        resource.attributes.extend([pair("zone", int_value=1), pair("zone", int_value=2)])
        resource.attributes.append(pair("service.name", string_value="later"))
        taken(TRACES, target.send(TRACES, message, kind))
        (row,) = target.spans(trace_id)
        assert (row.attributes["a"], row.attributes["zone"], row.service) == (1, 1, service)
        assert row.attributes["map"] == '{"a":1,"b":2}'


@pytest.mark.conformance(47)
def test_metric_points_need_time_temporality_and_fitting_buckets(target: Target) -> None:
    def histogram(temporality: int, *points: HistogramDataPoint) -> Metric:
        metric = Metric(name=name)
        metric.histogram.aggregation_temporality = temporality
        metric.histogram.data_points.extend(points)
        return metric

    def buckets(counts: list[int], bounds: list[float], at_ns: int = AT_NS) -> HistogramDataPoint:
        return HistogramDataPoint(
            time_unix_nano=at_ns,
            count=sum(counts),
            sum=4.5,
            bucket_counts=counts,
            explicit_bounds=bounds,
        )

    def total(temporality: int) -> Metric:
        metric = Metric(name=name)
        metric.sum.aggregation_temporality = temporality
        metric.sum.data_points.append(point(4))
        return metric

    def exponential(temporality: int) -> Metric:
        metric = Metric(name=name)
        metric.exponential_histogram.aggregation_temporality = temporality
        metric.exponential_histogram.data_points.add(time_unix_nano=AT_NS, count=1, sum=7)
        return metric

    name = secrets.token_hex(8)
    timeless = Metric(name=name)
    timeless.summary.data_points.add(count=1, sum=1)
    bad = [
        (gauge(name, point(time_unix_nano=0), point(time_unix_nano=0)), 2),
        (timeless, 1),
        (total(0), 1),
        (exponential(0), 1),
        (histogram(0, buckets([1], [])), 1),
        (histogram(DELTA, buckets([1, 2], [1.0], at_ns=0)), 1),
        (histogram(DELTA, buckets([1, 2], [1.0, 2.0]), buckets([], [1.0])), 2),
    ]
    good = [
        gauge(name, point(1)),
        total(CUMULATIVE),
        exponential(DELTA),
        histogram(DELTA, buckets([1, 2], [1.0]), buckets([], [])),
    ]
    for metric, count in bad:
        for kind in KINDS:
            answer = target.send(METRICS, metrics(metric, gauge("other", point())), kind)
            assert rejected(METRICS, answer) == count
    for kind in KINDS:
        # Another service: the same batch again would not be stored again.
        taken(METRICS, target.send(METRICS, metrics(*good, service=kind), kind))
    if target.world:
        values = sorted(row.value for row in target.metrics(name))
        assert values == [1, 1, 4, 4, 4.5, 4.5, 4.5, 4.5, 7, 7]


@pytest.mark.conformance(48)
def test_references_into_the_string_table_are_unknown(target: Target) -> None:
    references = [
        KeyValue(key="a", value=AnyValue(string_value_strindex=7)),
        KeyValue(key="b", key_strindex=3, value=AnyValue(string_value="kept")),
        KeyValue(
            key="c",
            value=AnyValue(array_value=ArrayValue(values=[AnyValue(string_value_strindex=7)])),
        ),
    ]
    for kind in KINDS:
        trace_id = fresh()
        message = traces(span(trace_id=trace_id, attributes=references, status=Status(code=1)))
        taken(TRACES, target.send(TRACES, message, kind))
        if target.world:
            (row,) = target.spans(trace_id)
            assert dict(row.attributes) == {"a": "", "b": "kept", "c": "[null]"}


@pytest.mark.conformance(49)
def test_the_upper_bits_of_the_flags_are_no_fault(target: Target) -> None:
    trace_id = fresh()
    for kind in KINDS:
        given = [span(trace_id=trace_id, flags=flags) for flags in (0xFFFFFFFF, 1 << 31, 0x101)]
        taken(TRACES, target.send(TRACES, traces(*given), kind))
        taken(LOGS, target.send(LOGS, logs(log(flags=0xFFFFFF00)), kind))
    if target.world:
        assert len(target.spans(trace_id)) == 6
