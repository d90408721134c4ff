"""Reading what a receiver answered: responses, statuses and their details, in either encoding."""

from __future__ import annotations

from typing import Any

import grpc
import httpx2
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

from collector.otlp.signals import Signal
from tests.collector.conformance.requests import PROTOBUF


def response(signal: Signal, answer: httpx2.Response) -> Any:
    """The Export*ServiceResponse of a 200."""
    assert answer.status_code == 200, answer.text
    return _parsed(answer, signal.response())


def rejected(signal: Signal, answer: httpx2.Response) -> int:
    """How many items a 200 says were refused."""
    return int(getattr(response(signal, answer).partial_success, signal.rejected_field))


def taken(signal: Signal, answer: httpx2.Response) -> None:
    """Everything was taken, and nothing more is said."""
    assert not response(signal, answer).HasField("partial_success"), answer.text


def status(answer: httpx2.Response) -> status_pb2.Status:
    """The Status of an error, in the encoding that its content type names; it says something."""
    assert answer.status_code >= 400, answer.text
    found = _parsed(answer, status_pb2.Status())
    assert found.message
    return found


def bad_field(found: status_pb2.Status) -> str:
    """The field that a BadRequest of the status names."""
    detail = _detail(found, error_details_pb2.BadRequest())
    assert detail is not None, "there is no BadRequest"
    (violation,) = detail.field_violations
    assert violation.description
    return str(violation.field)


def retry_s(found: status_pb2.Status) -> float | None:
    """The wait that a RetryInfo of the status names."""
    detail = _detail(found, error_details_pb2.RetryInfo())
    return None if detail is None else detail.retry_delay.ToNanoseconds() / 1e9


def rpc_status(error: grpc.RpcError) -> status_pb2.Status:
    """The Status in the trailers of a failed call, or an empty one."""
    trailers = dict(error.trailing_metadata() or ())
    return status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))


def _parsed(answer: httpx2.Response, message: Any) -> Any:
    if answer.headers["content-type"] == PROTOBUF:
        message.ParseFromString(answer.content)
        return message
    return json_format.Parse(answer.content, message)


def _detail(found: status_pb2.Status, detail: Any) -> Any:
    for packed in found.details:
        if packed.Unpack(detail):
            return detail
    return None
