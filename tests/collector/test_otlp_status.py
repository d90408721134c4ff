"""Errors and responses of OTLP in both encodings, and their bounds."""

from __future__ import annotations

import pytest
from google.protobuf import json_format
from google.rpc import status_pb2
from hypothesis import given
from hypothesis import strategies as st

from collector.otlp.signals import LOGS, METRICS, SIGNALS, TRACES
from collector.otlp.status import encoded, response_of, retry_after_s, status_of
from collector.otlp.validate import Refused
from kernel import errors
from tests.collector.conformance.answers import bad_field, retry_s

# google.rpc.Code of every error that may meet an export.
CODES = [
    (errors.BadInput, 400, 3),
    (errors.NotAuthenticated, 401, 16),
    (errors.NotAllowed, 403, 7),
    (errors.NotFound, 404, 5),
    (errors.WrongMethod, 405, 12),
    (errors.TooLarge, 413, 8),
    (errors.UnsupportedFormat, 415, 3),
    (errors.Overloaded, 429, 8),
    (errors.Unavailable, 503, 14),
    (errors.TillwatchError, 500, 13),
]


@pytest.mark.parametrize(("kind", "http_status", "code"), CODES)
def test_every_error_is_the_same_status_in_both_encodings(
    kind: type[errors.TillwatchError], http_status: int, code: int
) -> None:
    error = kind("what happened")
    assert error.status == http_status
    status = status_of(error, retry_after_s(error))
    assert (status.code, status.message) == (code, "what happened")
    in_json = json_format.Parse(encoded(status, as_json=True), status_pb2.Status())
    in_protobuf = status_pb2.Status.FromString(encoded(status, as_json=False))
    assert in_json == in_protobuf == status


def test_the_message_ends_with_the_next_step() -> None:
    error = errors.UnsupportedFormat("text/plain is not OTLP", hint="use JSON")
    assert status_of(error).message == "text/plain is not OTLP; use JSON"


def test_only_what_passes_by_itself_names_a_wait_of_one_or_two_seconds_by_turns() -> None:
    waits = [retry_after_s(errors.Unavailable("full", retry_after_s=30)) for _ in range(4)]
    assert sorted(waits) == [1, 1, 2, 2]
    assert retry_after_s(errors.Overloaded("busy")) in {1, 2}
    final = [kind("no") for kind, http_status, _ in CODES if http_status not in {429, 503}]
    assert [retry_after_s(error) for error in final] == [0] * 8
    assert retry_s(status_of(errors.Unavailable("full"), 2)) == 2.0
    assert retry_s(status_of(errors.BadInput("no"))) is None


@given(st.text(min_size=1), st.text(min_size=1))
def test_an_error_fits_the_trailers_of_grpc_however_long_it_is(text: str, path: str) -> None:
    status = status_of(errors.BadInput(text * 500, path=path * 500), 1)
    # 8 KiB is what clients take: the message percent-encoded, and the status in base64.
    assert len(status.message.encode()) * 3 + len(status.SerializeToString()) * 4 / 3 < 8_000
    assert bad_field(status)


def test_a_partial_success_says_each_reason_once_with_its_count() -> None:
    refused = [Refused(3, "no id"), Refused(4, "no time"), Refused(9, "no id")]
    partial = response_of(TRACES, refused, ["1 kept with a fault: no name"]).partial_success
    assert partial.rejected_spans == 3
    assert partial.error_message == (
        "2 refused, the first at index 3: no id; 1 refused, the first at index 4: no time; "
        "1 kept with a fault: no name"
    )


def test_a_partial_success_in_json_has_its_count_as_text() -> None:
    for signal, name in ((TRACES, "Spans"), (LOGS, "LogRecords"), (METRICS, "DataPoints")):
        body = encoded(response_of(signal, [Refused(0, "no")], []), as_json=True)
        assert body.startswith(f'{{"partialSuccess":{{"rejected{name}":"1",'.encode())


@given(st.lists(st.text(max_size=300), max_size=300))
def test_a_partial_success_is_bounded_however_many_reasons_there_are(reasons: list[str]) -> None:
    refused = [Refused(index, reason) for index, reason in enumerate(reasons)]
    for signal in SIGNALS:
        response = response_of(signal, refused, [])
        assert getattr(response.partial_success, signal.rejected_field) == len(reasons)
        assert len(response.partial_success.error_message) <= 1_000
        assert len(encoded(response, as_json=True)) < 16_384
