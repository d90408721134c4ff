"""How the simulated shop tells Tillwatch: events over HTTP, at least once, and spans over OTLP."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from app.demo.world import RELEASE, Attempt

_MAX_WAITING = 2_000
# The most that one request may hold.
_BATCH = 1_000


class EventSender:
    """Sends batches to `POST /api/events` and keeps each until it was acknowledged."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=20, trust_env=False
        )
        self._waiting: deque[list[Mapping[str, Any]]] = deque()
        self.acknowledged = 0

    def send(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Queue the events and send what waits; what is not acknowledged stays waiting."""
        for start in range(0, len(events), _BATCH):
            self._waiting.append(list(events[start : start + _BATCH]))
        while len(self._waiting) > _MAX_WAITING:
            self._waiting.popleft()
        while self._waiting:
            if not self._post("/api/events", self._waiting[0]):
                return
            self.acknowledged += len(self._waiting.popleft())

    @property
    def waiting(self) -> int:
        """Batches that are not acknowledged yet."""
        return len(self._waiting)

    def change(self, change: Mapping[str, Any]) -> bool:
        """Tell of a deploy or another change."""
        return self._post("/api/changes", change)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, path: str, document: object) -> bool:
        try:
            answer = self._client.post(
                path,
                content=json.dumps(document).encode(),
                headers={"Content-Type": "application/json"},
            )
        except httpx2.TransportError:
            return False
        if answer.status_code in {401, 403, 404}:
            raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.status_code == 202


class SpanSender:
    """Real OTLP through the OpenTelemetry SDK: one trace per payment attempt, three services."""

    def __init__(self, otlp_url: str, token: str, rng: random.Random) -> None:
        self._rng = rng
        self._providers = {
            name: self._provider(name, f"{otlp_url}/v1/traces", token)
            for name in ("shop-web", "checkout", "payments")
        }

    def attempt(self, attempt: Attempt, ended_us: int) -> str:
        """Emit the attempt's spans; returns the trace id (32 hex digits)."""
        took_us = round(attempt.latency_ms * 1000)
        own_us = self._rng.randrange(20_000, 60_000)
        start_us = ended_us - took_us - 2 * own_us
        names = ("POST /checkout", "place order", f"charge {attempt.provider}")
        kinds = (SpanKind.SERVER, SpanKind.SERVER, SpanKind.CLIENT)
        spans = []
        context = None
        pairs = zip(self._providers.values(), names, kinds, strict=True)
        for depth, (provider, name, kind) in enumerate(pairs):
            span = provider.get_tracer("shop").start_span(
                name,
                context=context,
                kind=kind,
                start_time=(start_us + depth * own_us) * 1000,
                attributes=self._attributes(attempt) if depth == 2 else {"simulated": True},
            )
            context = set_span_in_context(span)
            spans.append(span)
        for depth, span in reversed(list(enumerate(spans))):
            if attempt.decline_class == "technical":
                span.set_status(Status(StatusCode.ERROR, attempt.error_type))
            span.end(end_time=(ended_us - depth * own_us) * 1000)
        return f"{spans[0].get_span_context().trace_id:032x}"

    def close(self) -> None:
        """Flush and stop the exporters."""
        for provider in self._providers.values():
            provider.shutdown()

    @staticmethod
    def _attributes(attempt: Attempt) -> dict[str, str | int | bool]:
        customer = attempt.customer
        found: dict[str, str | int | bool] = {
            "tillwatch.payment_id": attempt.payment_id,
            "tillwatch.checkout_id": customer.checkout_id,
            "tillwatch.provider": attempt.provider,
            "tillwatch.method": customer.method,
            "tillwatch.country": customer.country,
            "tillwatch.region": customer.region,
            "tillwatch.amount_minor": customer.amount_minor,
            "tillwatch.currency": customer.currency,
            "simulated": True,
        }
        for key in ("decline_class", "decline_code", "error_type"):
            if value := getattr(attempt, key):
                found[f"tillwatch.{key}"] = value
        return found

    @staticmethod
    def _provider(service: str, endpoint: str, token: str) -> TracerProvider:
        resource = Resource.create({"service.name": service, "service.version": RELEASE})
        provider = TracerProvider(resource=resource)
        exporter = OTLPSpanExporter(
            endpoint=endpoint, headers={"Authorization": f"Bearer {token}"}, timeout=5
        )
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
        return provider
