"""Feature-flag evaluations in OTLP: who was served which variant of which flag, and when. Pure.

OpenFeature's hooks write them as log records or as span events. Names of three generations count:
`feature_flag.evaluation` with `feature_flag.result.*` (semantic conventions 1.34 and later), the
same with `feature_flag.variant` and `feature_flag.evaluation.reason`, and the older `feature_flag`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from collector.otlp.rows import attributes

# Stands in every encoded body that holds an evaluation, and in hardly any other.
MARK: Final = b"feature_flag"
EVENT_NAMES: Final = frozenset({"feature_flag.evaluation", "feature_flag"})
ERROR_VARIANT: Final = "(error)"
_KEY: Final = "feature_flag.key"
_VARIANTS: Final = (
    "feature_flag.result.variant",
    "feature_flag.variant",
    "feature_flag.result.value",
    "feature_flag.evaluation.value",
)
_REASONS: Final = ("feature_flag.result.reason", "feature_flag.evaluation.reason")
_ENVIRONMENTS: Final = ("deployment.environment.name", "deployment.environment")
_MAX_NAME = 200
_MAX_VARIANT = 80


@dataclass(frozen=True, order=True)
class FlagKey:
    """Which flag, where: what is served in one service and environment is one story."""

    service: str
    environment: str
    flag_set: str
    flag: str


@dataclass(frozen=True, order=True)
class Evaluation:
    """One answer of the flag service. `context`: a digest of who asked, "" where nobody says.

    The order of the fields is the order in which evaluations are looked at: by time first.
    """

    at_us: int
    key: FlagKey
    variant: str
    context: str
    reason: str
    version: str


def of_traces(message: Any, received_us: int) -> list[Evaluation]:
    """The evaluations among the span events of an ExportTraceServiceRequest."""
    found: list[Evaluation] = []
    for group in message.resource_spans:
        where: tuple[str, str] | None = None
        for span, event in _span_events(group):
            where = where or _where(group.resource)
            at_us = event.time_unix_nano // 1000 or span.end_time_unix_nano // 1000
            one = _evaluation(event.attributes, where, at_us, span.trace_id.hex())
            found += [one] if one else []
    return [_received(one, received_us) for one in found]


def of_logs(message: Any, received_us: int) -> list[Evaluation]:
    """The evaluations among the records of an ExportLogsServiceRequest."""
    found: list[Evaluation] = []
    for group in message.resource_logs:
        where: tuple[str, str] | None = None
        for record in _flag_records(group):
            where = where or _where(group.resource)
            nanos = record.time_unix_nano or record.observed_time_unix_nano
            one = _evaluation(record.attributes, where, nanos // 1000, record.trace_id.hex())
            found += [one] if one else []
    return [_received(one, received_us) for one in found]


def _span_events(group: Any) -> Iterator[tuple[Any, Any]]:
    spans = (span for scope in group.scope_spans for span in scope.spans)
    for span in spans:
        for event in span.events:
            if event.name in EVENT_NAMES:
                yield span, event


def _flag_records(group: Any) -> Iterator[Any]:
    for scope in group.scope_logs:
        for record in scope.log_records:
            if record.event_name in EVENT_NAMES or any(
                pair.key == _KEY for pair in record.attributes
            ):
                yield record


def _where(resource: Any) -> tuple[str, str]:
    told = attributes(resource.attributes)
    service = str(told.get("service.name", "unknown_service"))
    return service, _first(told, _ENVIRONMENTS)


def _evaluation(
    pairs: Iterable[Any], where: tuple[str, str], at_us: int, trace_id: str
) -> Evaluation | None:
    """None for what names no flag, or says not what was served."""
    told = attributes(pairs)
    key = FlagKey(*where, str(told.get("feature_flag.set.id", "")), str(told.get(_KEY, "")))
    reason = _first(told, _REASONS).lower()
    is_error = reason == "error" or "error.type" in told
    variant = ERROR_VARIANT if is_error else _first(told, _VARIANTS)[:_MAX_VARIANT]
    names = (key.service, key.environment, key.flag_set, key.flag)
    if not key.flag or not variant or any(len(name) > _MAX_NAME for name in names):
        return None
    who = str(told.get("feature_flag.context.id", "")) or trace_id
    return Evaluation(
        at_us, key, variant, _digest(who), reason, str(told.get("feature_flag.version", ""))[:80]
    )


def _received(one: Evaluation, received_us: int) -> Evaluation:
    """Without a time, or with one that lies ahead of us: the time of receipt."""
    if 0 < one.at_us <= received_us:
        return one
    return Evaluation(received_us, one.key, one.variant, one.context, one.reason, one.version)


def _first(told: Mapping[str, Any], names: Iterable[str]) -> str:
    for name in names:
        value = told.get(name)
        if isinstance(value, bool):
            return str(value).lower()
        if value is not None and value != "":
            return str(value)
    return ""


def _digest(who: str) -> str:
    """Enough to tell contexts apart within a block, and nobody's name."""
    return hashlib.blake2b(who.encode(), digest_size=6).hexdigest() if who else ""
