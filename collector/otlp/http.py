"""OTLP/HTTP as a raw ASGI app of its own (port 4318): 200 means that the bytes are on disk.

Reading and answering happen on the event loop; inflating, decoding and redacting in a small
thread pool, so that a large batch never keeps a small one waiting for its turn to be read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from collector.acknowledge import durable
from collector.bodies import Grow, read_bounded, too_large
from collector.body_budget import BodyBudget
from collector.otlp.intake import OtlpIntake
from collector.otlp.senders import authenticate
from collector.otlp.signals import SIGNALS, Signal
from collector.otlp.status import response_body, status_body
from collector.ports import BearerAuthenticator
from kernel.errors import (
    NotFound,
    TillwatchError,
    Unavailable,
    UnsupportedFormat,
    WrongMethod,
)
from kernel.journal import JournalWriter

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_JSON = "application/json"
_PROTOBUF = "application/x-protobuf"
_BY_PATH = {signal.path: signal for signal in SIGNALS}
_MAX_IN_FLIGHT = 64
_READ_WITHIN_S = 20.0
_WORKERS = 2


class _Disconnected(Exception):
    """The client went away before its body was whole."""


@dataclass(frozen=True)
class _Request:
    path: str
    method: str
    headers: dict[str, str]
    as_json: bool
    media_type: str

    @property
    def answer_type(self) -> str:
        """The encoding of the answer is that of the request."""
        return _JSON if self.as_json else _PROTOBUF


class OtlpHttpApp:
    """`POST /v1/traces`, `/v1/logs`, `/v1/metrics` in protobuf and JSON."""

    def __init__(
        self,
        intake: OtlpIntake,
        writer: JournalWriter,
        authenticator: BearerAuthenticator,
        budget: BodyBudget | None = None,
    ) -> None:
        """`budget`: the door's memory for bodies; without one the app has its own."""
        self._intake = intake
        self._writer = writer
        self._authenticator = authenticator
        self._budget = budget or BodyBudget(writer)
        self._in_flight = 0
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="otlp-decode")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._answer(_request(scope), receive, send)

    async def _answer(self, request: _Request, receive: Receive, send: Send) -> None:
        headers: dict[str, str] = {}
        try:
            body, receipt = await self._handle(request, receive)
            status = 200
            headers["tillwatch-receipt"] = receipt
        except _Disconnected:
            return
        except TillwatchError as error:
            status, body = error.status, status_body(error, as_json=request.as_json)
            headers = _error_headers(error)
        headers |= {"content-type": request.answer_type, "content-length": str(len(body))}
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            }
        )
        await send({"type": "http.response.body", "body": body})

    async def _handle(self, request: _Request, receive: Receive) -> tuple[bytes, str]:
        """The response body and the receipt of one export."""
        signal = _route(request)
        sender = await asyncio.to_thread(
            authenticate, self._authenticator, request.headers.get("authorization", "")
        )
        declared = request.headers.get("content-length", "")
        announced_bytes = int(declared) if declared.isdecimal() else 0
        if announced_bytes > self._intake.max_bytes:
            raise too_large(self._intake.max_bytes)
        if self._in_flight >= _MAX_IN_FLIGHT:
            raise Unavailable("too many exports are being decoded", retry_after_s=1)
        self._in_flight += 1
        try:
            with self._budget.lease(signal.item_class, sender.name, announced_bytes) as lease:
                body = await _read(receive, self._intake.max_bytes, lease.grow)
                return await self._store(signal, request, body, sender.name, lease.grow)
        finally:
            self._in_flight -= 1

    async def _store(
        self, signal: Signal, request: _Request, body: bytes, sender: str, grow: Grow
    ) -> tuple[bytes, str]:
        prepared = await asyncio.get_running_loop().run_in_executor(
            self._pool,
            lambda: self._intake.prepare(
                signal,
                body,
                as_json=request.as_json,
                encoding=request.headers.get("content-encoding", ""),
                sender=sender,
                grow=grow,
            ),
        )
        receipt = ""
        if prepared.append is not None:
            receipt = (await durable(self._writer.append(prepared.append))).receipt
        answer = response_body(prepared.response, signal.rejected_field, as_json=request.as_json)
        return answer, receipt

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self._pool.shutdown(wait=True)
                await send({"type": "lifespan.shutdown.complete"})
                return


def _request(scope: Scope) -> _Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    media_type = headers.get("content-type", "").split(";")[0].strip().lower()
    return _Request(
        path=scope["path"],
        method=scope["method"],
        headers=headers,
        as_json=media_type != _PROTOBUF,
        media_type=media_type,
    )


def _route(request: _Request) -> Signal:
    signal = _BY_PATH.get(request.path)
    if signal is None:
        raise NotFound(
            f"there is nothing at {request.path[:80]}", hint=f"paths: {', '.join(_BY_PATH)}"
        )
    if request.method != "POST":
        raise WrongMethod(f"{request.method} is not for {signal.path}", hint="use POST")
    if request.media_type not in {_JSON, _PROTOBUF}:
        raise UnsupportedFormat(
            f"the content type {request.media_type[:80]!r} is not OTLP",
            hint=f"use {_PROTOBUF} or {_JSON}",
        )
    return signal


async def _read(receive: Receive, max_bytes: int, grow: Grow) -> bytes:
    """The body, within its bound and a deadline: a slow sender must not keep its place."""
    try:
        async with asyncio.timeout(_READ_WITHIN_S):
            return await read_bounded(_chunks(receive), max_bytes, grow)
    except TimeoutError:
        raise Unavailable(f"the body did not arrive within {_READ_WITHIN_S:.0f} s") from None


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


def _error_headers(error: TillwatchError) -> dict[str, str]:
    if error.status in {429, 503}:
        # SDKs drop the batch at once where this is longer than their own timeout.
        return {"retry-after": "1"}
    if error.status == 405:
        return {"allow": "POST"}
    if error.status == 401:
        return {"www-authenticate": "Bearer"}
    return {}
