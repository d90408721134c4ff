"""The traffic of a load run: baskets of the demo's world as event bodies and OTLP requests.

Each payment attempt is told twice, by a shop event and by a span, so that a count that is right
also shows that both were seen as one.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from app.demo.world import Attempt, World, basket, event, payment_event

_SPANS = ("POST /checkout", "place order", "reserve stock", "send confirmation", "charge")
_SERVICES = ("shop-web", "checkout", "stock", "mail", "payments")


class Traffic:
    """Makes batches and keeps count of what the objectives have to show for them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._events: deque[dict[str, Any]] = deque()
        self._attempts: deque[tuple[Attempt, int]] = deque()
        self._sent: Counter[tuple[str, str]] = Counter()
        self.spans = 0

    def events(self, count: int, now_us: int) -> bytes:
        """A JSON array of `count` events that nobody has sent before."""
        while len(self._events) < count:
            self._basket(now_us)
        return json.dumps([self._events.popleft() for _ in range(count)]).encode()

    @property
    def waiting(self) -> int:
        """Events that are made and belong to no batch yet."""
        return len(self._events)

    def export(self) -> bytes:
        """An OTLP request with the spans of all attempts since the last one; b"" for none."""
        if not self._attempts:
            return b""
        request = ExportTraceServiceRequest()
        scopes = []
        for name in _SERVICES:
            group = request.resource_spans.add()
            pair = group.resource.attributes.add()
            pair.key, pair.value.string_value = "service.name", name
            scopes.append(group.scope_spans.add())
        while self._attempts:
            attempt, at_us = self._attempts.popleft()
            for depth, scope in enumerate(scopes):
                self._span(scope.spans.add(), attempt, (depth, at_us))
                self.spans += 1
        body: bytes = request.SerializeToString()
        return body

    def expected(self) -> dict[str, dict[str, int]]:
        """Counts that the objectives must show once all of it is counted."""
        found = {
            f"payment-success{suffix}": {
                verdict: sum(
                    count
                    for (name, kind), count in self._sent.items()
                    if kind == verdict and name in wanted
                )
                for verdict in ("good", "bad", "excluded")
            }
            for suffix, wanted in (
                ("", {"stripe", "adyen"}),
                ("-stripe", {"stripe"}),
                ("-adyen", {"adyen"}),
            )
        }
        return found | {"checkout-success": {"good": self._sent["checkout", "good"]}}

    def _basket(self, now_us: int) -> None:
        customer = self._world.customer()
        attempt = self._world.attempt(customer)
        shared = basket(customer)
        data = shared | {"payment_id": attempt.payment_id, "provider": attempt.provider}
        told = [
            event("checkout.started", f"{customer.checkout_id}:start", now_us, shared),
            event("payment.attempted", f"{attempt.payment_id}:try", now_us, data),
            payment_event(attempt, now_us),
        ]
        self._sent[attempt.provider, _verdict(attempt)] += 1
        if attempt.succeeded:
            done = data | {"latency_ms": self._world.checkout_latency_ms()}
            told += [
                event(kind, f"{customer.checkout_id}:{kind}", now_us, done)
                for kind in ("checkout.completed", "order.placed")
            ]
            self._sent["checkout", "good"] += 1
        self._events.extend(told)
        self._attempts.append((attempt, now_us))

    def _span(self, span: Any, attempt: Attempt, place: tuple[int, int]) -> None:
        depth, at_us = place
        trace_id = bytes.fromhex(attempt.trace_id)
        span.trace_id = trace_id if any(trace_id) else bytes(15) + b"\1"
        span.span_id = (depth + 1).to_bytes(8, "big")
        span.parent_span_id = depth.to_bytes(8, "big") if depth else b""
        span.name = _SPANS[depth]
        span.kind = 3 if depth == len(_SPANS) - 1 else 2
        span.end_time_unix_nano = at_us * 1000
        span.start_time_unix_nano = (at_us - round(attempt.latency_ms * 1000)) * 1000
        if attempt.decline_class == "technical":
            span.status.code = Status.STATUS_CODE_ERROR
        if depth == len(_SPANS) - 1:
            for name, value in _told(attempt).items():
                pair = span.attributes.add()
                pair.key, pair.value.string_value = f"tillwatch.{name}", value


def _told(attempt: Attempt) -> Mapping[str, str]:
    customer = attempt.customer
    fields = {
        "payment_id": attempt.payment_id,
        "checkout_id": customer.checkout_id,
        "provider": attempt.provider,
        "method": customer.method,
        "country": customer.country,
        "region": customer.region,
        "amount_minor": str(customer.amount_minor),
        "currency": customer.currency,
        "decline_class": attempt.decline_class,
        "decline_code": attempt.decline_code,
    }
    return {name: value for name, value in fields.items() if value}


def _verdict(attempt: Attempt) -> str:
    if attempt.succeeded:
        return "good"
    return "bad" if attempt.decline_class == "technical" else "excluded"
