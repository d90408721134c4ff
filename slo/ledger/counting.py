"""One transaction of counting: load the touched units, fold them anew, write the differences."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from kernel.clock import HOUR_US, MINUTE_US
from kernel.shop_event import DERIVED_TYPES, Origin, ShopEvent
from slo.ledger.bads import BadChanges, BadRow
from slo.ledger.cells import CellChanges, Change
from slo.ledger.contribution import Verdict, alert_key, price_of
from slo.ledger.levels import Marks, floor_us
from slo.ledger.pulse import QUARTER_US, Beat, PulseBook, PulseChanges, begun_at
from slo.ledger.recent import Held, RecentUnits
from slo.ledger.rulebook import NO_PLAN, Plan, Rulebook
from slo.ledger.segments import SegmentBook
from slo.ledger.source_book import SourceBook
from slo.ledger.unit import (
    ENDED,
    Status,
    Unit,
    attempt_of,
    decode_unit,
    encode_unit,
    fold,
    merge,
    own_key,
)
from slo.objective import UnitKind

_IN_CHUNK: Final = 500
# SQLite takes plain text far sooner than members of an enumeration.
_TEXT: Final = {status: status.value for status in Status}
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
    recent: RecentUnits


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
        self._heard: dict[str, list[int]] = {}
        # Units that one message alone has told of, by its source: most of all.
        self._spoken: dict[str, int] = {}
        self._names: dict[str, str] = {}

    def take(self, events: Sequence[ShopEvent]) -> None:
        """Count these events (in memory; `write` stores it)."""
        news: dict[UnitKind, dict[str, list[ShopEvent]]] = {kind: {} for kind in UnitKind}
        item_types = self._books.rules.item_types
        heard = self._heard
        for event in events:
            event_type = event.type
            if event.origin is not Origin.DERIVED or event_type not in DERIVED_TYPES:
                times = heard.get(event.source)
                if times is None:
                    heard[event.source] = [event.time_us]
                    self._name(event.source)
                else:
                    times.append(event.time_us)
            if event_type in item_types:
                news[UnitKind.ITEM].setdefault(own_key(event), []).append(event)
            kind, key = attempt_of(event)
            if key:
                told = news[kind]
                if key in told:
                    told[key].append(event)
                else:
                    told[key] = [event]
        for kind, units in news.items():
            if units:
                self._take_units(kind, units)

    @property
    def late_us(self) -> Collection[int]:
        """Slices that `write` changed although their minutes were over."""
        return self._cells.late_us

    def write(self) -> list[Change]:
        """Store it all: one statement per table. Gives the changes of cells."""
        self._bads.settle(self._db, self._cells, self._hour)
        changes = self._cells.flush(self._db, self._received_us, self._marks)
        quarters_to_us = floor_us(self._marks.minutes_to_us, QUARTER_US)
        self._pulses.flush(self._db, self._marks, quarters_to_us)
        self._db.executemany(
            "INSERT OR REPLACE INTO unit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._units
        )
        self._write_heard()
        return changes

    def _write_heard(self) -> None:
        """What the sources themselves have done: when they spoke, and of how many units."""
        names = self._names
        self._db.executemany(
            "INSERT OR IGNORE INTO presence VALUES (?, ?)",
            {
                (names[source], minute * MINUTE_US)
                for source, times in self._heard.items()
                for minute in {at_us // MINUTE_US for at_us in times}
            },
        )
        self._db.executemany(
            "INSERT INTO heard VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " first_event_us = min(first_event_us, excluded.first_event_us),"
            " last_event_us = max(last_event_us, excluded.last_event_us),"
            " last_received_us = max(last_received_us, excluded.last_received_us)",
            [
                (names[source], min(times), max(times), self._received_us)
                for source, times in self._heard.items()
            ],
        )
        for source, units in self._spoken.items():
            self._speak_of(self._name(source), units)
            self._speak_of(ALL_SOURCES, units)
        hour_us = floor_us(self._received_us, HOUR_US)
        self._db.executemany(
            "INSERT INTO volume VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET"
            " units = units + excluded.units",
            [(source, hour_us, units) for source, units in self._volumes.items()],
        )

    def _take_units(self, kind: UnitKind, told: dict[str, list[ShopEvent]]) -> None:
        """Merge what is new into the units, count the differences, and note their rows."""
        known = self._known(kind, told)
        kind_text, hour, rows = kind.value, self._hour, self._units
        written: dict[str, Held] = {}
        size = 0
        for key, fresh in told.items():
            was = known.get(key)
            if was is None:
                events = merge((), kind, fresh)
            else:
                events = merge(was.events, kind, fresh)
                if events == was.events:
                    continue
            unit = fold(kind, events)
            beat = self._beat(kind, events, unit)
            self._change(kind, key, was, unit)
            if was is None:
                if beat is not None:
                    self._pulses.begin(beat)
                self._speak((), events)
            else:
                if beat != was.beat:
                    self._pulses.move(was.beat, beat)
                self._speak(was.events, events)
            merged, blob = unit.merged, encode_unit(events)
            size += len(blob)
            written[key] = Held(events, unit, beat, hour)
            rows.append(
                (
                    kind_text,
                    key,
                    _TEXT[unit.status],
                    merged.time_us,
                    hour,
                    merged.method,
                    merged.source,
                    merged.checkout_id,
                    blob,
                )
            )
        self._books.recent.keep(kind, written, size)

    def _change(self, kind: UnitKind, key: str, was: Held | None, unit: Unit) -> None:
        """The unit's outcome counts from now on, and what it was believed to be no longer."""
        if was is not None and was.unit.status in ENDED:
            old, new = self._contribution(kind, was.unit), self._contribution(kind, unit)
            if old != new:
                if old is not None:
                    self._move(key, old, -1)
                if new is not None:
                    self._move(key, new, 1)
        elif unit.status in ENDED and (new := self._contribution(kind, unit)) is not None:
            self._move(key, new, 1)

    def _contribution(self, kind: UnitKind, unit: Unit) -> Contribution | None:
        """None without an outcome, and where it matters to no objective."""
        if unit.status not in ENDED:
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
        return Beat(groups, self._name(source), at_us)

    def _known(self, kind: UnitKind, told: dict[str, list[ShopEvent]]) -> dict[str, Held]:
        """Those of these units that were heard of before."""
        known = self._books.recent.find(kind, told, self._received_us)
        others = [key for key in told if key not in known] if known else list(told)
        for begin in range(0, len(others), _IN_CHUNK):
            chunk = others[begin : begin + _IN_CHUNK]
            marks = ",".join("?" * len(chunk))
            rows = self._db.execute(
                f"SELECT key, events FROM unit WHERE kind = ? AND key IN ({marks})",
                (kind.value, *chunk),
            )
            for key, blob in rows:
                events = tuple(decode_unit(blob))
                unit = fold(kind, events)
                known[key] = Held(events, unit, self._beat(kind, events, unit), 0)
        return known

    def _name(self, source: str) -> str:
        name = self._names.get(source)
        if name is None:
            name = self._names[source] = self._books.sources.name_of(source)
        return name

    def _speak(self, before: Events, after: Events) -> None:
        """A unit counts once for each source that spoke of it, and once for all together."""
        if not before:
            if len(after) == 1 and not _is_ours(after[0]):
                source = after[0].source
                self._spoken[source] = self._spoken.get(source, 0) + 1
                return
        elif len(before) == 1:
            source = before[0].source
            for event in after:
                if event.source != source:
                    break
            else:
                return
        known = {event.source for event in before if not _is_ours(event)}
        told = {event.source for event in after if not _is_ours(event)}
        fresh = {self._name(one) for one in told - known}
        if told and not known:
            fresh.add(ALL_SOURCES)
        for name in fresh:
            self._speak_of(name, 1)

    def _speak_of(self, name: str, units: int) -> None:
        self._volumes[name] = self._volumes.get(name, 0) + units


def _is_ours(event: ShopEvent) -> bool:
    """Concluded by us from silence: no sign of life of its source."""
    return event.origin is Origin.DERIVED and event.type in DERIVED_TYPES
