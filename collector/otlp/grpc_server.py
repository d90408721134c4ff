"""OTLP/gRPC (port 4317): the same intake behind generic handlers that take raw bytes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Any, NoReturn

import grpc

from collector.acknowledge import durable_now
from collector.bodies import Grow
from collector.body_budget import BodyBudget
from collector.otlp.intake import OtlpIntake, Prepared
from collector.otlp.senders import authenticate
from collector.otlp.signals import PROFILES_SERVICE, SIGNALS, Signal
from collector.otlp.status import retry_after_s, retry_info, status_of
from collector.ports import BearerAuthenticator
from kernel.errors import TillwatchError, Unavailable, Unreachable
from kernel.journal import JournalWriter

_MAX_CALLS = 64
# Those that turn calls away when all others wait for the disk.
_SPARE_WORKERS = 8
# Decoding holds the interpreter: more at a time would only wait for each other.
_DECODERS = 2
# gRPC's own answer beyond is final for the sender, so it lies far above what is turned away before.
_MAX_CONCURRENT = 4_096
_CODES = {code.value[0]: code for code in grpc.StatusCode}


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
        self._calls = BoundedSemaphore(_MAX_CALLS)
        self._decoders = BoundedSemaphore(_DECODERS)
        self._server: Any = None

    def start(self, host: str, port: int) -> int:
        """Listen; returns the port (a free one for 0). Raises Unreachable where it is taken."""
        workers = ThreadPoolExecutor(_MAX_CALLS + _SPARE_WORKERS, thread_name_prefix="otlp-grpc")
        server = grpc.server(
            workers,
            handlers=[*(self._handler(signal) for signal in SIGNALS), _no_profiles()],
            options=[
                ("grpc.max_receive_message_length", self._intake.max_bytes),
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=_MAX_CONCURRENT,
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
        return _service(signal.service, self._export(signal))

    def _export(self, signal: Signal) -> Callable[[bytes, Any], bytes]:
        def export(body: bytes, context: Any) -> bytes:
            try:
                answer, receipt = self._store(signal, body, dict(context.invocation_metadata()))
            except TillwatchError as error:
                _refuse(context, error)
            context.set_trailing_metadata([("tillwatch-receipt", receipt)])
            return answer

        return export

    def _store(self, signal: Signal, body: bytes, metadata: dict[str, str]) -> tuple[bytes, str]:
        """The serialized response and the receipt of what is on disk."""
        sender = authenticate(self._authenticator, metadata.get("authorization", ""))
        if not self._calls.acquire(blocking=False):
            raise Unavailable("too many exports are waiting for the disk")
        try:
            with self._budget.lease(signal.item_class, sender.name, len(body)) as lease:
                prepared = self._prepared(signal, body, sender.name, lease.grow)
                receipt = ""
                if prepared.append is not None:
                    receipt = durable_now(self._writer.append(prepared.append)).receipt
        finally:
            self._calls.release()
        return bytes(prepared.response.SerializeToString()), receipt

    def _prepared(self, signal: Signal, body: bytes, sender: str, grow: Grow) -> Prepared:
        with self._decoders:
            return self._intake.prepare(
                signal, body, as_json=False, encoding="", sender=sender, grow=grow
            )


def _service(name: str, export: Callable[[bytes, Any], bytes]) -> Any:
    method = grpc.unary_unary_rpc_method_handler(export, None, None)
    return grpc.method_handlers_generic_handler(name, {"Export": method})


def _no_profiles() -> Any:
    def export(_body: bytes, context: Any) -> bytes:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "profiles are not taken, only other signals")
        raise AssertionError("abort raises")

    return _service(PROFILES_SERVICE, export)


def _refuse(context: Any, error: TillwatchError) -> NoReturn:
    """End the call. A wait is UNAVAILABLE, which every sender tries again (OTLP/gRPC, Failures)."""
    retry_s = retry_after_s(error)
    status = status_of(error, retry_s)
    code = grpc.StatusCode.UNAVAILABLE if retry_s else _CODES[status.code]
    status.code = code.value[0]
    # The status with its details travels in the first trailer (gRPC, richer errors); the Python
    # SDK looks for a wait in the other one.
    trailers = [("grpc-status-details-bin", status.SerializeToString())]
    if retry_s:
        trailers.append(("google.rpc.retryinfo-bin", retry_info(retry_s).SerializeToString()))
    context.set_trailing_metadata(trailers)
    context.abort(code, status.message)
    raise AssertionError("abort raises")
