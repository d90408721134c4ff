"""Requests that do not arrive: a deadline for the head and for the whole, a bound in number."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from functools import partial

import pytest
import uvicorn

from app.arriving import MAX_HEAD_BYTES, Arrivals, ArrivingProtocol
from tests.journeys.running import until

HEAD = b"POST /in HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\n"


async def answer_at_once(scope, receive, send) -> None:
    """Does not care for the body."""
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.contextmanager
def serving(**bounds: float) -> Iterator[int]:
    """The port of a server with these bounds."""
    protocol = partial(ArrivingProtocol, Arrivals(**bounds))
    config = uvicorn.Config(answer_at_once, http=protocol, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        until(lambda: server.started, "the server listens")
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


@contextlib.contextmanager
def connected(port: int, *sent: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for part in sent:
            connection.sendall(part)
        yield connection


def all_of(connection: socket.socket) -> bytes:
    """Everything until the other side closes; TimeoutError where it does not."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            found += part
    return found


@pytest.mark.parametrize(
    "sent", [b"", b"P", HEAD[:30], HEAD + b"hello" + HEAD[:30]], ids=["nothing", "byte", "", "next"]
)
def test_a_head_that_does_not_arrive_is_given_up(sent):
    with (
        serving(head_within_s=0, whole_within_s=3_600) as port,
        connected(port, sent) as connection,
    ):
        assert all_of(connection).count(b"200 OK") == sent.count(b"hello")


def test_a_body_that_does_not_arrive_is_given_up_even_after_the_answer():
    with (
        serving(head_within_s=3_600, whole_within_s=0) as port,
        connected(port, HEAD, b"he") as connection,
    ):
        assert b"200 OK" in all_of(connection)


def test_who_has_an_answer_and_still_sends_is_not_listened_to_for_long():
    with serving(whole_within_s=3_600) as port, connected(port, HEAD, b"he") as connection:
        assert b"200 OK" in all_of(connection)


def test_a_request_that_is_whole_is_not_hurried():
    # The idle connection waits for uvicorn's own timeout, whatever the deadlines are.
    whole = HEAD + b"hello"
    with serving(head_within_s=0, whole_within_s=0) as port, connected(port, whole) as connection:
        assert b"200 OK" in connection.recv(65_536)
        with connected(port) as other:
            assert all_of(other) == b""  # the sweep that closed this one spared the first
        connection.sendall(whole)
        assert b"200 OK" in connection.recv(65_536)


def test_the_oldest_go_where_too_many_are_on_their_way():
    with serving(max_waiting=3) as port, contextlib.ExitStack() as opened:
        waiting = [opened.enter_context(connected(port, HEAD[:20])) for _ in range(5)]
        assert all_of(waiting[0]) == b""
        assert all_of(waiting[1]) == b""
        with connected(port, HEAD + b"hello") as whole:
            assert b"200 OK" in whole.recv(65_536)
        waiting[4].sendall(HEAD[20:] + b"hello")
        assert b"200 OK" in waiting[4].recv(65_536)


def test_an_endless_head_is_refused():
    with serving() as port, connected(port, HEAD[:20]) as connection:
        connection.sendall(b"x-a: " + b"b" * (2 * MAX_HEAD_BYTES))
        assert b"400 Bad Request" in all_of(connection)
