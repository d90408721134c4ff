"""Redaction of decoded OTLP messages, in place: every string, number and byte value is judged."""

from __future__ import annotations

from itertools import chain
from typing import Any

from collector.otlp.signals import LOGS, METRICS, TRACES
from collector.redaction.keys import KeyClass, classify
from collector.redaction.redactor import DROPPED, Redactor, failing_closed

_MAX_DEPTH = 64


def redact(message: Any, redactor: Redactor) -> None:
    """Redact an Export*ServiceRequest. Raises RedactionFailed: then nothing may be stored.

    Unknown protobuf fields are discarded: nobody can say what is in them.
    """
    with failing_closed():
        message.DiscardUnknownFields()
        Walk(redactor).request(message)


class Walk:
    """Judges messages in place."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def request(self, message: Any, *, items: bool = True) -> None:
        """All of a request, or only what its items share: resources, scopes, schema addresses."""
        for signal, judge in ((TRACES, self.span), (LOGS, self.log), (METRICS, self.metric)):
            groups_name, scopes_name, items_name = signal.items
            groups = getattr(message, groups_name, ())
            scopes = [scope for group in groups for scope in getattr(group, scopes_name)]
            for group in groups:
                self.group(group, getattr(group, scopes_name))
            for item in chain.from_iterable(getattr(scope, items_name) for scope in scopes):
                if items:
                    judge(item)

    def group(self, group: Any, scopes: Any) -> None:
        """A resource group and its scopes, without their items."""
        if group.HasField("resource"):
            self.resource(group.resource)
        self.texts(group, "schema_url")
        for scope in scopes:
            self.texts(scope, "schema_url")
            if scope.HasField("scope"):
                self.scope(scope.scope)

    def resource(self, resource: Any) -> None:
        self.attributes(resource.attributes)
        for entity in resource.entity_refs:
            self.texts(entity, "schema_url", "type")
            self.names(entity.id_keys)
            self.names(entity.description_keys)

    def scope(self, scope: Any) -> None:
        self.texts(scope, "name", "version")
        self.attributes(scope.attributes)

    def names(self, names: Any) -> None:
        for index, name in enumerate(names):
            if (masked := self._redactor.text(name)) != name:
                names[index] = masked

    def span(self, span: Any) -> None:
        self.ids(span, "trace_id", "span_id", "parent_span_id")
        self.texts(span, "name", "trace_state")
        self.attributes(span.attributes)
        for event in span.events:
            self.texts(event, "name")
            self.attributes(event.attributes)
        for link in span.links:
            self.ids(link, "trace_id", "span_id")
            self.texts(link, "trace_state")
            self.attributes(link.attributes)
        if span.status.message:
            self.texts(span.status, "message")

    def log(self, record: Any) -> None:
        self.ids(record, "trace_id", "span_id")
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
                self.ids(exemplar, "trace_id", "span_id")
                self.attributes(exemplar.filtered_attributes)

    def ids(self, message: Any, *names: str) -> None:
        for name in names:
            raw = getattr(message, name)
            if (stored := self._redactor.identity(raw)) is not raw:
                setattr(message, name, stored)

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
        text = value.bytes_value.decode("utf-8", "replace")
        masked = self._redactor.value(key, text)
        if masked != text:
            value.string_value = str(masked)


_SCALARS = frozenset({"string_value", "int_value", "double_value", "bool_value"})
