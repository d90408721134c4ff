"""The standing test: what the opentelemetry-demo puts on its spans is nowhere on disk."""

from __future__ import annotations

import json

import pytest

from collector.otlp.json_decode import decode_json
from collector.otlp.redact import redact
from collector.otlp.signals import LOGS, SIGNALS, TRACES, Signal
from collector.otlp.stored import message_of, plain
from kernel.errors import Unavailable
from kernel.journal import JournalReader, Stream
from tests.collector.world import World

CARD = "4432801561520454"
CVV = "672"
EMAIL = "someone@example.com"
SPACED = "4432 8015 6152 0454"
NANOS = "1795000000000000000"


def pair(key: str, value: object) -> dict:
    if isinstance(value, dict):
        return {"key": key, "value": value}
    name = {str: "stringValue", int: "intValue", float: "doubleValue"}[type(value)]
    return {"key": key, "value": {name: value}}


LEAKS = [
    pair("demo.payment.card_number", CARD),
    pair("demo.payment.card_cvv", int(CVV)),
    pair("user.email", EMAIL),
    pair("note", f"paid by {SPACED} of {EMAIL}"),
    pair("url.full", f"https://shop.example/pay?c={CARD}&m=someone%40example.com"),
    pair("number", int(CARD)),
    pair("double", float(CARD)),
    pair(CARD, "a key"),
    pair(
        "deep",
        {
            "kvlistValue": {
                "values": [
                    pair("cvv", CVV),
                    pair("l", {"arrayValue": {"values": [{"stringValue": CARD}]}}),
                ]
            }
        },
    ),
    pair("list", {"arrayValue": {"values": [{"intValue": CARD}, {"stringValue": EMAIL}]}}),
    pair("bytes", {"bytesValue": "NDQzMjgwMTU2MTUyMDQ1NA=="}),
]
EXCEPTION = [pair("exception.message", f"card {CARD} declined for {EMAIL}")]
POINT = {"timeUnixNano": NANOS, "asInt": 1, "attributes": LEAKS}
DOCUMENTS: dict[str, dict] = {
    "traces": {
        "resourceSpans": [
            {
                "resource": {"attributes": LEAKS},
                "scopeSpans": [
                    {
                        "scope": {"name": f"s {CARD}", "attributes": LEAKS},
                        "spans": [
                            {
                                "traceId": "ab" * 16,
                                "spanId": "cd" * 8,
                                "name": f"charge {CARD}",
                                "startTimeUnixNano": NANOS,
                                "endTimeUnixNano": NANOS,
                                "traceState": f"a={CARD}",
                                "attributes": LEAKS,
                                "status": {"code": 2, "message": f"{SPACED} refused"},
                                "events": [{"name": EMAIL, "attributes": EXCEPTION}],
                                "links": [{"attributes": LEAKS}],
                            }
                        ],
                    }
                ],
            }
        ]
    },
    "logs": {
        "resourceLogs": [
            {
                "scopeLogs": [
                    {
                        "logRecords": [
                            {"timeUnixNano": NANOS, "body": {"stringValue": f"{CARD} {EMAIL}"}},
                            {"body": LEAKS[8]["value"], "attributes": LEAKS, "severityText": CARD},
                        ]
                    }
                ]
            }
        ]
    },
    "metrics": {
        "resourceMetrics": [
            {
                "scopeMetrics": [
                    {
                        "metrics": [
                            {"name": f"m {CARD}", "gauge": {"dataPoints": [POINT]}},
                            {
                                "description": EMAIL,
                                "sum": {
                                    "aggregationTemporality": 2,
                                    "dataPoints": [
                                        {**POINT, "exemplars": [{"filteredAttributes": LEAKS}]}
                                    ],
                                },
                            },
                        ]
                    }
                ]
            }
        ]
    },
}
FORBIDDEN = [CARD, SPACED, EMAIL, "someone%40", CVV, "NDQzMjgw"]


def assert_clean(stored: bytes) -> None:
    text = stored.decode("latin-1")
    assert [one for one in FORBIDDEN if one in text] == []


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
@pytest.mark.parametrize("as_json", [True, False])
def test_nothing_of_card_or_address_reaches_any_file(
    world: World, signal: Signal, as_json: bool
) -> None:
    body = json.dumps(DOCUMENTS[signal.name]).encode()
    if not as_json:
        body = decode_json(body, signal.request()).SerializeToString()
    prepared = world.otlp.prepare(signal, body, as_json=as_json, encoding="", sender="shop")
    assert prepared.append is not None
    world.writer.append(prepared.append).result(timeout=60)
    (record,) = JournalReader(world.journal_path).read([Stream.RAW], 0)
    stored = plain(record)
    assert_clean(stored)
    assert_clean(message_of(record).SerializeToString())
    assert b"[pan:0454]" in stored
    assert b"[email:" in stored
    world.project()
    rows = [
        *world.store.spans(from_us=0, to_us=1 << 60),
        *world.store.logs(from_us=0, to_us=1 << 60),
        *world.store.metrics(from_us=0, to_us=1 << 60),
    ]
    assert rows
    on_disk = world.journal_bytes().decode("latin-1")
    # The three digits of a CVV stand in many a page number: they are looked for in the records.
    assert [one for one in FORBIDDEN if one != CVV and one in on_disk] == []


def test_nothing_of_card_or_address_in_shop_events_and_changes(world: World) -> None:
    client = world.client()
    leaks = {
        "card_number": CARD,
        "cvv": CVV,
        "user": {"email": EMAIL},
        "note": [f"card {SPACED}", {"cvc": CVV, "deep": [int(CARD)]}],
        CARD: "key",
        "attributes": {"message": f"{EMAIL} paid with {CARD}"},
    }
    events = [
        {"type": "payment.failed", "id": "1", "data": leaks},
        {"type": "payment.failed", "id": CARD, "source": EMAIL, **leaks},
        {"type": f"payment {CARD}", "id": "3"},
    ]
    answer = client.post("/api/events", json=events)
    assert answer.json()["accepted"] == 2, answer.text
    assert CARD not in answer.text
    change = {"service": "shop", "summary": f"by {EMAIL}", "author": EMAIL, "version": CARD}
    assert client.post("/api/changes", json=change).status_code == 202
    world.project()
    on_disk = world.journal_bytes().decode("latin-1")
    assert [one for one in FORBIDDEN if one != CVV and one in on_disk] == []
    assert f'"{CVV}"' not in on_disk


def test_unknown_protobuf_fields_are_not_stored(world: World) -> None:
    unknown = b"\xfa\x3e" + bytes([len(CARD)]) + CARD.encode()
    body = TRACES.request(resource_spans=[{}]).SerializeToString() + unknown
    prepared = world.otlp.prepare(TRACES, body, as_json=False, encoding="", sender="shop")
    assert prepared.append is not None
    assert CARD.encode() not in prepared.append.items[0].data


def test_a_value_too_deep_to_judge_is_not_stored(world: World) -> None:
    message = LOGS.request()
    value = message.resource_logs.add().scope_logs.add().log_records.add().body
    for _ in range(80):
        value = value.array_value.values.add()
    value.string_value = CARD
    with pytest.raises(Unavailable, match="redaction failed"):
        redact(message, world.redactor)
