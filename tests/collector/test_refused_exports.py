"""Each refused span or point is found again in the request as it came, alone and whole."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collector.otlp.json_decode import decode_json
from collector.otlp.refused import MAX_NOTED, letters_of
from collector.otlp.signals import METRICS, TRACES, Signal
from collector.otlp.validate import drop_invalid
from collector.redaction import Redactor

REDACTOR = Redactor(b"k" * 32)
GOOD, BAD = "ab" * 16, "00" * 16


def of(signal: Signal, document: dict[str, Any]) -> Any:
    return decode_json(json.dumps(document).encode(), signal.request())


def items(letters: list[dict[str, Any]]) -> list[Any]:
    return [json.loads(one["kept"].body) for one in letters]


def spans(shape: list[list[bool]]) -> dict[str, Any]:
    """Groups of spans, good or bad, each with a name of its own."""
    groups = []
    for at, group in enumerate(shape):
        scope = {
            "scope": {"name": f"scope {at}"},
            "spans": [
                {"traceId": GOOD if good else BAD, "spanId": "cd" * 8, "name": f"{at}/{n}"}
                for n, good in enumerate(group)
            ],
        }
        named = {"key": "service.name", "value": {"stringValue": f"service {at}"}}
        groups.append({"resource": {"attributes": [named]}, "scopeSpans": [scope]})
    return {"resourceSpans": groups}


@given(st.lists(st.lists(st.booleans(), max_size=5), max_size=4))
def test_every_refused_span_is_kept_with_its_resource_and_scope(shape):
    document = spans(shape)
    refused = drop_invalid(of(TRACES, document))
    letters = letters_of(TRACES, of(TRACES, document), refused, REDACTOR)
    bad = [
        f"{at}/{n}" for at, group in enumerate(shape) for n, good in enumerate(group) if not good
    ]
    assert [one["index"] for one in letters] == [one.index for one in refused]
    for name, item in zip(bad, items(letters), strict=True):
        (group,) = item["resourceSpans"]
        (scope,) = group["scopeSpans"]
        (span,) = scope["spans"]
        at = name.partition("/")[0]
        assert (span["name"], scope["scope"]["name"]) == (name, f"scope {at}")
        assert group["resource"]["attributes"][0]["value"] == {"stringValue": f"service {at}"}


KINDS = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.booleans(), st.booleans()), max_size=8))
def test_every_refused_point_is_kept_with_its_metric(shape):
    metrics = []
    for at, (kind, timed, tempered) in enumerate(shape):
        point = {"timeUnixNano": "5" if timed else "0", "startTimeUnixNano": str(at)}
        data: dict[str, Any] = {"dataPoints": [point]}
        if kind not in {"gauge", "summary"}:
            data["aggregationTemporality"] = 2 if tempered else 0
        metrics.append({"name": f"m{at}", "unit": "1", kind: data})
    document = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}
    refused = drop_invalid(of(METRICS, document))
    letters = letters_of(METRICS, of(METRICS, document), refused, REDACTOR)
    assert [one["index"] for one in letters] == [one.index for one in refused]
    for one, item in zip(refused, items(letters), strict=True):
        (metric,) = item["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
        kind, _, tempered = shape[one.index]
        assert metric["name"] == f"m{one.index}"
        assert len(metric[kind]["dataPoints"]) == 1
        # Refused again for the same reason: nothing of it was lost on the way.
        assert [again.reason for again in drop_invalid(of(METRICS, item))] == [one.reason]
        if kind not in {"gauge", "summary"} and tempered:
            assert metric[kind]["aggregationTemporality"] == 2


def test_of_a_flood_of_bad_spans_the_first_hundred_are_noted():
    document = spans([[False] * 500])
    refused = drop_invalid(of(TRACES, document))
    letters = letters_of(TRACES, of(TRACES, document), refused, REDACTOR)
    assert (len(refused), len(letters)) == (500, MAX_NOTED)
