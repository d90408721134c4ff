"""What an export is worth, and how many items of its sender it holds."""

from __future__ import annotations

from typing import Any

from collector.otlp.signals import Signal
from kernel.journal import ItemClass

# SeverityNumber: 1-4 are TRACE, 5-8 DEBUG, 0 is not given (logs.proto).
_MOST_DEBUG = 8


def worth(signal: Signal, message: Any) -> ItemClass:
    """The class of an export: that of its signal, or debug logs where it holds nothing else."""
    if signal.item_class is ItemClass.LOG and _only_debug(message):
        return ItemClass.DEBUG_LOG
    return signal.item_class


def items_in(message: Any) -> int:
    """Spans, log records or data points of an export request."""
    found = 0
    for group in getattr(message, "resource_spans", ()):
        found += sum(len(scope.spans) for scope in group.scope_spans)
    for group in getattr(message, "resource_logs", ()):
        found += sum(len(scope.log_records) for scope in group.scope_logs)
    for group in getattr(message, "resource_metrics", ()):
        found += sum(_points(metric) for scope in group.scope_metrics for metric in scope.metrics)
    return found


def _points(metric: Any) -> int:
    kind = metric.WhichOneof("data")
    return 0 if kind is None else len(getattr(metric, kind).data_points)


def _only_debug(message: Any) -> bool:
    """Looks no further than the first record that is more."""
    return all(
        0 < record.severity_number <= _MOST_DEBUG
        for group in message.resource_logs
        for scope in group.scope_logs
        for record in scope.log_records
    )
