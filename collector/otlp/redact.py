"""Redaction of decoded OTLP messages, in place: every string, number and byte value is judged."""

from __future__ import annotations

from typing import Any

from collector.redaction.keys import KeyClass, classify
from collector.redaction.redactor import DROPPED, Redactor, failing_closed

_MAX_DEPTH = 64


def redact(message: Any, redactor: Redactor) -> None:
    """Redact an Export*ServiceRequest. Raises RedactionFailed: then nothing may be stored.

    Unknown protobuf fields are discarded: nobody can say what is in them.
    """
    with failing_closed():
        message.DiscardUnknownFields()
        walk = _Walk(redactor)
        for group in getattr(message, "resource_spans", ()):
            walk.group(group, group.scope_spans, "spans", walk.span)
        for group in getattr(message, "resource_logs", ()):
            walk.group(group, group.scope_logs, "log_records", walk.log)
        for group in getattr(message, "resource_metrics", ()):
            walk.group(group, group.scope_metrics, "metrics", walk.metric)


class _Walk:
    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def group(self, group: Any, scopes: Any, items: str, judge: Any) -> None:
        self.attributes(group.resource.attributes)
        for entity in group.resource.entity_refs:
            self.texts(entity, "schema_url", "type")
        self.texts(group, "schema_url")
        for scope in scopes:
            self.texts(scope, "schema_url")
            if scope.HasField("scope"):
                self.texts(scope.scope, "name", "version")
                self.attributes(scope.scope.attributes)
            for item in getattr(scope, items):
                judge(item)

    def span(self, span: Any) -> None:
        self.texts(span, "name", "trace_state")
        self.attributes(span.attributes)
        for event in span.events:
            self.texts(event, "name")
            self.attributes(event.attributes)
        for link in span.links:
            self.texts(link, "trace_state")
            self.attributes(link.attributes)
        if span.status.message:
            self.texts(span.status, "message")

    def log(self, record: Any) -> None:
        self.texts(record, "severity_text", "event_name")
        self.attributes(record.attributes)
        if record.HasField("body"):
            self.any_value("", record.body, 0)

    def metric(self, metric: Any) -> None:
        self.texts(metric, "name", "description", "unit")
        self.attributes(metric.metadata)
        kind = metric.WhichOneof("data")
        if kind is None:
            return
        for point in getattr(metric, kind).data_points:
            self.attributes(point.attributes)
            for exemplar in getattr(point, "exemplars", ()):
                self.attributes(exemplar.filtered_attributes)

    def texts(self, message: Any, *names: str) -> None:
        for name in names:
            text = getattr(message, name)
            if text and (masked := self._redactor.text(text)) is not text:
                setattr(message, name, masked)

    def attributes(self, attributes: Any, depth: int = 0) -> None:
        judge_key, judge_text = self._redactor.key, self._redactor.text
        dropped: list[int] = []
        for index, pair in enumerate(attributes):
            key = pair.key
            kind, masked_key = judge_key(key)
            value = pair.value
            if kind is KeyClass.PLAIN and value.HasField("string_value"):
                text = value.string_value
                masked = judge_text(text)
                if masked is not text:
                    value.string_value = masked
            elif not self.any_value(key, value, depth):
                dropped.append(index)
                continue
            if masked_key is not key and masked_key != key:
                pair.key = masked_key
        for index in reversed(dropped):
            del attributes[index]

    def any_value(self, key: str, value: Any, depth: int) -> bool:
        """Judge one AnyValue under its key; False where it has to go."""
        if depth > _MAX_DEPTH:
            raise ValueError("attribute values are nested too deeply to be judged")
        kind = value.WhichOneof("value")
        if kind in _SCALARS:
            before = getattr(value, kind)
            after = self._redactor.value(key, before)
            if after is DROPPED:
                return False
            if after is not before and after != before:
                value.string_value = str(after)
            return True
        if classify(key) is KeyClass.DROP:
            return False
        if kind == "kvlist_value":
            self.attributes(value.kvlist_value.values, depth + 1)
        elif kind == "array_value":
            for child in value.array_value.values:
                if not self.any_value(key, child, depth + 1):
                    child.Clear()
        elif kind == "bytes_value":
            self._bytes(key, value)
        return True

    def _bytes(self, key: str, value: Any) -> None:
        """Bytes that read as text holding something to mask become that masked text."""
        text = value.bytes_value.decode("latin-1")
        masked = self._redactor.value(key, text)
        if masked != text:
            value.string_value = str(masked)


_SCALARS = frozenset({"string_value", "int_value", "double_value", "bool_value"})
