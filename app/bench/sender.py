"""The sending process of a load run: an open loop, so that a slow answer delays no later batch.

A batch's latency counts from the time it was due, not from when a free connection was found.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from app.bench.measure import percentile
from app.bench.traffic import Traffic
from app.demo.world import World
from kernel.clock import Clock, SystemClock

_CONNECTIONS = 8
_MAX_TRIES = 20
_EVENTS = "/api/events"
_TRACES = "/v1/traces"


@dataclass
class Acks:
    """How long answers took, and how many batches had to be sent again."""

    took_ms: dict[str, list[float]] = field(default_factory=lambda: {_EVENTS: [], _TRACES: []})
    again: int = 0
    lost: int = 0


class LoadSender:
    """Sends batches at their due time and repeats what was not acknowledged."""

    def __init__(self, addresses: Mapping[str, str], token: str, clock: Clock) -> None:
        """`addresses`: base address by path."""
        limits = httpx2.Limits(max_connections=_CONNECTIONS)
        self._client = httpx2.Client(
            headers={"Authorization": f"Bearer {token}"}, timeout=20, trust_env=False, limits=limits
        )
        self._addresses = addresses
        self._clock = clock
        self._pool = ThreadPoolExecutor(_CONNECTIONS)
        self._lock = threading.Lock()
        self._pause = threading.Event()
        self.acks = Acks()

    def send(self, path: str, body: bytes, due_s: float) -> Future[None]:
        """Send in a thread. `due_s`: monotonic time at which it should have begun."""
        return self._pool.submit(self._send, path, body, due_s)

    def wait_until(self, at_s: float) -> None:
        """Sleep until the monotonic time."""
        self._pause.wait(max(0.0, at_s - self._clock.monotonic_s()))

    def close(self) -> None:
        """Wait for all answers."""
        self._pool.shutdown(wait=True)
        self._client.close()

    def _send(self, path: str, body: bytes, due_s: float) -> None:
        kind = "application/json" if path == _EVENTS else "application/x-protobuf"
        for attempt in range(_MAX_TRIES):
            if self._acknowledged(path, body, kind):
                took_ms = (self._clock.monotonic_s() - due_s) * 1000
                with self._lock:
                    self.acks.took_ms[path].append(took_ms)
                    self.acks.again += attempt
                return
            self._pause.wait(0.5)
        with self._lock:
            self.acks.lost += 1

    def _acknowledged(self, path: str, body: bytes, kind: str) -> bool:
        try:
            answer = self._client.post(
                self._addresses[path] + path, content=body, headers={"Content-Type": kind}
            )
        except httpx2.TransportError:
            return False
        return answer.status_code in {200, 202}


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Send for the given seconds; what was sent and how it was answered."""
    clock = SystemClock()
    world = World(random.Random(arguments.seed))  # noqa: S311 - traffic, not a secret
    traffic = Traffic(world)
    addresses = {_EVENTS: arguments.url, _TRACES: arguments.otlp_url}
    sender = LoadSender(addresses, arguments.token_file.read_text().strip(), clock)
    every_s = arguments.batch / arguments.rate_per_s
    batches = max(1, round(arguments.seconds / every_s))
    begun_s = clock.monotonic_s()
    for number in range(batches):
        body = traffic.events(arguments.batch, clock.now_us())
        spans = traffic.export() if arguments.spans else b""
        due_s = begun_s + number * every_s
        sender.wait_until(due_s)
        sender.send(_EVENTS, body, max(due_s, begun_s))
        if spans:
            sender.send(_TRACES, spans, max(due_s, begun_s))
    # Whole baskets are made, so the last one may have events left over.
    rest = traffic.waiting
    if rest:
        sender.send(_EVENTS, traffic.events(rest, clock.now_us()), clock.monotonic_s())
    sender.close()
    took_s = clock.monotonic_s() - begun_s
    events = batches * arguments.batch + rest
    return {
        "events": events,
        "spans": traffic.spans,
        "events_per_s": events / took_s,
        "spans_per_s": traffic.spans / took_s,
        "again": sender.acks.again,
        "lost": sender.acks.lost,
        "event_ack_ms": _latencies(sender.acks.took_ms[_EVENTS]),
        "span_ack_ms": _latencies(sender.acks.took_ms[_TRACES]),
        "expected": traffic.expected(),
    }


def _latencies(took_ms: list[float]) -> dict[str, float]:
    return {f"p{share}": percentile(took_ms, share) for share in (50, 99, 100)} if took_ms else {}


def main() -> int:
    """Print one JSON line at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--otlp-url", required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate-per-s", type=float, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--spans", action=argparse.BooleanOptionalAction, default=True)
    print(json.dumps(run(parser.parse_args())), flush=True)  # noqa: T201 - the result
    return 0


if __name__ == "__main__":
    sys.exit(main())
