"""The simulated shop: a process of its own that knows Tillwatch only by its HTTP addresses."""

from __future__ import annotations

import argparse
import heapq
import json
import queue
import random
import signal
import sys
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from app.demo.flags import ShopSwitches, serve_switches
from app.demo.history import history
from app.demo.sender import EventSender, SpanSender
from app.demo.world import REGIONS, Customer, Fault, World, basket, event, payment_event
from kernel.clock import SECOND_US, Clock, SystemClock, rfc3339

FAULT = Fault("adyen", "eu-central", 0.95)
_TICK_S = 0.25
_CONNECTIONS = 3
_BACKFILL_BATCH = 1_000
_MAX_TRIES = 3
_RETRY_SHARE = 0.6


class Shop:
    """Live traffic: baskets come, payments are tried, customers try again or give up."""

    def __init__(
        self, world: World, events: EventSender, spans: SpanSender, clock: Clock, rate_per_s: float
    ) -> None:
        self._world = world
        self._events = events
        self._spans = spans
        self._clock = clock
        self._rate_per_s = rate_per_s
        self._retries: list[tuple[int, int, int, Customer]] = []
        self._order = 0

    def tick(self, seconds: float) -> None:
        """Play the next `seconds` of traffic and send it."""
        now_us = self._clock.now_us()
        batch: list[dict[str, Any]] = []
        for _ in range(self._world.count(self._rate_per_s * seconds)):
            customer = self._world.customer()
            data = basket(customer)
            name = f"{customer.checkout_id}:start"
            batch.append(event("checkout.started", name, now_us, data))
            batch.extend(self._try(customer, now_us, 1))
        while self._retries and self._retries[0][0] <= now_us:
            _, _, tries, customer = heapq.heappop(self._retries)
            batch.extend(self._try(customer, now_us, tries))
        self._events.send(batch)

    def _try(self, customer: Customer, now_us: int, tries: int) -> list[dict[str, Any]]:
        attempt = self._world.attempt(customer)
        data = basket(customer) | {"payment_id": attempt.payment_id, "provider": attempt.provider}
        found = [event("payment.attempted", f"{attempt.payment_id}:try", now_us, data)]
        trace_id = self._spans.attempt(attempt, now_us)
        end = payment_event(attempt, now_us)
        end["data"]["trace_id"] = trace_id
        found.append(end)
        if attempt.succeeded:
            done = data | {
                "order_id": f"or_{customer.checkout_id[3:]}",
                "latency_ms": self._world.checkout_latency_ms(),
                "trace_id": trace_id,
            }
            found.extend(
                event(kind, f"{customer.checkout_id}:{kind}", now_us, done)
                for kind in ("checkout.completed", "order.placed")
            )
        elif tries < _MAX_TRIES and self._world.rng.random() < _RETRY_SHARE:
            again_us = now_us + self._world.rng.randrange(4 * SECOND_US, 12 * SECOND_US)
            self._order += 1
            heapq.heappush(self._retries, (again_us, self._order, tries + 1, customer))
        return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="address of Tillwatch")
    parser.add_argument("--otlp-url", required=True, help="address of its OTLP/HTTP port")
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0, help="port of the shop's switches")
    parser.add_argument("--rate-per-s", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--no-history", action="store_true")
    return parser.parse_args()


def _say(**document: object) -> None:
    print(json.dumps(document), flush=True)  # noqa: T201 - the story reads these lines


def _backfill(
    world: World, senders: Sequence[EventSender], clock: Clock, stop: threading.Event
) -> None:
    """Send the history over several connections at once: the door stores one while it reads one."""
    free: queue.SimpleQueue[EventSender] = queue.SimpleQueue()
    for sender in senders:
        free.put(sender)
    now_us = clock.now_us()
    events = history(world, now_us, now_us - 5 * SECOND_US)
    waiting: deque[Future[int]] = deque()
    acknowledged = 0
    with ThreadPoolExecutor(len(senders)) as pool:
        while not stop.is_set() and (batch := list(islice(events, _BACKFILL_BATCH))):
            waiting.append(pool.submit(_deliver, free, batch, stop))
            if len(waiting) > 2 * len(senders):
                acknowledged += waiting.popleft().result()
                _say(backfilled=acknowledged)
        acknowledged += sum(future.result() for future in waiting)
    if not stop.is_set():
        _say(backfilled=acknowledged, done=True)


def _deliver(
    free: queue.SimpleQueue[EventSender], batch: Sequence[dict[str, Any]], stop: threading.Event
) -> int:
    """Send until it is acknowledged; gives how many events were."""
    sender = free.get()
    before = sender.acknowledged
    sender.send(batch)
    while sender.waiting and not stop.wait(0.2):
        sender.send([])
    free.put(sender)
    return sender.acknowledged - before


def main() -> int:
    """Backfill, then trade until told to stop."""
    arguments = _arguments()
    clock = SystemClock()
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    token = arguments.token_file.read_text().strip()
    world = World(random.Random(arguments.seed))  # noqa: S311 - a simulation, not a secret
    switches = ShopSwitches(clock, {f"payment-routing.{region}": "balanced" for region in REGIONS})
    sender = EventSender(arguments.url, token)

    def fault() -> None:
        deploy = {
            "kind": "deploy",
            "service": "recommendations",
            "summary": "recommendations 2.1.0: new ranking model (simulated, unrelated)",
            "version": "2.1.0",
            "environment": "production",
            "author": "ci",
            "at": rfc3339(clock.now_us() - 20 * SECOND_US),
        }
        if not sender.change(deploy):
            raise RuntimeError("the deploy was not acknowledged")
        world.faults.append(FAULT)

    server = serve_switches(switches, arguments.port, fault)
    _say(port=server.server_port)
    if not arguments.no_history:
        senders = [EventSender(arguments.url, token) for _ in range(_CONNECTIONS)]
        _backfill(world, senders, clock, stop)
        for one in senders:
            one.close()
    spans = SpanSender(arguments.otlp_url, token, world.rng)
    live_rng = random.Random(f"{arguments.seed}:{clock.now_us()}")  # noqa: S311
    world.rng = live_rng
    shop = Shop(world, sender, spans, clock, arguments.rate_per_s)
    _say(live=True)
    while not stop.wait(_TICK_S):
        for region in REGIONS:
            world.routing[region] = switches.flag(f"payment-routing.{region}") or "balanced"
        shop.tick(_TICK_S)
    server.shutdown()
    spans.close()
    sender.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
