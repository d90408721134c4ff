"""Answers of OTLP: export responses and `google.rpc.Status`, bounded, in either encoding.

Sources: opentelemetry-proto, docs/specification.md (Failures, Partial Success, Throttling).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from google.protobuf import any_pb2, duration_pb2, json_format
from google.rpc import error_details_pb2, status_pb2

from collector.otlp.signals import Signal
from collector.otlp.validate import Refused
from kernel.errors import BadInput, TillwatchError

# google.rpc.Code by HTTP status.
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 8, 415: 3, 429: 8, 503: 14}
_INTERNAL = 13
_RETRYABLE = frozenset({429, 503})
# An error's texts travel in gRPC trailers too, which clients bound to 8 KiB.
_MAX_ERROR_CHARS = 250
_MAX_FIELD_CHARS = 300
_MAX_PARTIAL_CHARS = 1_000
# SDKs drop a batch at once where the wait is longer than their own timeout; and where all who were
# turned away waited equally long, they would come back together.
_WAITS_S = itertools.cycle((1, 2))


def retry_after_s(error: TillwatchError) -> int:
    """After how long a sender may come back: 1 or 2 by turns; 0 where waiting does not help."""
    return next(_WAITS_S) if error.status in _RETRYABLE else 0


def status_of(error: TillwatchError, retry_s: int = 0) -> status_pb2.Status:
    """What happened and the next step; a BadRequest names a bad field, a RetryInfo the wait."""
    said = f"{error.message}; {error.hint}" if error.hint else error.message
    message = shortened(said, _MAX_ERROR_CHARS)
    status = status_pb2.Status(code=_CODES.get(error.status, _INTERNAL), message=message)
    if isinstance(error, BadInput) and error.path:
        field = shortened(error.path, _MAX_FIELD_CHARS)
        violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
        _attach(status, error_details_pb2.BadRequest(field_violations=[violation]))
    if retry_s:
        _attach(status, retry_info(retry_s))
    return status


def retry_info(retry_s: int) -> error_details_pb2.RetryInfo:
    """A wait as a detail of a status."""
    return error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=retry_s))


def response_of(signal: Signal, refused: Sequence[Refused], remarks: Sequence[str]) -> Any:
    """The Export*ServiceResponse. `partial_success` stays unset where nothing is to be said."""
    response = signal.response()
    if not refused and not remarks:
        return response
    partial = response.partial_success
    setattr(partial, signal.rejected_field, len(refused))
    said = "; ".join([*_reasons(refused), *remarks])
    partial.error_message = shortened(said, _MAX_PARTIAL_CHARS)
    return response


def encoded(message: Any, *, as_json: bool) -> bytes:
    """A response or status as a body; `{}` and no bytes are full success."""
    if not as_json:
        return bytes(message.SerializeToString())
    if not message.ListFields():
        return b"{}"
    return msgspec.json.encode(json_format.MessageToDict(message))


def shortened(text: str, max_chars: int) -> str:
    """`text`, or its beginning with an ellipsis."""
    return text if len(text) <= max_chars else text[: max_chars - 1] + "…"


def _reasons(refused: Sequence[Refused]) -> list[str]:
    first: dict[str, int] = {}
    for one in refused:
        first.setdefault(one.reason, one.index)
    counts = Counter(one.reason for one in refused)
    return [
        f"{counts[reason]} refused, the first at index {index}: {reason}"
        for reason, index in first.items()
    ]


def _attach(status: status_pb2.Status, detail: Any) -> None:
    packed = any_pb2.Any()
    packed.Pack(detail)
    status.details.append(packed)
