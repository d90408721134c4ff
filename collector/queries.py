"""What the read API answers from the telemetry store."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from collector.changes.change import ROLLBACK, SOURCE
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, Clock, parse_rfc3339, rfc3339
from kernel.errors import BadInput, NotFound
from kernel.telemetry_store.port import ChangeRow, EventRow, SpanRow, TelemetryStore

_MAX_LIMIT = 10_000
_AGO = re.compile(r"([0-9]{1,6})([smhd])\Z")
_UNITS_US = {"s": SECOND_US, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US}
_TRACE_ID = re.compile(r"[0-9a-fA-F]{32}\Z")
_ENVELOPE = frozenset({"id", "source", "type", "time_us", "time_flag", "origin"})
# The end of time for a range without an end.
_EVER_US = 1 << 62


class TelemetryQueries:
    """Events, traces and changes as JSON documents."""

    def __init__(self, store: TelemetryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def events(
        self, *, types: Sequence[str], since: str, limit: int, until: str = ""
    ) -> list[dict[str, Any]]:
        """Shop events, newest first. `since`: RFC 3339, or an age like `15m`; default 1 h.

        `until` (default: no end; the time itself is left out) asks for the page behind the last.
        """
        to_us = self._time_us("until", until) if until else _EVER_US
        rows = self._store.events(
            from_us=self._since_us(since), to_us=to_us, types=types, limit=_limit(limit)
        )
        return [_event(row) for row in rows]

    def changes(self, *, since: str, limit: int) -> list[dict[str, Any]]:
        """Changes, newest first."""
        rows = self._store.changes(
            from_us=self._since_us(since), to_us=_EVER_US, limit=_limit(limit)
        )
        return [_change(row) for row in rows]

    def trace(self, trace_id: str) -> dict[str, Any]:
        """One trace's spans by start. Raises BadInput for no id, NotFound for no spans."""
        if not _TRACE_ID.match(trace_id):
            raise BadInput("a trace id is 32 hex digits", path="trace_id")
        spans = self._store.trace(trace_id.lower())
        if not spans:
            raise NotFound(f"no spans of trace {trace_id} are stored", hint="it may be too old")
        return {"trace_id": trace_id.lower(), "spans": [_span(row) for row in spans]}

    def _since_us(self, since: str) -> int:
        return self._time_us("since", since) if since else self._clock.now_us() - HOUR_US

    def _time_us(self, name: str, text: str) -> int:
        """The time of a query's field. Raises BadInput."""
        if match := _AGO.match(text):
            return self._clock.now_us() - int(match[1]) * _UNITS_US[match[2]]
        try:
            return parse_rfc3339(text.replace(" ", "+"))
        except (ValueError, OverflowError) as error:
            raise BadInput(f"{name}: {error}", path=name, hint="an RFC 3339 time or 15m") from None


def _limit(limit: int) -> int:
    if not 1 <= limit <= _MAX_LIMIT:
        raise BadInput(f"limit lies between 1 and {_MAX_LIMIT}", path="limit")
    return limit


def _event(row: EventRow) -> dict[str, Any]:
    """CloudEvents attributes, the fields under `data` and, for plain readers, beside them."""
    event = row.event
    fields = msgspec.to_builtins(event)
    data = {name: value for name, value in fields.items() if name not in _ENVELOPE}
    envelope = {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": rfc3339(event.time_us),
        "received_at": rfc3339(row.received_us),
        "origin": str(event.origin),
    }
    if event.time_flag:
        envelope["time_flag"] = event.time_flag
    return {**data, **envelope, "data": data}


def _change(row: ChangeRow) -> dict[str, Any]:
    attributes = dict(row.attributes)
    return {
        "at": rfc3339(row.at_us),
        "kind": row.kind,
        "source": str(attributes.pop(SOURCE, "")),
        "service": row.service,
        "summary": row.summary,
        "version": row.version,
        "environment": row.environment,
        "author": row.author,
        "url": row.url,
        "rollback": attributes.get(ROLLBACK) is True,
        "attributes": attributes,
    }


def _span(row: SpanRow) -> dict[str, Any]:
    return {
        "span_id": row.span_id,
        "parent_span_id": row.parent_span_id,
        "service": row.service,
        "name": row.name,
        "kind": row.kind,
        "start": rfc3339(row.start_us),
        "end": rfc3339(row.end_us),
        "duration_us": row.end_us - row.start_us,
        "status": row.status,
        "status_message": row.status_message,
        "attributes": dict(row.attributes),
        "events": [dict(event) for event in row.events],
    }
