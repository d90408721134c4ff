"""What the door takes as OTLP/JSON, however it looks at it: what its decoder reads, and no more."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.otlp.json_decode import decode_json
from collector.otlp.signals import LOGS, METRICS, TRACES, Signal
from collector.otlp.stored import message_of
from kernel.errors import BadInput
from kernel.journal import JournalReader, Stream
from tests.collector.conformance.answers import bad_field, status
from tests.collector.conformance.requests import (
    AT_NS,
    JSON,
    PROTOBUF,
    base64_ids,
    fresh,
    span_document,
    with_value,
)
from tests.collector.conformance.target import Target, ours

AT = str(AT_NS)
SPAN = "$.resourceSpans[0].scopeSpans[0].spans[0]"
VALUE = f"{SPAN}.attributes[0].value"
EVERY_VALUE = [
    {"key": "text", "value": {"stringValue": "é"}},
    {"key": "truth", "value": {"boolValue": False}},
    {"key": "int", "value": {"intValue": "-5"}},
    {"key": "double", "value": {"doubleValue": 0.5}},
    {"key": "bytes", "value": {"bytesValue": "AP8="}},
    {"key": "none", "value": {}},
    {"key": "list", "value": {"arrayValue": {"values": [{"intValue": 1}, {"stringValue": "a"}]}}},
    {
        "key": "map",
        "value": {"kvlistValue": {"values": [{"key": "b", "value": {"boolValue": True}}]}},
    },
]
RESOURCE = {"attributes": EVERY_VALUE, "droppedAttributesCount": 1}
SCOPE = {"name": "s", "version": "1", "attributes": EVERY_VALUE}
LINK = {"traceId": "ab" * 16, "spanId": "cd" * 8, "traceState": "x=y", "attributes": EVERY_VALUE}
FULL_SPAN = {
    "traceId": "ab" * 16,
    "spanId": "cd" * 8,
    "parentSpanId": "ef" * 8,
    "traceState": "x=y",
    "flags": 257,
    "name": "charge",
    "kind": 2,
    "startTimeUnixNano": AT,
    "endTimeUnixNano": AT_NS,
    "attributes": EVERY_VALUE,
    "droppedAttributesCount": 1,
    "events": [{"timeUnixNano": AT, "name": "sent", "attributes": EVERY_VALUE}],
    "links": [LINK],
    "status": {"code": 2, "message": "timed out"},
}
FULL_LOG = {
    "timeUnixNano": AT,
    "observedTimeUnixNano": AT,
    "severityNumber": 9,
    "severityText": "INFO",
    "body": {"kvlistValue": {"values": EVERY_VALUE}},
    "attributes": EVERY_VALUE,
    "flags": 1,
    "traceId": "ab" * 16,
    "spanId": "cd" * 8,
    "eventName": "payment.declined",
}
EXEMPLAR = {
    "timeUnixNano": AT,
    "asInt": "5",
    "traceId": "ab" * 16,
    "filteredAttributes": EVERY_VALUE,
}
NUMBER = {"attributes": EVERY_VALUE, "timeUnixNano": AT, "asDouble": 1.5, "exemplars": [EXEMPLAR]}
BUCKETS = {
    "timeUnixNano": AT,
    "count": "3",
    "sum": 4.5,
    "bucketCounts": ["1", 2],
    "explicitBounds": [1.5],
    "min": 0,
    "max": 9,
}
SCALED = {
    "timeUnixNano": AT,
    "count": 3,
    "scale": -1,
    "zeroCount": "1",
    "positive": {"offset": 1, "bucketCounts": ["1", 1]},
}
SUMMARY = {
    "timeUnixNano": AT,
    "count": "1",
    "sum": 2,
    "quantileValues": [{"quantile": 0.5, "value": 2}],
}
FULL_METRICS = [
    {"name": "g", "unit": "1", "description": "d", "gauge": {"dataPoints": [NUMBER]}},
    {
        "name": "s",
        "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [NUMBER]},
    },
    {"name": "h", "histogram": {"aggregationTemporality": 1, "dataPoints": [BUCKETS]}},
    {"name": "e", "exponentialHistogram": {"aggregationTemporality": 1, "dataPoints": [SCALED]}},
    {"name": "q", "summary": {"dataPoints": [SUMMARY]}},
]


def envelope(group: str, items: str, content: list[Any]) -> dict[str, Any]:
    scope = {"scope": SCOPE, items: content, "schemaUrl": "https://schema.example"}
    return {f"resource{group}": [{"resource": RESOURCE, f"scope{group}": [scope]}]}


FULL: list[tuple[Signal, dict[str, Any]]] = [
    (TRACES, envelope("Spans", "spans", [FULL_SPAN])),
    (LOGS, envelope("Logs", "logRecords", [FULL_LOG])),
    (METRICS, envelope("Metrics", "metrics", FULL_METRICS)),
]


def paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value of a document."""
    keys: Any = (
        node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    )
    return [path, *(found for key in keys for found in paths(node[key], (*path, key)))]


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of a document with one value replaced."""
    if not path:
        return value
    changed = json.loads(json.dumps(document))
    node = changed
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return changed


def fault_of(signal: Signal, content: bytes) -> str | None:
    """Where the decoder finds the fault, or None."""
    try:
        decode_json(content, signal.request())
    except BadInput as error:
        return error.path
    return None


ODD = st.one_of(
    st.sampled_from([None, True, False, 0, -1, 1.5, 1e300, 1 << 63, 1 << 64, "", "5", "x", "NaN"]),
    st.sampled_from([[], {}, [None], [[]], [{}], {"values": []}, {"stringValue": "a"}, {"a": 1}]),
    st.sampled_from([{"key": "k", "value": {"intValue": "x"}}, [{"key": 5}], "ab" * 16, "=" * 24]),
    st.text(max_size=6),
    # Shorter than a card number: that would not be stored as it came.
    st.integers(-(10**9), 10**9),
    st.floats(-1e9, 1e9) | st.sampled_from([math.inf, -math.inf, math.nan]),
)


_READ_TO: dict[Path, int] = {}


def stored_since_last(target: Target) -> list[bytes]:
    """The requests of new records, as the engine reads them: none of them may be unreadable."""
    assert target.world
    path = target.world.journal_path
    reader = JournalReader(path)
    records = reader.read([Stream.RAW], _READ_TO.get(path, 0), limit=10_000)
    reader.close()
    if records:
        _READ_TO[path] = records[-1].position
    return [message_of(record).SerializeToString(deterministic=True) for record in records]


@settings(max_examples=250)
@given(data=st.data())
def test_one_odd_value_anywhere_is_judged_as_the_decoder_judges_it(
    target: Target, data: st.DataObject
) -> None:
    stored_since_last(target)
    signal, document = data.draw(st.sampled_from(FULL))
    path = data.draw(st.sampled_from(paths(document)))
    content = json.dumps(put(document, path, data.draw(ODD))).encode("utf-8", "surrogatepass")
    answer = target.post(signal.path, content, JSON)
    fault = fault_of(signal, content)
    stored = stored_since_last(target)
    if fault is None:
        assert answer.status_code == 200, answer.text
        if stored and answer.content == b"{}":
            decoded = decode_json(content, signal.request()).SerializeToString(deterministic=True)
            assert stored == [decoded]
    else:
        assert stored == []
        assert answer.status_code == 400, answer.text
        assert bad_field(status(answer)) == fault


def oddly_written(node: Any, key: str = "") -> Any:
    """The same document as another writer might put it."""
    if isinstance(node, dict):
        written = {name: oddly_written(child, name) for name, child in node.items()}
        return {"unknownKey": {"spans": [None, "é"]}, **written, "nothing": None}
    if isinstance(node, list):
        return [oddly_written(child) for child in node]
    if key in {"traceId", "spanId", "parentSpanId"}:
        return node.upper()
    # A whole number may be written with a fraction of nothing.
    return float(node) if key == "droppedAttributesCount" else node


@pytest.mark.parametrize("signal_at", range(3), ids=["traces", "logs", "metrics"])
def test_a_request_gives_the_same_rows_in_json_and_in_protobuf(
    tmp_path: Path, signal_at: int
) -> None:
    signal, document = FULL[signal_at]
    plain = json.dumps(document).encode()
    odd = json.dumps(oddly_written(document), ensure_ascii=False, indent=1).encode()
    as_protobuf = json_format.ParseDict(base64_ids(document), signal.request()).SerializeToString()
    found = []
    for at, (content, kind) in enumerate(((plain, JSON), (odd, JSON), (as_protobuf, PROTOBUF))):
        folder = tmp_path / str(at)
        folder.mkdir()
        with ours(folder) as one:
            answer = one.post(signal.path, content, kind)
            assert answer.content == (b"{}" if kind == JSON else b"")
            found.append(rows(one))
    assert len(found[0]) in {1, 5}
    assert found[0] == found[1] == found[2]


def rows(target: Target) -> list[Any]:
    """All that is stored, in a written form (NaN is equal to itself there)."""
    assert target.world
    target.world.project()
    store, ever = target.world.store, {"from_us": 0, "to_us": 1 << 60}
    stored = [*store.spans(**ever), *store.logs(**ever), *store.metrics(**ever)]
    return sorted(repr(replace(row, position=0)) for row in stored)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"stringValue": 5}, ".stringValue"),
        ({"boolValue": 1}, ".boolValue"),
        ({"boolValue": "true"}, ".boolValue"),
        ({"arrayValue": []}, ".arrayValue"),
        ({"arrayValue": {"values": {}}}, ".arrayValue.values"),
        ({"arrayValue": {"values": [5]}}, ".arrayValue.values[0]"),
        ({"arrayValue": {"values": [None]}}, ".arrayValue.values[0]"),
        ({"kvlistValue": {"values": [{"key": 5}]}}, ".kvlistValue.values[0].key"),
        ({"kvlistValue": {"values": "x"}}, ".kvlistValue.values"),
        (
            {
                "arrayValue": {
                    "values": [{}, {"kvlistValue": {"values": [{"value": {"intValue": []}}]}}]
                }
            },
            ".arrayValue.values[1].kvlistValue.values[0].value.intValue",
        ),
        ("text", ""),
        (5, ""),
        ([], ""),
    ],
)
def test_a_wrong_type_deep_in_a_value_is_named_with_its_path(
    target: Target, value: Any, where: str
) -> None:
    answer = target.post("/v1/traces", json.dumps(with_value(value)).encode(), JSON)
    assert answer.status_code == 400
    assert bad_field(status(answer)) == VALUE + where


@pytest.mark.parametrize(
    "field", ["attributes", "events", "links", "status", "name", "flags", "droppedEventsCount"]
)
def test_a_null_field_is_a_field_that_is_not_there(target: Target, field: str) -> None:
    trace_id = fresh()
    document = span_document(traceId=trace_id.hex(), **{field: None})
    answer = target.post("/v1/traces", json.dumps(document).encode(), JSON)
    assert answer.status_code == 200
    assert len(target.spans(trace_id)) == 1


def nested(levels: int, leaf: str = '{"intValue":1}') -> bytes:
    value = '{"arrayValue":{"values":[' * levels + leaf + "]}}" * levels
    return json.dumps(with_value(0)).replace('"value": 0', f'"value": {value}').encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"\n\t{}\r\n",
        b'{"resourceSpans":null}',
        b'{"unknown":{"resourceSpans":[5]}}',
        nested(20),
    ],
)
def test_odd_but_valid_documents_are_taken(target: Target, content: bytes) -> None:
    assert target.post("/v1/traces", content, JSON).content == b"{}"


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"null",
        b"5",
        b'"x"',
        b"[]",
        b"{} {}",
        b"{}x",
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":01}',
        b'{"a":.5}',
        b'{"a":"\t"}',
        b'{"a":"\\x"}',
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        # UTF-8 may not write a character longer than needed, nor half of a pair.
        b'{"a":"\xc0\xaf"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"\\udfff":1}',
        "{}".encode("utf-16"),
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        nested(60),
        nested(2_000),
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_not_one_clean_json_object_is_refused_whole(target: Target, content: bytes) -> None:
    answer = target.post("/v1/traces", content, JSON)
    assert answer.status_code == 400, content[:40]
    assert bad_field(status(answer))


@pytest.mark.parametrize(
    "odd",
    [
        b"1e999",
        b"-1e999",
        b"1e-999",
        b"9" * 30,
        b"0." + b"1" * 400,
        b'"\\ud800"',
        b'"\\u0000"',
        b'"\xff"',
        b'{"b":1,"b":2}',
        b"[" * 50 + b"]" * 50,
        b"[" * 500 + b"]" * 500,
        b"[" * 50_000 + b"]" * 50_000,
    ],
)
@pytest.mark.parametrize("where", ["unknownKey", "name", "attributes", "status"])
def test_what_is_taken_can_be_read_later_and_all_else_is_refused_now(
    target: Target, odd: bytes, where: str
) -> None:
    """The engine has its own reader: what that could not read must not have been acknowledged."""
    trace_id = fresh()
    document = json.dumps(span_document(traceId=trace_id.hex(), **{where: "here"})).encode()
    answer = target.post("/v1/traces", document.replace(b'"here"', odd), JSON)
    assert answer.status_code in {200, 400}
    assert len(target.spans(trace_id)) == (answer.status_code == 200)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('{"stringValue":"a","intValue":"5"}', 5),
        ('{"intValue":"5","stringValue":"a"}', "a"),
        ('{"intValue":"5","intValue":"6"}', 6),
        ('{"intValue":"5","\\u0069ntValue":"6"}', 6),
    ],
)
def test_of_equal_keys_and_of_the_fields_of_a_choice_the_last_one_counts(
    target: Target, value: str, found: object
) -> None:
    trace_id = fresh()
    attributes = [{"key": "a", "value": "here"}]
    document = json.dumps(span_document(traceId=trace_id.hex(), attributes=attributes))
    answer = target.post("/v1/traces", document.replace('"here"', value).encode(), JSON)
    assert answer.content == b"{}"
    (row,) = target.spans(trace_id)
    assert row.attributes["a"] == found


def test_one_bad_span_of_a_json_request_leaves_nothing_of_it_behind(target: Target) -> None:
    trace_id = fresh()
    document = span_document(traceId=trace_id.hex())
    (one,) = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    document["resourceSpans"][0]["scopeSpans"][0]["spans"] = [one, {**one, "kind": "SERVER"}]
    answer = target.post("/v1/traces", json.dumps(document).encode(), JSON)
    assert bad_field(status(answer)) == SPAN.replace("spans[0]", "spans[1]") + ".kind"
    assert target.spans(trace_id) == []
