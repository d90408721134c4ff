"""Refused spans and data points as dead letters: each as the smallest export that holds it.

Such an export is OTLP/JSON, so that a person can read it and the intake can take it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from collector.otlp.json_encode import encode_json
from collector.otlp.redact import redact
from collector.otlp.signals import Signal
from collector.otlp.validate import Refused
from collector.redaction import Redactor
from collector.rejections import OTLP_SCHEMA, Rejections
from kernel.errors import BadInput

# More of one export are told by number alone: they share their fault.
MAX_NOTED = 100


def letters_of(
    signal: Signal, message: Any, refused: Sequence[Refused], redactor: Redactor
) -> list[dict[str, Any]]:
    """Letters of the first 100 refused items of a request as it was decoded, before any is dropped.

    Raises RedactionFailed where one cannot be judged.
    """
    noted = {one.index: one for one in refused[:MAX_NOTED]}
    rejections = Rejections(redactor, OTLP_SCHEMA)
    last = max(noted, default=-1)
    for index, single in enumerate(islice(_singles(signal, message), last + 1)):
        if (one := noted.get(index)) is None:
            continue
        export = single()
        redact(export, redactor)
        field = one.reason.partition(" ")[0]
        fault = BadInput(one.reason, path=f"$[{index}]", rule=f"otlp.{field}")
        rejections.add(index, fault, msgspec.json.decode(encode_json(export)))
    return rejections.letters


def _singles(signal: Signal, message: Any) -> Iterator[Any]:
    """Makers of one-item exports, in the order in which `validate` counts items."""
    for group in getattr(message, "resource_spans", ()):
        for scope in group.scope_spans:
            for span in scope.spans:
                yield lambda g=group, s=scope, i=span: _of_span(signal, g, s, i)
    for group in getattr(message, "resource_metrics", ()):
        metrics = [(scope, metric) for scope in group.scope_metrics for metric in scope.metrics]
        for scope, metric in metrics:
            kind = metric.WhichOneof("data")
            for point in getattr(metric, kind).data_points if kind else ():
                yield lambda g=group, s=scope, m=metric, p=point: _of_point(signal, g, s, m, p)


def _of_span(signal: Signal, group: Any, scope: Any, span: Any) -> Any:
    export = signal.request()
    holder = export.resource_spans.add(resource=group.resource, schema_url=group.schema_url)
    holder.scope_spans.add(scope=scope.scope, spans=[span], schema_url=scope.schema_url)
    return export


def _of_point(signal: Signal, group: Any, scope: Any, metric: Any, point: Any) -> Any:
    export = signal.request()
    holder = export.resource_metrics.add(resource=group.resource, schema_url=group.schema_url)
    inner = holder.scope_metrics.add(scope=scope.scope, schema_url=scope.schema_url)
    single = inner.metrics.add(name=metric.name, description=metric.description, unit=metric.unit)
    kind = metric.WhichOneof("data")
    data = getattr(single, kind)
    for name in ("aggregation_temporality", "is_monotonic"):
        if name in data.DESCRIPTOR.fields_by_name:
            setattr(data, name, getattr(getattr(metric, kind), name))
    data.data_points.append(point)
    return export
