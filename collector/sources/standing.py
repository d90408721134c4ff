"""The configured sources as people see them: what came, what was refused, what found no unit."""

from __future__ import annotations

from collections import Counter
from typing import Any

from collector.queries import TelemetryQueries
from collector.sources.keyring import Keyring
from collector.sources.outcome import UNMATCHED
from collector.sources.tally import Tally

# How many of the newest events one look reads; beyond it the answer says that it is a part.
_MAX_READ = 10_000
_PROVIDER = "provider"


class WebhookStanding:
    """Reads the tally of this door and the events of the telemetry store."""

    def __init__(self, keyring: Keyring, tally: Tally, queries: TelemetryQueries) -> None:
        self._keyring = keyring
        self._tally = tally
        self._queries = queries

    def show(self, *, since: str, limit: int) -> dict[str, Any]:
        """Sources with their counts, and the newest `limit` events that found no unit.

        `since` bounds the events only; notifications are counted since the door was started.
        `complete` is false where more events lie in the range than one look reads.
        """
        events = self._queries.events(types=(), since=since, limit=_MAX_READ)
        told = [event for event in events if event["origin"] == _PROVIDER]
        unmatched = [event for event in told if _is_unmatched(event)]
        by_source = Counter(str(event["source"]) for event in told)
        without_unit = Counter(str(event["source"]) for event in unmatched)
        return {
            "since": since,
            "complete": len(events) < _MAX_READ,
            "sources": [
                {
                    "name": source.name,
                    "kind": source.kind.name,
                    "secrets": len(source.keys),
                    "notifications": self._tally.of(source.name),
                    "events": by_source[source.name],
                    "unmatched": without_unit[source.name],
                }
                for source in self._keyring.all()
            ],
            "unmatched": unmatched[:limit],
        }


def _is_unmatched(event: dict[str, Any]) -> bool:
    attributes = event.get("attributes")
    return isinstance(attributes, dict) and attributes.get(UNMATCHED) is True
