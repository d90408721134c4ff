"""The sending process of an ingest run: makes its bodies first, then sends each once.

Raw sockets, so that as little as possible of the generator's own work stands in the figures.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.bench import bodies
from app.bench.measure import percentile
from kernel.clock import SystemClock, rfc3339

CONNECTIONS = 8
_READ = 64 * 1024
_FORMS = {
    "protobuf": ("application/x-protobuf", ""),
    "gzip": ("application/x-protobuf", "gzip"),
    "json": ("application/json", ""),
    "events": ("application/json", ""),
    "event": ("application/json", ""),
}


@dataclass
class Answers:
    """How many answers of which status, and how long each took."""

    statuses: Counter[int] = field(default_factory=Counter)
    took_ms: list[float] = field(default_factory=list)


class Pusher:
    """Several connections, each with one request under way."""

    def __init__(self, port: int, head: str, made: list[bytes]) -> None:
        self._port = port
        self._head = head
        self._left = iter(made)
        self._lock = threading.Lock()
        self.answers = Answers()

    def run(self) -> float:
        """Send everything; how long it took in seconds."""
        threads = [threading.Thread(target=self._push) for _ in range(CONNECTIONS)]
        begun_s = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - begun_s

    def _push(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            rest = b""
            for body in self._bodies():
                begun_s = time.perf_counter()
                head = f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode()
                connection.sendall(head + body)
                status, rest = _answer(connection, rest)
                took_ms = (time.perf_counter() - begun_s) * 1000
                with self._lock:
                    self.answers.statuses[status] += 1
                    self.answers.took_ms.append(took_ms)

    def _bodies(self) -> Iterator[bytes]:
        while True:
            with self._lock:
                body = next(self._left, None)
            if body is None:
                return
            yield body


def _answer(connection: socket.socket, rest: bytes) -> tuple[int, bytes]:
    """The status of the next answer, and what was read beyond it."""
    while b"\r\n\r\n" not in rest:
        rest += _more(connection)
    head, _, rest = rest.partition(b"\r\n\r\n")
    named = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    length = int(named.get(b"content-length", b"0"))
    while len(rest) < length:
        rest += _more(connection)
    return int(head.split(b" ", 2)[1]), rest[length:]


def _more(connection: socket.socket) -> bytes:
    found = connection.recv(_READ)
    if not found:
        raise SystemExit("the server closed a connection")
    return found


def _made(form: str, count: int, batch: int, run: str) -> list[bytes]:
    if form in {"events", "event"}:
        return bodies.events(count, batch, rfc3339(SystemClock().now_us()), run)
    exports = bodies.Exports(hash(run) & 0xFFFF, SystemClock().now_us() * 1000)
    made: list[bytes] = getattr(exports, form)(count)
    return made


def main(arguments: list[str]) -> int:
    """Print one line of JSON: requests, seconds, statuses, bytes, percentiles."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--form", choices=_FORMS, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--run", required=True)
    parser.add_argument("--token-file", default="")
    given = parser.parse_args(arguments)
    made = _made(given.form, given.count, given.batch, given.run)
    media, encoding = _FORMS[given.form]
    head = f"POST {given.path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {media}\r\n"
    head += f"Content-Encoding: {encoding}\r\n" if encoding else ""
    if given.token_file:
        head += f"Authorization: Bearer {Path(given.token_file).read_text().strip()}\r\n"
    pusher = Pusher(given.port, head, made)
    took_s = pusher.run()
    answers = pusher.answers
    document: dict[str, Any] = {
        "requests": len(made),
        "seconds": took_s,
        "statuses": {str(status): count for status, count in answers.statuses.items()},
        "body_bytes": sum(map(len, made)) // len(made),
        "ack_ms": {f"p{share}": percentile(answers.took_ms, share) for share in (50, 99)},
    }
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
