"""OTLP over HTTP beside the sentences of the standard: encodings, receipts, repetition, faults."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
import zstandard

from collector.otlp.signals import METRICS, TRACES
from collector.redaction.redactor import RedactionFailed
from kernel.clock import DAY_US
from kernel.journal import JournalReader, JournalRecord, Stream
from tests.collector.conformance.requests import (
    JSON,
    PROTOBUF,
    body,
    fresh,
    gauge,
    metrics,
    pair,
    point,
    span,
    traces,
)
from tests.collector.conformance.target import Target, ours
from tests.collector.world import World
from tests.shared_data import shared

EVER = {"from_us": 0, "to_us": 1 << 60}
ENCODERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    with ours(tmp_path) as started:
        yield started


def world_of(target: Target) -> World:
    assert target.world
    return target.world


def records(target: Target) -> list[JournalRecord]:
    reader = JournalReader(world_of(target).journal_path)
    found = reader.read([Stream.RAW], 0)
    reader.close()
    return found


def test_the_example_trace_is_shown_by_the_api(target: Target) -> None:
    example = shared("vectors/otlp/examples/trace.json").read_bytes()
    target.post("/v1/traces", example, JSON)
    world_of(target).project()
    reader = world_of(target).client("viewer-token")
    answer = reader.get("/api/traces/5B8EFFF798038103D269B633813FC60C")
    (found,) = answer.json()["spans"]
    assert (found["span_id"], found["name"]) == ("eee19b7ec3c1b174", "I'm a server span")
    assert found["attributes"]["my.span.attr"] == "some value"
    assert reader.get("/api/traces/" + "00" * 16).status_code == 404
    assert reader.get("/api/traces/xyz").status_code == 400


@pytest.mark.parametrize("encoding", sorted(ENCODERS))
@pytest.mark.parametrize("kind", [JSON, PROTOBUF])
def test_every_content_encoding_is_read(target: Target, encoding: str, kind: str) -> None:
    packed = ENCODERS[encoding](body(traces(span()), kind))
    answer = target.post("/v1/traces", packed, kind, content_encoding=encoding.upper())
    assert answer.status_code == 200
    receipt = world_of(target).client().get(f"/api/receipts/{answer.headers['tillwatch-receipt']}")
    assert receipt.status_code == 200
    assert len(records(target)) == 1


@pytest.mark.parametrize("encoding", sorted(ENCODERS))
def test_a_compressed_body_of_several_parts_is_read_whole_or_refused(
    target: Target, encoding: str
) -> None:
    parts = [ENCODERS[encoding](body(traces(span()), PROTOBUF)) for _ in range(2)]
    answer = target.post("/v1/traces", b"".join(parts), PROTOBUF, content_encoding=encoding)
    # deflate knows no parts.
    assert answer.status_code == (400 if encoding == "deflate" else 200)
    world_of(target).project()
    assert len(world_of(target).store.spans(**EVER)) == (0 if encoding == "deflate" else 2)


@pytest.mark.parametrize("encoding", sorted(ENCODERS))
def test_a_damaged_body_is_a_400_and_leaves_nothing(target: Target, encoding: str) -> None:
    large = span(attributes=[pair("noise", bytes_value=fresh(100_000))])
    packed = ENCODERS[encoding](body(traces(large), PROTOBUF))
    damaged = [b"no", packed[:3], packed[: len(packed) // 2], packed[:-1], packed + b"no"]
    damaged.append(packed[:-2] + bytes([packed[-2] ^ 1, packed[-1]]))
    for content in damaged:
        answer = target.post("/v1/traces", content, PROTOBUF, content_encoding=encoding)
        assert answer.status_code == 400
    assert records(target) == []


@pytest.mark.parametrize("encoding", sorted(ENCODERS))
def test_a_bomb_is_a_413(target: Target, encoding: str) -> None:
    bomb = ENCODERS[encoding](bytes(50 * target.max_bytes))
    assert len(bomb) < target.max_bytes
    for kind in (JSON, PROTOBUF):
        answer = target.post("/v1/traces", bomb, kind, content_encoding=encoding)
        assert answer.status_code == 413


@pytest.mark.parametrize("encoding", ["snappy", "br", "gzip, gzip", "gzip;q=1"])
def test_an_encoding_that_is_not_known_is_a_415(target: Target, encoding: str) -> None:
    answer = target.post("/v1/traces", b"{}", JSON, content_encoding=encoding)
    assert answer.status_code == 415
    assert "content encoding" in answer.json()["message"]


def test_a_repeated_batch_is_acknowledged_and_stored_once(target: Target) -> None:
    trace_id = fresh()
    message = traces(span(trace_id=trace_id))
    answers = [target.send(TRACES, message) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(records(target)) == 1
    world_of(target).clock.advance_s(11 * 60)
    target.send(TRACES, message)
    assert len(records(target)) == 2
    assert len(target.spans(trace_id)) == 1


def test_the_receipt_says_which_items_were_refused_and_why(target: Target) -> None:
    bad = span(trace_id=b"")
    answer = target.send(TRACES, traces(bad, span(), span(), bad, span(span_id=b"")), JSON)
    receipt = world_of(target).client().get(f"/api/receipts/{answer.headers['tillwatch-receipt']}")
    refused = receipt.json()["rejected"]
    assert [one["index"] for one in refused] == [0, 3, 4]
    assert "trace_id" in refused[0]["reason"]
    assert "span_id" in refused[2]["reason"]
    said = answer.json()["partialSuccess"]["errorMessage"]
    assert said.startswith("2 refused, the first at index 0: trace_id must")
    assert "1 refused, the first at index 4: span_id must" in said


def test_a_point_without_a_value_becomes_no_number(target: Target) -> None:
    # 1: the flag "no recorded value" of metrics.proto.
    silent = [point(time_unix_nano=point().time_unix_nano + at, flags=1) for at in range(2)]
    silent[1].ClearField("value")
    silent.append(point(flags=0))
    silent[2].ClearField("value")
    answer = target.send(METRICS, metrics(gauge("queue", point(7), *silent)))
    assert answer.content == b""
    assert [row.value for row in target.metrics("queue")] == [7]


def test_rows_out_of_the_retention_do_not_open_day_files(target: Target) -> None:
    trace_id = fresh()
    far = span(trace_id=trace_id, start_time_unix_nano=1, end_time_unix_nano=(1 << 64) - 1)
    target.send(TRACES, traces(far), JSON)
    assert len(target.spans(trace_id)) == 1
    names = {path.name for path in (world_of(target).folder / "telemetry").glob("*.db")}
    assert names == {"meta.db", "changes.db", "other.db"}
    assert world_of(target).clock.now_us() > DAY_US


def test_a_redactor_that_fails_stores_nothing_and_may_be_asked_again(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise RedactionFailed("cannot judge")

    with monkeypatch.context() as patched:
        for name in ("key", "text", "value"):
            patched.setattr(world_of(target).redactor, name, failing)
        card = pair("a", string_value="4111111111111111")
        answer = target.send(TRACES, traces(span(attributes=[card])))
    assert answer.status_code == 503
    assert records(target) == []


def test_a_client_that_leaves_half_way_harms_nobody(target: Target) -> None:
    address = urlsplit(target.http)
    place = (str(address.hostname), int(address.port or 0))
    head = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer shop-token\r\n"
    head += f"Content-Type: {JSON}\r\nContent-Length: 1000\r\n\r\n{{"
    for _ in range(100):
        with socket.create_connection(place, timeout=60) as sock:
            sock.sendall(head.encode())
    # More than are taken at once have left: none of them keeps its place for long.
    ends_at = time.monotonic() + 60
    while (answer := target.send(TRACES, traces(span()))).status_code == 503:
        assert time.monotonic() < ends_at
    assert answer.status_code == 200
    assert len(records(target)) == 1


def test_a_token_is_asked_for_with_the_way_to_send_one(target: Target) -> None:
    for given in ({}, {"authorization": "Basic eA=="}, {"authorization": "Bearer"}):
        headers = {"content-type": JSON, **given}
        answer = httpx2.post(target.http + "/v1/traces", content=b"{}", headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json()["code"] == 16
    for path in ("/v1/traces/", "/V1/traces", "//v1/traces"):
        assert target.post(path, b"{}").status_code == 404


def test_the_door_answers_json_that_it_can_read_itself(target: Target) -> None:
    """Messages quote what came: quotes, escapes and letters beyond ASCII do not break them."""
    for odd in ('application/"x', "text/pl\\ain", "tëxt/plain"):
        headers = {**target.headers, "content-type": odd.encode("latin-1")}
        answer = httpx2.post(target.http + "/v1/traces", content=b"{}", headers=headers)
        assert answer.status_code == 415
        assert json.loads(answer.content)["message"]
