"""How Tillwatch watches itself: JSON logs on stderr, Prometheus metrics, OpenTelemetry traces.

Log rule: the event name is constant (`engine.part_failed`), everything else stands in keywords.
Bodies, prompts and secrets are never logged; values under telling keys are masked all the same.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, TextIO, cast

import structlog
from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from kernel.clock import Clock, SystemClock, rfc3339

_SECRET_KEY = re.compile(r"token|secret|password|authorization|cookie|api_?key", re.IGNORECASE)
_US = 1_000_000


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that works before and after `configure_logging`, never on stdout."""
    logger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        context_class=dict,
    )
    return cast("structlog.stdlib.BoundLogger", logger)


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """One JSON line per event to stderr, for our logs and those of libraries alike."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _mask,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for noisy in ("apscheduler", "slack_sdk", "openai", "httpx2", "httpcore2", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def configure_tracing(role: str, version: str) -> Callable[[], None]:
    """Export traces by OTLP/HTTP where `OTEL_EXPORTER_OTLP_ENDPOINT` says whereto; else do nothing.

    Returns what flushes and ends the export.
    """
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    if not any(os.environ.get(name) for name in endpoints):
        return lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": f"tillwatch-{role}", "service.version": version})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def tracer(name: str) -> trace.Tracer:
    """A tracer; without a configured export its spans cost almost nothing."""
    return trace.get_tracer(name)


class Ages:
    """When something last went well, by name. Shown as ages, computed when they are asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_us: dict[str, int] = {}

    def mark(self, name: str, at_us: int) -> None:
        """It went well at this time."""
        with self._lock:
            self._at_us[name] = at_us

    def snapshot(self) -> dict[str, int]:
        """All names with their newest time (UTC microseconds)."""
        with self._lock:
            return dict(self._at_us)


class Metrics:
    """The registry of one process, and the metrics that every process has."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.ages = Ages()
        self.part_failures = Counter(
            "tillwatch_part_failures",
            "Failures of a part or job since the start.",
            ["part"],
            registry=self.registry,
        )
        self.engine_restarts = Counter(
            "tillwatch_engine_restarts",
            "How often the engine was started again.",
            registry=self.registry,
        )


class AgeCollector:
    """Turns last-success times into age metrics at the moment of the scrape."""

    def __init__(
        self, times: Callable[[], Mapping[str, int]], clock: Clock, *, evaluation_part: str
    ) -> None:
        """`times()` gives name -> UTC microseconds; `evaluation_part` is the evaluation's name."""
        self._times = times
        self._clock = clock
        self._evaluation_part = evaluation_part

    def collect(self) -> Iterable[Metric]:
        """Ages in seconds. What never succeeded is absent, not zero: rules ask for `absent()`."""
        now_us = self._clock.now_us()
        parts = GaugeMetricFamily(
            "tillwatch_part_last_success_age_seconds",
            "Seconds since a part or job last went well.",
            labels=["part"],
        )
        times = self._times()
        for name, at_us in sorted(times.items()):
            parts.add_metric([name], max(0, now_us - at_us) / _US)
        yield parts
        if self._evaluation_part in times:
            age_us = max(0, now_us - times[self._evaluation_part])
            yield GaugeMetricFamily(
                "tillwatch_evaluation_age_seconds",
                "Seconds since the objectives were last evaluated.",
                value=age_us / _US,
            )


def _at(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["at"] = rfc3339(SystemClock().now_us())
    return event


def _mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in event:
        if _SECRET_KEY.search(key) and key != "event":
            event[key] = "***"
    return event


_SHARED: list[Any] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    _at,
]
