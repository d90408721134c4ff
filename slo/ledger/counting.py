"""One transaction of counting: load the touched units, fold them anew, write the differences."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from kernel.clock import HOUR_US
from kernel.shop_event import ShopEvent
from slo.ledger.bads import BadChanges, BadRow
from slo.ledger.cells import CellChanges, Change
from slo.ledger.contribution import Verdict, alert_key, price_of
from slo.ledger.levels import Marks, floor_us
from slo.ledger.pulse import QUARTER_US, Beat, PulseBook, PulseChanges, begun_at
from slo.ledger.recent import Held, RecentUnits
from slo.ledger.rulebook import NO_PLAN, Plan, Rulebook
from slo.ledger.segments import SegmentBook
from slo.ledger.source_book import SourceBook
from slo.ledger.source_changes import SourceChanges
from slo.ledger.unit import (
    ENDED,
    Unit,
    attempt_of,
    decode_unit,
    encode_unit,
    fold,
    merge,
    own_key,
)
from slo.ledger.unit_rows import UnitRows
from slo.objective import UnitKind

_IN_CHUNK: Final = 500
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
    """One unit in the sums. `currency` is "" where no usable amount was told; whose it is matters
    where it is bad for an objective.
    """

    plan: Plan
    at_us: int
    currency: str
    amount_minor: int
    checkout_id: str = ""
    alert_key: str = ""


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
        self._rows = UnitRows(db, self._hour)
        self._sources = SourceChanges(books.sources)

    def take(self, events: Sequence[ShopEvent]) -> None:
        """Count these events (in memory; `write` stores it)."""
        self._sources.hear(events)
        news: dict[UnitKind, dict[str, list[ShopEvent]]] = {kind: {} for kind in UnitKind}
        item_types = self._books.rules.item_types
        for event in events:
            if event.type in item_types:
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
        self._rows.flush(self._db)
        self._sources.flush(self._db, self._received_us)
        return changes

    def _take_units(self, kind: UnitKind, told: dict[str, list[ShopEvent]]) -> None:
        """Merge what is new into the units, count the differences, and note their rows."""
        known = self._known(kind, told)
        written: dict[str, Held] = {}
        size = 0
        for key, fresh in told.items():
            was = known.get(key)
            if was is None:
                events = merge((), kind, fresh)
                unit = fold(kind, events)
                beat = self._first(kind, key, unit, events)
                blob = encode_unit(events)
                row = self._rows.add(kind, key, unit, blob)
            else:
                events = merge(was.events, kind, fresh)
                if len(events) == len(was.events) and events == was.events:
                    continue
                unit = fold(kind, events)
                beat = self._next(kind, key, was, unit, events)
                blob = encode_unit(events)
                row = self._rows.change((was.row, was.hour), kind, key, unit, blob)
            size += len(blob)
            written[key] = Held(events, unit, beat, row, self._hour)
        self._books.recent.keep(kind, written, size)

    def _first(self, kind: UnitKind, key: str, unit: Unit, events: Events) -> Beat | None:
        """A unit that nobody has heard of before; gives where it beats."""
        beat = self._beat(kind, events, unit)
        if beat is not None:
            self._pulses.begin(beat)
        self._sources.speak((), events)
        if unit.status in ENDED and (new := self._contribution(kind, unit)) is not None:
            self._move(key, new, 1)
        return beat

    def _next(self, kind: UnitKind, key: str, was: Held, unit: Unit, events: Events) -> Beat | None:
        """The unit counts as it is now, and no longer as it was believed to be."""
        old = self._contribution(kind, was.unit) if was.unit.status in ENDED else None
        new = self._contribution(kind, unit) if unit.status in ENDED else None
        if old != new:
            if old is not None:
                self._move(key, old, -1)
            if new is not None:
                self._move(key, new, 1)
        self._sources.speak(was.events, events)
        beat = was.beat
        if (
            beat is not None
            and len(events) == 2
            and events[1:] == was.events
            and events[0].time_us > beat.at_us
            and self._books.pulses.groups(kind, unit.merged) == beat.groups
        ):
            # The outcome that follows its attempt: where that beats it still does.
            return beat
        beat = self._beat(kind, events, unit)
        if beat != was.beat:
            self._pulses.move(was.beat, beat)
        return beat

    def _contribution(self, kind: UnitKind, unit: Unit) -> Contribution | None:
        """What a unit with an outcome adds; None where it matters to no objective."""
        merged = unit.merged
        plan = self._books.rules.plan(kind, merged)
        if plan is NO_PLAN:
            return None
        currency, minor = price_of(merged)
        if not plan.is_bad:
            return Contribution(plan, merged.time_us, currency, minor)
        whose = merged.checkout_id, alert_key(merged)
        return Contribution(plan, merged.time_us, currency, minor, *whose)

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
        return Beat(groups, self._sources.name(source), at_us)

    def _known(self, kind: UnitKind, told: dict[str, list[ShopEvent]]) -> dict[str, Held]:
        """Those of these units that were heard of before."""
        known = self._books.recent.find(kind, told, self._received_us)
        others = [key for key in told if key not in known] if known else list(told)
        for begin in range(0, len(others), _IN_CHUNK):
            chunk = others[begin : begin + _IN_CHUNK]
            marks = ",".join("?" * len(chunk))
            rows = self._db.execute(
                "SELECT key, events, rowid, touched_hour FROM unit"
                f" WHERE kind = ? AND key IN ({marks})",
                (kind.value, *chunk),
            )
            for key, blob, row, hour in rows:
                events = tuple(decode_unit(blob))
                unit = fold(kind, events)
                known[key] = Held(events, unit, self._beat(kind, events, unit), row, hour)
        return known
