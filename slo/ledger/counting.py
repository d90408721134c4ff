"""One transaction of counting: load the touched units, fold them anew, write the differences."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from kernel.clock import HOUR_US, MINUTE_US
from kernel.shop_event import DERIVED_TYPES, Origin, ShopEvent
from slo.ledger.bads import BadChanges, BadRow
from slo.ledger.cells import CellChanges, Change
from slo.ledger.contribution import Verdict, alert_key, price_of
from slo.ledger.levels import Marks, floor_us
from slo.ledger.pulse import QUARTER_US, Beat, PulseBook, PulseChanges, begun_at
from slo.ledger.rulebook import NO_PLAN, Plan, Rulebook
from slo.ledger.segments import SegmentBook
from slo.ledger.source_book import SourceBook
from slo.ledger.unit import Unit, UnitKey, decode_unit, encode_unit, fold, merge, unit_keys
from slo.objective import UnitKind

_IN_CHUNK: Final = 500
# Row of all sources together in `volume`; no CloudEvent has an empty source.
ALL_SOURCES: Final = ""
Events = tuple[ShopEvent, ...]


@dataclass(frozen=True)
class Books:
    """What one writer knows between transactions."""

    rules: Rulebook
    pulses: PulseBook
    segments: SegmentBook
    sources: SourceBook


class Contribution(NamedTuple):
    """One unit in the sums. `currency` is "" where no usable amount was told."""

    plan: Plan
    at_us: int
    currency: str
    amount_minor: int
    checkout_id: str
    alert_key: str


class Counting:
    """Everything that one transaction changes."""

    def __init__(
        self, db: sqlite3.Connection, books: Books, received_us: int, marks: Marks
    ) -> None:
        self._db = db
        self._books = books
        self._received_us = received_us
        self._hour = received_us // HOUR_US
        self._marks = marks
        self._cells = CellChanges(books.segments)
        self._bads = BadChanges()
        self._pulses = PulseChanges()
        self._units: list[tuple[object, ...]] = []
        self._volumes: dict[str, int] = {}
        self._heard: dict[str, tuple[int, int]] = {}
        self._last_heard: tuple[str, int] = ("", 0)
        self._minutes: set[tuple[str, int]] = set()

    def take(self, events: Sequence[ShopEvent]) -> None:
        """Count these events (in memory; `write` stores it)."""
        news: dict[UnitKey, list[ShopEvent]] = {}
        item_types = self._books.rules.item_types
        for event in events:
            if event.origin is not Origin.DERIVED or event.type not in DERIVED_TYPES:
                self._hear(event)
            for key in unit_keys(event, item_types):
                held = news.get(key)
                if held is None:
                    news[key] = [event]
                else:
                    held.append(event)
        known = self._load(news)
        for key, fresh in news.items():
            before = known.get(key, ())
            after = merge(before, key.kind, fresh)
            if after != before:
                self._change(key, before, after)

    def write(self) -> list[Change]:
        """Store it all: one statement per table. Gives the changes of cells."""
        self._bads.settle(self._db, self._cells, self._hour)
        changes = self._cells.flush(self._db, self._received_us, self._marks)
        quarters_to_us = floor_us(self._marks.minutes_to_us, QUARTER_US)
        self._pulses.flush(self._db, self._marks, quarters_to_us)
        self._db.executemany(
            "INSERT OR REPLACE INTO unit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._units
        )
        self._db.executemany("INSERT OR IGNORE INTO presence VALUES (?, ?)", self._minutes)
        self._db.executemany(
            "INSERT INTO heard VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " first_event_us = min(first_event_us, excluded.first_event_us),"
            " last_event_us = max(last_event_us, excluded.last_event_us),"
            " last_received_us = max(last_received_us, excluded.last_received_us)",
            [
                (self._books.sources.name_of(source), *times, self._received_us)
                for source, times in self._heard.items()
            ],
        )
        hour_us = floor_us(self._received_us, HOUR_US)
        self._db.executemany(
            "INSERT INTO volume VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET"
            " units = units + excluded.units",
            [(source, hour_us, units) for source, units in self._volumes.items()],
        )
        return changes

    def _change(self, key: UnitKey, before: Events, after: Events) -> None:
        unit = fold(key.kind, after)
        held = fold(key.kind, before) if before else None
        old = None if held is None else self._contribution(key.kind, held)
        new = self._contribution(key.kind, unit)
        if old != new:
            if old is not None:
                self._move(key.key, old, -1)
            if new is not None:
                self._move(key.key, new, 1)
        was = None if held is None else self._beat(key.kind, before, held)
        beat = self._beat(key.kind, after, unit)
        if beat != was:
            self._pulses.move(was, beat)
        self._speak(before, after)
        merged = unit.merged
        self._units.append(
            (
                key.kind.value,
                key.key,
                unit.status.value,
                merged.time_us,
                self._hour,
                merged.method,
                merged.source,
                merged.checkout_id,
                encode_unit(after),
            )
        )

    def _contribution(self, kind: UnitKind, unit: Unit) -> Contribution | None:
        """None without an outcome, and where it matters to no objective."""
        if not unit.status.terminal:
            return None
        merged = unit.merged
        plan = self._books.rules.plan(kind, merged)
        if plan is NO_PLAN:
            return None
        return Contribution(
            plan, merged.time_us, *price_of(merged), merged.checkout_id, alert_key(merged)
        )

    def _move(self, unit_key: str, told: Contribution, sign: int) -> None:
        plan, at_us, currency, amount_minor, checkout_id, customer = told
        self._cells.count(plan, at_us, currency, amount_minor, sign)
        if not plan.is_bad:
            return
        for no, segment_id, verdict in self._books.segments.places(plan, at_us):
            if verdict is not Verdict.BAD:
                continue
            if sign < 0:
                self._bads.remove(no, customer, at_us, unit_key)
                continue
            bad = BadRow(at_us, unit_key, segment_id, currency, amount_minor, checkout_id)
            self._bads.add(no, customer, bad)

    def _beat(self, kind: UnitKind, events: Events, unit: Unit) -> Beat | None:
        groups = self._books.pulses.groups(kind, unit.merged)
        if not groups:
            return None
        source, at_us = begun_at(events)
        return Beat(groups, self._books.sources.name_of(source), at_us)

    def _load(self, wanted: Iterable[UnitKey]) -> dict[UnitKey, Events]:
        by_kind: dict[UnitKind, list[str]] = {}
        for kind, key in wanted:
            by_kind.setdefault(kind, []).append(key)
        known: dict[UnitKey, Events] = {}
        for kind, keys in by_kind.items():
            for begin in range(0, len(keys), _IN_CHUNK):
                chunk = keys[begin : begin + _IN_CHUNK]
                marks = ",".join("?" * len(chunk))
                rows = self._db.execute(
                    f"SELECT key, events FROM unit WHERE kind = ? AND key IN ({marks})",
                    (kind.value, *chunk),
                )
                for key, blob in rows:
                    known[UnitKey(kind, key)] = tuple(decode_unit(blob))
        return known

    def _hear(self, event: ShopEvent) -> None:
        at_us, minute_us = event.time_us, event.time_us - event.time_us % MINUTE_US
        last = self._last_heard
        if last[0] != event.source or last[1] != minute_us:
            last = self._last_heard = event.source, minute_us
            self._minutes.add((self._books.sources.name_of(event.source), minute_us))
        held = self._heard.get(event.source)
        if held is None:
            self._heard[event.source] = at_us, at_us
        elif not held[0] <= at_us <= held[1]:
            self._heard[event.source] = min(held[0], at_us), max(held[1], at_us)

    def _speak(self, before: Events, after: Events) -> None:
        """A unit counts once for each source that spoke of it, and once for all together."""
        if len(before) == 1 and all(event.source == before[0].source for event in after):
            return
        if not before and len(after) == 1 and not _is_ours(after[0]):
            volumes = self._volumes
            source = self._books.sources.name_of(after[0].source)
            volumes[source] = volumes.get(source, 0) + 1
            volumes[ALL_SOURCES] = volumes.get(ALL_SOURCES, 0) + 1
            return
        known = {event.source for event in before if not _is_ours(event)}
        told = {event.source for event in after if not _is_ours(event)}
        fresh = {self._books.sources.name_of(one) for one in told - known}
        if told and not known:
            fresh.add(ALL_SOURCES)
        for source in fresh:
            self._volumes[source] = self._volumes.get(source, 0) + 1


def _is_ours(event: ShopEvent) -> bool:
    """Concluded by us from silence: no sign of life of its source."""
    return event.origin is Origin.DERIVED and event.type in DERIVED_TYPES
