"""Any request to the port of OTLP: answered in the sender's own encoding, and the next is taken."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import zstandard
from google.rpc import status_pb2
from hypothesis import given, note, settings
from hypothesis import strategies as st

from collector.otlp.signals import SIGNALS, Signal
from tests.collector.conformance.requests import document
from tests.collector.fuzzing.choices import DECISIONS, Choices, mutated
from tests.collector.fuzzing.wire import request
from tests.journeys.refusals import JSON, PROTOBUF
from tests.journeys.running import RunningService, until
from tests.journeys.shop import now_us, span_export

# No answer within this is a hang.
_WITHIN_S = 60
MEDIA = (JSON, PROTOBUF, f"{JSON}; charset=utf-8", "text/plain", "application/grpc", "", "/")
ENCODINGS = {
    "": lambda body: body,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "br": lambda body: body,
    "gzip, gzip": lambda body: body,
}


@pytest.fixture(scope="module")
def service(strict_service) -> RunningService:
    return strict_service


@pytest.fixture(scope="module")
def otlp(service) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {service.token}"}
    with httpx2.Client(
        base_url=service.otlp_url, headers=headers, timeout=_WITHIN_S, trust_env=False
    ) as client:
        yield client


def body_of(signal: Signal, media: str, choices: Choices) -> bytes:
    """A valid body, a damaged one, or bytes."""
    if choices.once_in(4):
        return choices.some(choices.below(300))
    body = request(signal, choices)
    if media.startswith(JSON):
        body = json.dumps(document(signal.request.FromString(body))).encode()
    return mutated(body, choices) if choices.below(2) else body


def check_answer(signal: Signal, media: str, answer: httpx2.Response) -> None:
    """Taken, or a google.rpc.Status; in the encoding of the request where that is one of ours."""
    assert answer.status_code in {200, 400, 413, 415}, answer.text[:300]
    kind = media.partition(";")[0]
    if kind in {JSON, PROTOBUF}:
        assert answer.headers["content-type"].partition(";")[0] == kind
    is_json = answer.headers["content-type"].startswith(JSON)
    if answer.status_code == 200:
        found: Any = answer.json() if is_json else signal.response.FromString(answer.content)
        assert found is not None
        return
    if is_json:
        told = answer.json()
        code, message = told["code"], told["message"]
    else:
        status = status_pb2.Status.FromString(answer.content)
        code, message = status.code, status.message
    assert code > 0
    assert message


@settings(max_examples=400, deadline=None)
@given(
    signal=st.sampled_from(SIGNALS),
    media=st.sampled_from(MEDIA),
    encoding=st.sampled_from(list(ENCODINGS)),
    decisions=DECISIONS,
)
def test_any_export_is_answered_in_the_senders_encoding(otlp, signal, media, encoding, decisions):
    choices = Choices(decisions)
    body = ENCODINGS[encoding](body_of(signal, media, choices))
    if choices.once_in(4):
        body = mutated(body, choices)
    note(body)
    headers = {"Content-Type": media, "Content-Encoding": encoding}
    check_answer(signal, media, otlp.post(signal.path, content=body, headers=headers))


def test_a_good_export_after_all_of_it_is_found_by_query(service, otlp):
    trace_id = "5f" * 16
    told = span_export(trace_id, {"cart.items": 1}, now_us())
    assert otlp.post("/v1/traces", json=told).status_code == 200
    until(lambda: service.client.get(f"/api/traces/{trace_id}"), "the good span is stored")
