"""Errors as `google.rpc.Status` in the encoding of the request (OTLP/HTTP, Failures)."""

from __future__ import annotations

from typing import Any

import msgspec
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from kernel.errors import BadInput, TillwatchError

# google.rpc.Code by HTTP status.
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 8, 415: 3, 429: 8, 503: 14}
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def status_body(error: TillwatchError, *, as_json: bool) -> bytes:
    """The body of an error answer; bad input names the field in a BadRequest detail."""
    code = _CODES.get(error.status, 13)
    path = error.path if isinstance(error, BadInput) else ""
    if as_json:
        document: dict[str, Any] = {"code": code, "message": error.message}
        if path:
            violation = {"field": path, "description": error.message}
            document["details"] = [{"@type": _BAD_REQUEST, "fieldViolations": [violation]}]
        return msgspec.json.encode(document)
    status = status_pb2.Status(code=code, message=error.message)
    if path:
        violation_pb = error_details_pb2.BadRequest.FieldViolation(
            field=path, description=error.message
        )
        detail = any_pb2.Any()
        detail.Pack(error_details_pb2.BadRequest(field_violations=[violation_pb]))
        status.details.append(detail)
    return bytes(status.SerializeToString())


def response_body(response: Any, rejected_field: str, *, as_json: bool) -> bytes:
    """A serialized Export*ServiceResponse; `{}` and no bytes are full success."""
    if not as_json:
        return bytes(response.SerializeToString())
    if not response.HasField("partial_success"):
        return b"{}"
    partial = response.partial_success
    head, *rest = rejected_field.split("_")
    name = head + "".join(part.capitalize() for part in rest)
    count = str(getattr(partial, rejected_field))
    return msgspec.json.encode(
        {"partialSuccess": {name: count, "errorMessage": partial.error_message}}
    )
