"""Thousands of connections that never get to the point: health and ingest go on beside them."""

from __future__ import annotations

import contextlib
import resource
import selectors
import socket
from collections.abc import Iterator

import pytest

from tests.faults.inputs import ENVIRONMENT, Senders
from tests.journeys.running import RunningService, running, until

HALF_OPEN = 2_400
TRICKLING = 200
# OTLP holds one of its 64 places for an export from its first byte on: some have to be left.
TRICKLING_EXPORTS = 40
PARTS = (b"", b"POST /api/events HTTP/1.1\r\nHost: shop\r\nX-Slow: ")


@contextlib.contextmanager
def many_files() -> Iterator[None]:
    """This process needs a descriptor for each connection too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16_384), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Crowd:
    """Connections that send a little and wait."""

    def __init__(self) -> None:
        self._ready = selectors.DefaultSelector()
        self._open: set[socket.socket] = set()
        self.opened = 0

    def join(self, port: int, sent: bytes) -> None:
        """One more."""
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        if sent:
            connection.sendall(sent)
        connection.setblocking(False)
        self._ready.register(connection, selectors.EVENT_READ)
        self._open.add(connection)
        self.opened += 1

    def trickle(self, piece: bytes) -> None:
        """A little more from each."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.send(piece)

    def left(self) -> int:
        """How many the service has not closed."""
        for key, _ in self._ready.select(timeout=0):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            try:
                closed = not connection.recv(65_536)
            except BlockingIOError:
                continue
            except OSError:
                closed = True
            if closed:
                self._leave(connection)
        return len(self._open)

    def close(self) -> None:
        """All go."""
        for connection in list(self._open):
            self._leave(connection)

    def _leave(self, connection: socket.socket) -> None:
        self._ready.unregister(connection)
        connection.close()
        self._open.discard(connection)


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[RunningService]:
    with many_files(), running(tmp_path_factory.mktemp("slow"), **ENVIRONMENT) as found:
        yield found


def trickling(service: RunningService, path: str) -> bytes:
    """The head of an export whose body comes byte by byte."""
    head = f"POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000000\r\n"
    kind = "Content-Type: application/json\r\n"
    return f"{head}{kind}Authorization: Bearer {service.token}\r\n\r\n[".encode()


def crowd_at(service: RunningService) -> Crowd:
    """Half-open connections, some without a byte, most at the main port; trickling bodies."""
    crowd = Crowd()
    ports = (service.ports.http, service.ports.otlp_http)
    for number in range(HALF_OPEN):
        crowd.join(ports[number % 8 == 0], PARTS[number // 2 % 2])
    for number in range(TRICKLING):
        if number < TRICKLING_EXPORTS:
            crowd.join(service.ports.otlp_http, trickling(service, "/v1/traces"))
        else:
            crowd.join(service.ports.http, trickling(service, "/api/events"))
    return crowd


def check_goes_on(service: RunningService, crowd: Crowd, rounds: int) -> None:
    """Health and every way of sending events work in each round."""
    senders = Senders(service)
    try:
        with service.http() as client:
            for number in range(rounds):
                crowd.trickle(b" ")
                assert client.get("/livez").status_code == 200
                assert client.get("/readyz").status_code == 200
                for name in ("events", "alerts", "traces protobuf", "grpc traces"):
                    answer = senders.send(name, f"slow-{crowd.opened}-{number}-end")
                    assert answer.taken, (name, answer)
    finally:
        senders.close()


def test_health_and_ingest_go_on_beside_thousands_of_half_open_connections(service):
    crowd = crowd_at(service)
    check_goes_on(service, crowd, 5)
    assert crowd.opened == HALF_OPEN + TRICKLING
    crowd.close()
    check_goes_on(service, crowd, 1)


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_half_open_and_trickling_connections_are_gone_by_the_deadline(service, say):
    crowd = crowd_at(service)
    check_goes_on(service, crowd, 5)

    def gone() -> bool:
        crowd.trickle(b" ")
        check_goes_on(service, crowd, 1)
        return crowd.left() == 0

    until(gone, "all connections are closed", 90)
    say(f"{crowd.opened} half-open and trickling connections: all closed, ingest went on")
