"""What sources did in one transaction: when they spoke, and of how many units."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from kernel.clock import HOUR_US, MINUTE_US
from kernel.shop_event import DERIVED_TYPES, Origin, ShopEvent
from slo.ledger.levels import floor_us
from slo.ledger.source_book import SourceBook

# Row of all sources together in `volume`; no CloudEvent has an empty source.
ALL_SOURCES: Final = ""


class SourceChanges:
    """Collects in memory; `flush` writes it."""

    def __init__(self, book: SourceBook) -> None:
        self._book = book
        self._names: dict[str, str] = {}
        self._heard: dict[str, list[int]] = {}
        # Units that one message alone has told of, by its source: most of all.
        self._spoken: dict[str, int] = {}
        self._volumes: dict[str, int] = {}

    def hear(self, events: Sequence[ShopEvent]) -> None:
        """Sources that tell of these events are alive at their times."""
        heard = self._heard
        for event in events:
            if event.origin is Origin.DERIVED and event.type in DERIVED_TYPES:
                continue
            times = heard.get(event.source)
            if times is None:
                heard[event.source] = [event.time_us]
                self.name(event.source)
            else:
                times.append(event.time_us)

    def name(self, source: str) -> str:
        """What the source is called in the tables."""
        found = self._names.get(source)
        if found is None:
            found = self._names[source] = self._book.name_of(source)
        return found

    def speak(self, before: Sequence[ShopEvent], after: Sequence[ShopEvent]) -> None:
        """A unit counts once for each source that spoke of it, and once for all together."""
        source = after[0].source
        for event in after:
            if event.source != source:
                break
        else:
            if len(before) == 1 and before[0].source == source:
                return
            if not before and not _is_ours(after[0]):
                self._spoken[source] = self._spoken.get(source, 0) + 1
                return
        known = {event.source for event in before if not _is_ours(event)}
        told = {event.source for event in after if not _is_ours(event)}
        fresh = {self.name(one) for one in told - known}
        if told and not known:
            fresh.add(ALL_SOURCES)
        for name in fresh:
            self._add(name, 1)

    def flush(self, db: sqlite3.Connection, received_us: int) -> None:
        """One statement per table."""
        names = self._names
        db.executemany(
            "INSERT OR IGNORE INTO presence VALUES (?, ?)",
            {
                (names[source], minute * MINUTE_US)
                for source, times in self._heard.items()
                for minute in {at_us // MINUTE_US for at_us in times}
            },
        )
        db.executemany(
            "INSERT INTO heard VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " first_event_us = min(first_event_us, excluded.first_event_us),"
            " last_event_us = max(last_event_us, excluded.last_event_us),"
            " last_received_us = max(last_received_us, excluded.last_received_us)",
            [
                (names[source], min(times), max(times), received_us)
                for source, times in self._heard.items()
            ],
        )
        for source, units in self._spoken.items():
            self._add(self.name(source), units)
            self._add(ALL_SOURCES, units)
        hour_us = floor_us(received_us, HOUR_US)
        db.executemany(
            "INSERT INTO volume VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET"
            " units = units + excluded.units",
            [(source, hour_us, units) for source, units in self._volumes.items()],
        )

    def _add(self, name: str, units: int) -> None:
        self._volumes[name] = self._volumes.get(name, 0) + units


def _is_ours(event: ShopEvent) -> bool:
    """Concluded by us from silence: no sign of life of its source."""
    return event.origin is Origin.DERIVED and event.type in DERIVED_TYPES
