"""How long the door waits for a request to arrive, and for how many at once.

uvicorn waits for ever for a request line, for headers and for bodies that nobody reads, and each
such connection takes a place of those it counts. Here a request has a deadline for its head and
one for the whole of it, heads have a bound in bytes, and where too many requests are on their way
the oldest connections are closed first: a sender whose request arrives in one piece always gets in.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from kernel.observability import get_logger

MAX_HEAD_BYTES = 64 * 1024
_HEAD_WITHIN_S = 10.0
# Longer than the bodies' own deadline, which can still answer.
_WHOLE_WITHIN_S = 30.0
# An answer came before the request was whole: its sender may read it, the rest is not waited for.
_LINGER_S = 2.0
_MAX_WAITING = 1_000
_OPEN_FILES = 16_384
_SWEEP_EVERY_S = 1.0
_log = get_logger(__name__)


def raise_open_files() -> int:
    """Take as many file descriptors as this process may have, up to a bound; how many it has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return wanted if soft == resource.RLIM_INFINITY else soft


class Arrivals:
    """The connections of one server whose request is not whole yet, oldest first."""

    def __init__(
        self,
        *,
        max_waiting: int = _MAX_WAITING,
        head_within_s: float = _HEAD_WITHIN_S,
        whole_within_s: float = _WHOLE_WITHIN_S,
    ) -> None:
        self._max_waiting = max_waiting
        self._head_within_s = head_within_s
        self._whole_within_s = whole_within_s
        self._since_s: dict[ArrivingProtocol, float] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = 0

    def add(self, protocol: ArrivingProtocol) -> None:
        """Wait for this one from now on; the oldest goes where there are too many."""
        self._since_s[protocol] = protocol.loop.time()
        if len(self._since_s) > self._max_waiting:
            self._close(next(iter(self._since_s)))
        if self._sweeping is None:
            self._sweeping = protocol.loop.call_later(_SWEEP_EVERY_S, self._sweep, protocol.loop)

    def linger(self, protocol: ArrivingProtocol) -> None:
        """It has its answer already: the rest of its request is not waited for."""
        if protocol in self._since_s:
            self._since_s[protocol] = protocol.loop.time() + _LINGER_S - self._whole_within_s

    def remove(self, protocol: ArrivingProtocol) -> None:
        """Its request is whole, or it is gone."""
        self._since_s.pop(protocol, None)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        for protocol, since_s in list(self._since_s.items()):
            within_s = self._whole_within_s if protocol.has_head else self._head_within_s
            if now_s - since_s > within_s:
                self._close(protocol)
        if self._closed:
            _log.warning("door.slow_requests_closed", connections=self._closed)
            self._closed = 0
        self._sweeping = None
        if self._since_s:
            self._sweeping = loop.call_later(_SWEEP_EVERY_S, self._sweep, loop)

    def _close(self, protocol: ArrivingProtocol) -> None:
        self._closed += 1
        self.remove(protocol)
        protocol.transport.abort()


class ArrivingProtocol(HttpToolsProtocol):
    """uvicorn's protocol that tells `Arrivals` of each request that does not come in one piece."""

    def __init__(
        self,
        arrivals: Arrivals,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._arrivals = arrivals
        self._incomplete = True
        self._waited_for = False
        self._head_bytes = 0
        self.has_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(needed=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(needed=False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._incomplete != self._waited_for:
            self._wait(needed=self._incomplete)
        if self._incomplete and not self.has_head and self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        self._incomplete = True
        self.has_head = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.has_head = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._incomplete = False
        self._head_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._incomplete and self.has_head:
            self._arrivals.linger(self)

    def _wait(self, *, needed: bool) -> None:
        self._waited_for = needed
        if needed:
            self._arrivals.add(self)
        else:
            self._arrivals.remove(self)
