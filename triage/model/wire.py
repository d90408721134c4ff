"""The wire under the model client: exact bytes kept, sizes bounded, no redirect, no coding."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx2

MAX_RESPONSE_BYTES = 262_144


class WireFault(httpx2.TransportError):
    """The response broke a bound."""


class Wire(httpx2.BaseTransport):
    """Keeps the bytes that were really sent and received last; gives up where `stop` says so."""

    def __init__(self, inner: httpx2.BaseTransport, max_bytes: int = MAX_RESPONSE_BYTES) -> None:
        self._inner = inner
        self._max_bytes = max_bytes
        self.stop = threading.Event()
        self.sent = b""
        self._received = bytearray()
        self.tries = 0

    @property
    def received(self) -> bytes:
        """The body of the newest response, as far as it came."""
        return bytes(self._received)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.stop.is_set():
            raise WireFault("given up: the time for an answer is over", request=request)
        self.tries += 1
        self.sent = request.read()
        self._received = bytearray()
        response = self._inner.handle_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            response.close()
            raise WireFault("the response is compressed, which was not asked for", request=request)
        if 300 <= response.status_code < 400:
            response.close()
            raise WireFault("the response is a redirect, which is not followed", request=request)
        stream = response.stream
        if not isinstance(stream, httpx2.SyncByteStream):
            raise WireFault("the response has no body to read", request=request)
        return httpx2.Response(
            status_code=response.status_code,
            headers=response.headers,
            stream=_Bounded(stream, self),
            extensions=response.extensions,
            request=request,
        )

    def take(self, chunk: bytes) -> None:
        """Keep a chunk within the bounds."""
        if self.stop.is_set():
            raise WireFault("given up: the time for an answer is over")
        if len(self._received) + len(chunk) > self._max_bytes:
            raise WireFault(f"the response is longer than {self._max_bytes} bytes")
        self._received += chunk

    def close(self) -> None:
        self._inner.close()


class _Bounded(httpx2.SyncByteStream):
    def __init__(self, inner: httpx2.SyncByteStream, wire: Wire) -> None:
        self._inner = inner
        self._wire = wire

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._inner:
            self._wire.take(chunk)
            yield chunk

    def close(self) -> None:
        self._inner.close()
