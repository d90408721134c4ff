"""OTLP/HTTP as a raw ASGI app of its own (port 4318): 200 means that the bytes are on disk.

Reading and answering happen on the event loop, and so does what is checked in a millisecond or two;
larger batches are inflated, decoded and redacted in a small thread pool, so that they never keep a
small one waiting for its turn to be read.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from collector.acknowledge import durable
from collector.bodies import Grow, read_bounded, too_large
from collector.body_budget import BodyBudget
from collector.otlp.cors import Cors
from collector.otlp.intake import OtlpIntake
from collector.otlp.senders import authenticate, known
from collector.otlp.signals import SIGNALS, Signal
from collector.otlp.status import encoded, retry_after_s, status_of
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
# A smaller body costs the others less than the way to a thread and back costs it.
_AT_ONCE_BYTES = 512 * 1024
_AT_ONCE_PACKED_BYTES = 64 * 1024
# Below, the header that says so weighs more than what gzip saves.
_MIN_GZIP_BYTES = 256


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
    def takes_gzip(self) -> bool:
        """`Accept-Encoding` names gzip, not with a quality of 0."""
        offers = self.headers.get("accept-encoding", "").lower().replace(" ", "").split(",")
        named = [offer.partition(";q=")[2] for offer in offers if offer.split(";")[0] == "gzip"]
        return any(quality.strip("0.") or not quality for quality in named)


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class OtlpHttpApp:
    """`POST /v1/traces`, `/v1/logs`, `/v1/metrics` in protobuf and JSON."""

    def __init__(
        self,
        intake: OtlpIntake,
        writer: JournalWriter,
        authenticator: BearerAuthenticator,
        budget: BodyBudget | None = None,
        *,
        cors_origins: Collection[str] = (),
        read_within_s: float = _READ_WITHIN_S,
    ) -> None:
        """`budget`: the door's memory for bodies; without one the app has its own.

        `cors_origins`: of pages that may send; `read_within_s`: the deadline of a body.
        """
        self._intake = intake
        self._writer = writer
        self._authenticator = authenticator
        self._budget = budget or BodyBudget(writer)
        self._cors = Cors(cors_origins)
        self._read_within_s = read_within_s
        self._in_flight = 0
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="otlp-decode")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._answer(_request(scope), receive, send)

    async def _answer(self, request: _Request, receive: Receive, send: Send) -> None:
        try:
            preflight = self._cors.preflight(request.method, request.headers)
            if preflight is not None:
                answer = _Answer(204, headers=preflight)
            else:
                answer = await self._handle(request, receive)
        except _Disconnected:
            return
        except TillwatchError as error:
            answer = _refusal(request, error)
        await _send(request, answer, self._cors.answer(request.headers), send)

    async def _handle(self, request: _Request, receive: Receive) -> _Answer:
        """The answer to one export: its bytes are on disk."""
        signal = _route(request)
        authorization = request.headers.get("authorization", "")
        sender = known(self._authenticator, authorization)
        if sender is None:
            sender = await asyncio.to_thread(authenticate, self._authenticator, authorization)
        declared = request.headers.get("content-length", "")
        announced_bytes = int(declared) if declared.isdecimal() else 0
        if announced_bytes > self._intake.max_bytes:
            raise too_large(self._intake.max_bytes)
        if self._in_flight >= _MAX_IN_FLIGHT:
            raise Unavailable("too many exports are being decoded")
        self._in_flight += 1
        try:
            with self._budget.lease(signal.item_class, sender.name, announced_bytes) as lease:
                reading = read_bounded(_chunks(receive), self._intake.max_bytes, lease.grow)
                body = await _within(reading, self._read_within_s)
                return await self._store(signal, request, body, sender.name, lease.grow)
        finally:
            self._in_flight -= 1

    async def _store(
        self, signal: Signal, request: _Request, body: bytes, sender: str, grow: Grow
    ) -> _Answer:
        encoding = request.headers.get("content-encoding", "")
        prepare = partial(
            self._intake.prepare,
            signal,
            body,
            as_json=request.as_json,
            encoding=encoding,
            sender=sender,
            grow=grow,
        )
        if len(body) <= (_AT_ONCE_PACKED_BYTES if encoding else _AT_ONCE_BYTES):
            prepared = prepare()
        else:
            loop = asyncio.get_running_loop()
            prepared = await loop.run_in_executor(self._pool, prepare)
        receipt = ""
        if prepared.append is not None:
            receipt = (await durable(self._writer.append(prepared.append))).receipt
        answer = encoded(prepared.response, as_json=request.as_json)
        return _Answer(200, answer, {"tillwatch-receipt": receipt})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self._pool.shutdown(wait=True)
                await send({"type": "lifespan.shutdown.complete"})
                return


async def refuse(scope: Scope, send: Send, error: TillwatchError) -> None:
    """Answer a request of this port with an error that arose outside of the app."""
    request = _request(scope)
    await _send(request, _refusal(request, error), {}, send)


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
        raise WrongMethod(f"{request.method[:20]} is not for {signal.path}", hint="use POST")
    if request.media_type not in {_JSON, _PROTOBUF}:
        raise UnsupportedFormat(
            f"the content type {request.media_type[:80]!r} is not OTLP",
            hint=f"use {_PROTOBUF} or {_JSON}",
        )
    return signal


async def _send(request: _Request, answer: _Answer, more: dict[str, str], send: Send) -> None:
    """Send an answer in the encoding of its request, gzipped where that is asked and worth it."""
    body, headers = answer.body, answer.headers | more
    if answer.status != 204:
        headers["content-type"] = _JSON if request.as_json else _PROTOBUF
        if len(body) >= _MIN_GZIP_BYTES and request.takes_gzip:
            body = gzip.compress(body, mtime=0)
            headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(body))
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [
                (name.encode(), value.encode("latin-1")) for name, value in headers.items()
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


def _refusal(request: _Request, error: TillwatchError) -> _Answer:
    retry_s = retry_after_s(error)
    body = encoded(status_of(error, retry_s), as_json=request.as_json)
    headers = {}
    if retry_s:
        headers["retry-after"] = str(retry_s)
    elif error.status == 405:
        headers["allow"] = "POST"
    elif error.status == 401:
        headers["www-authenticate"] = "Bearer"
    return _Answer(error.status, body, headers)


async def _within(reading: Awaitable[bytes], within_s: float) -> bytes:
    """The body before its deadline: a slow sender must not keep its place."""
    try:
        async with asyncio.timeout(within_s):
            return await reading
    except TimeoutError:
        raise Unavailable(f"the body did not arrive within {within_s:g} s") from None


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return
