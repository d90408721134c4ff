"""Sentences 30-35: the JSON encoding of OTLP."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from collector.otlp.signals import LOGS, METRICS, TRACES
from tests.collector.conformance.answers import bad_field, rejected, status, taken
from tests.collector.conformance.requests import (
    AT_NS,
    JSON,
    KINDS,
    PROTOBUF,
    base64_ids,
    body,
    document,
    fresh,
    gauge,
    log,
    logs,
    metrics,
    point,
    span,
    span_document,
    traces,
    with_value,
)
from tests.collector.conformance.target import Target, ours
from tests.shared_data import shared

EXAMPLES = {"trace": TRACES, "logs": LOGS, "events": LOGS, "metrics": METRICS}
EXAMPLE_TRACE_ID = "5b8efff798038103d269b633813fc60c"
METRICS_AT = ("Metrics", "metrics")


@pytest.mark.conformance(30)
def test_ids_are_hex_in_any_case(target: Target) -> None:
    trace_id = fresh()
    for written in (trace_id.hex(), trace_id.hex().upper(), trace_id.hex().title()):
        given = span_document(
            traceId=written,
            parentSpanId="ABCDEF0123456789",
            links=[{"traceId": written, "spanId": "ABCDEF0123456789"}],
        )
        taken(TRACES, _post(target, given))
    if target.world:
        rows = target.spans(trace_id)
        assert {row.parent_span_id for row in rows} == {"abcdef0123456789"}
        assert len(rows) == 3
    as_base64 = base64.b64encode(b"\xfb" * 16).decode()
    hex_and_more = (fresh().hex() + " ", "0x" + fresh().hex()[2:], fresh().hex()[1:], "é" * 16)
    for wrong in (as_base64, *hex_and_more, 5, [], {}, True):
        for given in (
            span_document(traceId=wrong),
            span_document(spanId=wrong),
            span_document(parentSpanId=wrong),
            span_document(links=[{"traceId": wrong}]),
        ):
            assert _refused(target, given).rstrip("]").endswith("Id")


@pytest.mark.conformance(31)
def test_enums_are_integers(target: Target) -> None:
    taken(TRACES, _post(target, span_document(kind=2, status={"code": 2})))
    # An enum may grow: a value that nobody knows yet is no fault.
    taken(TRACES, _post(target, span_document(kind=77)))
    for name in ("SPAN_KIND_SERVER", "SERVER", "2", "", 2.5, True, [2]):
        assert _refused(target, span_document(kind=name)).endswith("kind")
    assert _refused(target, span_document(status={"code": "STATUS_CODE_ERROR"})).endswith("code")
    record = document(logs(log()))
    record["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["severityNumber"] = "INFO"
    answer = target.post("/v1/logs", json.dumps(record).encode(), JSON)
    assert bad_field(status(answer)).endswith("severityNumber")
    answer = target.post("/v1/metrics", json.dumps(_sum("AGGREGATION_TEMPORALITY_DELTA")).encode())
    assert bad_field(status(answer)).endswith("aggregationTemporality")


@pytest.mark.conformance(32)
def test_snake_case_keys_are_unknown(target: Target) -> None:
    # Values that no such field could have: whoever knew the key would have to refuse them.
    more = {"start_time_unix_nano": {}, "dropped_attributes_count": "?", "trace_state": 5}
    trace_id = fresh()
    given = span_document(traceId=trace_id.hex(), parent_span_id="abcdef0123456789", **more)
    given["resource_spans"] = 5
    given["resourceSpans"][0]["schema_url"] = []
    taken(TRACES, _post(target, given))
    taken(TRACES, _post(target, with_value({"string_value": 5, "int_value": "?"})))
    if target.world:
        assert [row.parent_span_id for row in target.spans(trace_id)] == [""]
    only_snake = span_document(trace_id=fresh().hex())
    del only_snake["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"]
    assert rejected(TRACES, _post(target, only_snake)) == 1


@pytest.mark.conformance(33)
def test_large_integers_are_numbers_or_decimal_strings(target: Target) -> None:
    trace_id, largest = fresh(), (1 << 63) - 1
    for start, value in (
        (str(AT_NS), largest),
        (AT_NS, str(largest)),
        (str(AT_NS), -7),
        (AT_NS, "-7"),
    ):
        given = with_value({"intValue": value})
        (one,) = given["resourceSpans"][0]["scopeSpans"][0]["spans"]
        one |= {"traceId": trace_id.hex(), "startTimeUnixNano": start}
        taken(TRACES, _post(target, given))
    if target.world:
        rows = target.spans(trace_id)
        assert sorted(row.attributes["a"] for row in rows) == [-7, -7, largest, largest]
        assert {row.start_us for row in rows} == {AT_NS // 1000}
    for wrong in (
        "",
        "-",
        "+7",
        " 7",
        "0x7",
        "7.5",
        "\N{FULLWIDTH DIGIT SEVEN}",
        "1e400",
        str(1 << 63),
        1 << 63,
        7.5,
        True,
        [],
        {},
    ):
        assert _refused(target, with_value({"intValue": wrong})).endswith("intValue")
    for wrong in (-1, "-1", str(1 << 64), "soon", 0.5):
        assert _refused(target, span_document(startTimeUnixNano=wrong)).endswith("UnixNano")
    assert _refused(target, span_document(startTimeUnixNano=1 << 64))
    answer = target.send(TRACES, traces(span(trace_id=b"")), JSON)
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"


@pytest.mark.conformance(34)
def test_bytes_are_base64_and_what_is_no_number_is_a_string(target: Target) -> None:
    trace_id = fresh()
    values = [
        {"bytesValue": base64.b64encode(b"\xfb\xff\x00").decode()},
        {"doubleValue": "NaN"},
        {"doubleValue": "-Infinity"},
        {"doubleValue": 0.25},
        {"doubleValue": "1.5e3"},
        {"doubleValue": 7},
    ]
    attributes = [{"key": str(at), "value": value} for at, value in enumerate(values)]
    taken(TRACES, _post(target, span_document(traceId=trace_id.hex(), attributes=attributes)))
    if target.world:
        (row,) = target.spans(trace_id)
        found = [row.attributes[str(at)] for at in range(len(values))]
        assert found == ["fbff00", "nan", "-inf", 0.25, 1500.0, 7.0]
    for wrong in ("?", "ab", "YQ==\n", 5, ["YQ=="]):
        assert _refused(target, with_value({"bytesValue": wrong})).endswith("bytesValue")
    for wrong in ("nan", "inf", "+Infinity", "1_0", " 1", "0x1p3", "1e999", "", True, []):
        assert _refused(target, with_value({"doubleValue": wrong})).endswith("doubleValue")
    for bare in ("NaN", "Infinity", "-Infinity", "1e999"):
        text = json.dumps(with_value({"doubleValue": 0.5})).replace("0.5", bare)
        answer = target.post("/v1/traces", text.encode(), JSON)
        assert bad_field(status(answer))


@pytest.mark.conformance(35, needs=["read_back"])
def test_the_example_files_are_taken_and_read_back_unchanged(
    target: Target, tmp_path: Path
) -> None:
    by_kind = []
    for kind in KINDS:
        # A world for each: the same batch again would not be stored again.
        folder = tmp_path / kind.partition("/")[2]
        folder.mkdir()
        with ours(folder) as fresh_target:
            for name, signal in EXAMPLES.items():
                content = _example(name)
                sent = content if kind == JSON else _as_protobuf(signal, content)
                taken(signal, fresh_target.post(signal.path, sent, kind))
            _unchanged_trace(fresh_target, _only(_example("trace"), "Spans", "spans"))
            for name in ("logs", "events"):
                _unchanged_log(fresh_target, _only(_example(name), "Logs", "logRecords"))
            for metric in _items(_example("metrics"), *METRICS_AT):
                _unchanged_metric(fresh_target, metric)
            by_kind.append(_rows(fresh_target))
    assert by_kind[0] == by_kind[1]


def _unchanged_trace(target: Target, one: dict[str, Any]) -> None:
    (row,) = target.spans(bytes.fromhex(one["traceId"]))
    assert row.span_id == one["spanId"].lower()
    assert row.parent_span_id == one["parentSpanId"].lower()
    assert (row.name, row.kind, row.service) == (one["name"], "server", "my.service")
    assert row.start_us == int(one["startTimeUnixNano"]) // 1000
    assert row.end_us == int(one["endTimeUnixNano"]) // 1000
    assert _plain(one["attributes"]).items() <= dict(row.attributes).items()


def _unchanged_log(target: Target, one: dict[str, Any]) -> None:
    name = one.get("eventName", "")
    (row,) = (row for row in target.logs("my.service") if row.event_name == name)
    assert (row.time_us, row.severity) == (int(one["timeUnixNano"]) // 1000, one["severityNumber"])
    ids = [one.get(key, "").lower() for key in ("traceId", "spanId")]
    assert [row.trace_id, row.span_id] == ids
    assert row.body == (_text(one["body"]) if "body" in one else "")
    assert _plain(one["attributes"]).items() <= dict(row.attributes).items()


def _unchanged_metric(target: Target, one: dict[str, Any]) -> None:
    (row,) = target.metrics(one["name"])
    (kind,) = one.keys() & {"gauge", "sum", "histogram", "exponentialHistogram"}
    (data_point,) = one[kind]["dataPoints"]
    assert (row.unit, row.time_us) == (one["unit"], int(data_point["timeUnixNano"]) // 1000)
    assert math.isclose(row.value, float(data_point.get("asDouble", data_point.get("sum"))))
    assert _plain(data_point["attributes"]).items() <= dict(row.attributes).items()


def _rows(target: Target) -> list[Any]:
    spans = target.spans(bytes.fromhex(EXAMPLE_TRACE_ID))
    metrics_of = [target.metrics(one["name"]) for one in _items(_example("metrics"), *METRICS_AT)]
    found = [*spans, *target.logs("my.service"), *(row for rows in metrics_of for row in rows)]
    return [replace(row, position=0) for row in found]


def _post(target: Target, given: Any):
    return target.post("/v1/traces", json.dumps(given).encode(), JSON)


def _refused(target: Target, given: Any) -> str:
    """The field that the refusal of the whole request names."""
    answer = _post(target, given)
    assert answer.status_code == 400, given
    return bad_field(status(answer))


def _sum(temporality: object) -> dict[str, Any]:
    given = document(metrics(gauge("orders", point())))
    (metric,) = given["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    metric["sum"] = {**metric.pop("gauge"), "aggregationTemporality": temporality}
    return given


def _example(name: str) -> bytes:
    return shared(f"vectors/otlp/examples/{name}.json").read_bytes()


def _as_protobuf(signal: Any, content: bytes) -> bytes:
    """Re-encoded by protobuf's own reader of JSON, which wants ids in base64."""
    message = json_format.ParseDict(base64_ids(json.loads(content)), signal.request())
    return body(message, PROTOBUF)


def _items(content: bytes, group: str, items: str) -> list[dict[str, Any]]:
    (one,) = json.loads(content)[f"resource{group}"]
    (scope,) = one[f"scope{group}"]
    found: list[dict[str, Any]] = scope[items]
    return found


def _only(content: bytes, group: str, items: str) -> dict[str, Any]:
    (one,) = _items(content, group, items)
    return one


def _plain(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["key"]: _value(one["value"]) for one in attributes}


def _value(value: dict[str, Any]) -> Any:
    """How the row shows a value: numbers and truth values as such, nested ones as JSON text."""
    ((kind, inner),) = value.items()
    if kind == "intValue":
        return int(inner)
    return _text(value) if kind in {"arrayValue", "kvlistValue"} else inner


def _text(value: dict[str, Any]) -> str:
    nested = _nested(value)
    return nested if isinstance(nested, str) else json.dumps(nested, separators=(",", ":"))


def _nested(value: dict[str, Any]) -> Any:
    ((kind, inner),) = value.items()
    if kind == "arrayValue":
        return [_nested(child) for child in inner["values"]]
    if kind == "kvlistValue":
        return {pair["key"]: _nested(pair["value"]) for pair in inner["values"]}
    return int(inner) if kind == "intValue" else inner
