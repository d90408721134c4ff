"""OTLP/gRPC (port 4317): the same intake behind generic handlers that take raw bytes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from collector.acknowledge import durable_now
from collector.body_budget import BodyBudget
from collector.otlp.intake import OtlpIntake
from collector.otlp.senders import authenticate
from collector.otlp.signals import SIGNALS, Signal
from collector.ports import BearerAuthenticator
from kernel.errors import TillwatchError, Unreachable
from kernel.journal import JournalWriter

_WORKERS = 8
_MAX_CALLS = 64
# What a status of ours is for gRPC: retryable only where waiting helps (OTLP/gRPC, Failures).
_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    415: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.UNAVAILABLE,
    503: grpc.StatusCode.UNAVAILABLE,
}


class OtlpGrpcServer:
    """Starts and stops one server. Compression is gRPC's own; the size bound holds after it."""

    def __init__(
        self,
        intake: OtlpIntake,
        writer: JournalWriter,
        authenticator: BearerAuthenticator,
        budget: BodyBudget | None = None,
    ) -> None:
        """`budget`: the door's memory for bodies; without one the server has its own."""
        self._intake = intake
        self._writer = writer
        self._authenticator = authenticator
        self._budget = budget or BodyBudget(writer)
        self._server: Any = None

    def start(self, host: str, port: int) -> int:
        """Listen; returns the port (a free one for 0). Raises Unreachable where it is taken."""
        server = grpc.server(
            ThreadPoolExecutor(_WORKERS, thread_name_prefix="otlp-grpc"),
            handlers=[self._handler(signal) for signal in SIGNALS],
            options=[
                ("grpc.max_receive_message_length", self._intake.max_bytes),
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=_MAX_CALLS,
        )
        try:
            bound = server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise Unreachable(f"cannot listen on {host}:{port}: {error}") from None
        server.start()
        self._server = server
        return int(bound)

    def stop(self, grace_s: float = 2.0) -> None:
        """Refuse new calls, let running ones finish within the grace."""
        if self._server is not None:
            self._server.stop(grace_s).wait()
            self._server = None

    def _handler(self, signal: Signal) -> Any:
        method = grpc.unary_unary_rpc_method_handler(self._export(signal), None, None)
        return grpc.method_handlers_generic_handler(signal.service, {"Export": method})

    def _export(self, signal: Signal) -> Callable[[bytes, Any], bytes]:
        def export(body: bytes, context: Any) -> bytes:
            metadata = dict(context.invocation_metadata())
            try:
                sender = authenticate(self._authenticator, metadata.get("authorization", ""))
                with self._budget.lease(signal.item_class, sender.name, len(body)) as lease:
                    prepared = self._intake.prepare(
                        signal,
                        body,
                        as_json=False,
                        encoding="",
                        sender=sender.name,
                        grow=lease.grow,
                    )
                    if prepared.append is not None:
                        durable_now(self._writer.append(prepared.append))
            except TillwatchError as error:
                _refuse(context, error)
            return bytes(prepared.response.SerializeToString())

        return export


def _refuse(context: Any, error: TillwatchError) -> NoReturn:
    code = _CODES.get(error.status, grpc.StatusCode.INTERNAL)
    if code is grpc.StatusCode.UNAVAILABLE:
        # The status with its details travels in this trailer (gRPC over HTTP/2, richer errors).
        status = status_pb2.Status(code=code.value[0], message=error.message)
        detail = any_pb2.Any()
        retry = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=1))
        detail.Pack(retry)
        status.details.append(detail)
        context.set_trailing_metadata([("grpc-status-details-bin", status.SerializeToString())])
    context.abort(code, error.message)
    raise AssertionError("abort raises")
