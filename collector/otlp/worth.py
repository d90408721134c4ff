"""How many items of its sender an export holds, and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collector.otlp.signals import LOGS, Signal
from kernel.journal import ItemClass

# SeverityNumber: 1-4 are TRACE, 5-8 DEBUG, 0 is not given (logs.proto).
_DEBUG = range(1, 9)


@dataclass(frozen=True)
class Held:
    """`items`: spans, log records or data points; `only_debug`: logs at DEBUG and below alone."""

    items: int
    only_debug: bool = False


def is_debug(severity_number: int | None) -> bool:
    """Whether a log record is at DEBUG or below."""
    return severity_number in _DEBUG


def held_by(signal: Signal, message: Any) -> Held:
    """What an export request holds."""
    groups, scopes, items = signal.items
    lists = [
        getattr(scope, items)
        for group in getattr(message, groups)
        for scope in getattr(group, scopes)
    ]
    if items == "metrics":
        return Held(sum(_points(metric) for metrics in lists for metric in metrics))
    # Looks no further than the first record that is more than debug.
    only_debug = signal is LOGS and all(
        is_debug(record.severity_number) for records in lists for record in records
    )
    return Held(sum(map(len, lists)), only_debug)


def worth(signal: Signal, held: Held) -> ItemClass:
    """The class of an export: that of its signal, or debug logs where it holds nothing else."""
    return ItemClass.DEBUG_LOG if held.only_debug else signal.item_class


def _points(metric: Any) -> int:
    kind = metric.WhichOneof("data")
    return 0 if kind is None else len(getattr(metric, kind).data_points)
