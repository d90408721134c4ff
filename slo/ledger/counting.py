"""One transaction of counting: load the touched units, fold them anew, write the differences."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from kernel.clock import HOUR_US, MINUTE_US
from kernel.shop_event import DERIVED_TYPES, Origin, ShopEvent
from slo.ledger.bads import BadChanges
from slo.ledger.cells import CellChanges, budget_delta
from slo.ledger.contribution import Contribution, Verdict, classify
from slo.ledger.levels import floor_us
from slo.ledger.segments import SegmentBook
from slo.ledger.unit import Unit, UnitKey, decode_unit, encode_unit, fold, merge, unit_keys
from slo.objective import Objective, UnitKind

_IN_CHUNK: Final = 500
_NO_RULES: Final[tuple[tuple[int, Objective], ...]] = ()
# Row of all sources together in `volume`; no CloudEvent has an empty source.
ALL_SOURCES: Final = ""


class Rulebook:
    """Objectives by number, and which of them a finished unit can matter to."""

    def __init__(
        self, objectives: Mapping[int, Objective], configured: Iterable[Objective]
    ) -> None:
        """`configured`: also those not counted yet, whose messages must be kept already."""
        self.objectives = dict(objectives)
        self._by_type: dict[tuple[UnitKind, str], list[tuple[int, Objective]]] = {}
        for no, objective in objectives.items():
            for event_type in objective.indicator.total.events:
                place = objective.indicator.unit_kind, event_type
                self._by_type.setdefault(place, []).append((no, objective))
        self.item_types = frozenset(
            event_type
            for objective in configured
            if objective.indicator.unit_kind is UnitKind.ITEM
            for event_type in objective.indicator.total.events
        )

    def contributions(self, kind: UnitKind, unit: Unit | None) -> dict[int, Contribution]:
        """By objective number; empty without an outcome."""
        if unit is None or not unit.status.terminal:
            return {}
        rules = self._by_type.get((kind, unit.merged.type), _NO_RULES)
        found = {no: classify(objective, unit.merged) for no, objective in rules}
        return {no: contribution for no, contribution in found.items() if contribution is not None}


class Counting:
    """Everything that one transaction changes."""

    def __init__(
        self, db: sqlite3.Connection, rules: Rulebook, segments: SegmentBook, received_us: int
    ) -> None:
        self._db = db
        self._rules = rules
        self._segments = segments
        self._received_us = received_us
        self._cells = CellChanges()
        self._bads = BadChanges()
        self._units: list[tuple[object, ...]] = []
        self._volumes: dict[str, int] = {}
        self._heard: dict[str, tuple[int, int]] = {}
        self._minutes: set[tuple[str, int]] = set()

    def take(self, events: Sequence[ShopEvent]) -> None:
        """Count these events (in memory; `write` stores it)."""
        news: dict[UnitKey, list[ShopEvent]] = {}
        for event in events:
            if not _is_ours(event):
                self._hear(event)
            for key in unit_keys(event, self._rules.item_types):
                news.setdefault(key, []).append(event)
        known = self._load(news)
        for key, fresh in news.items():
            before = known.get(key, ())
            after = merge(before, key.kind, fresh)
            if after != before:
                self._change(key, before, after)

    def write(self, fine_from_us: int) -> None:
        """Store it all: one statement per table."""
        hour = self._received_us // HOUR_US
        self._bads.settle(self._db, self._cells, hour)
        self._cells.flush(self._db, self._received_us, fine_from_us)
        self._db.executemany(
            "INSERT OR REPLACE INTO unit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._units
        )
        self._db.executemany("INSERT OR IGNORE INTO presence VALUES (?, ?)", self._minutes)
        self._db.executemany(
            "INSERT INTO heard VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " first_event_us = min(first_event_us, excluded.first_event_us),"
            " last_event_us = max(last_event_us, excluded.last_event_us),"
            " last_received_us = max(last_received_us, excluded.last_received_us)",
            [(source, *times, self._received_us) for source, times in self._heard.items()],
        )
        hour_us = floor_us(self._received_us, HOUR_US)
        self._db.executemany(
            "INSERT INTO volume VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET"
            " units = units + excluded.units",
            [(source, hour_us, units) for source, units in self._volumes.items()],
        )

    def _change(
        self, key: UnitKey, before: tuple[ShopEvent, ...], after: tuple[ShopEvent, ...]
    ) -> None:
        kind = key.kind
        unit = fold(kind, after)
        old = self._rules.contributions(kind, fold(kind, before)) if before else {}
        new = self._rules.contributions(kind, unit)
        for no in old.keys() | new.keys():
            was, now = old.get(no), new.get(no)
            if was == now:
                continue
            if was is not None:
                self._move(no, key.key, was, -1)
            if now is not None:
                self._move(no, key.key, now, 1)
        self._speak(before, after)
        merged = unit.merged
        self._units.append(
            (
                kind.value,
                key.key,
                unit.status.value,
                merged.time_us,
                self._received_us // HOUR_US,
                merged.method,
                merged.source,
                merged.checkout_id,
                encode_unit(after),
            )
        )

    def _move(self, no: int, unit_key: str, contribution: Contribution, sign: int) -> None:
        at_us = contribution.at_us
        segment_id = self._segments.id_of(no, at_us, contribution.segment)
        delta = budget_delta(contribution, sign)
        self._cells.add(no, at_us, segment_id, contribution.currency, delta)
        if contribution.verdict is Verdict.BAD and sign > 0:
            self._bads.add(no, unit_key, segment_id, contribution)
        elif contribution.verdict is Verdict.BAD:
            self._bads.remove(no, unit_key, contribution)

    def _load(self, wanted: Iterable[UnitKey]) -> dict[UnitKey, tuple[ShopEvent, ...]]:
        by_kind: dict[UnitKind, list[str]] = {}
        for kind, key in wanted:
            by_kind.setdefault(kind, []).append(key)
        known: dict[UnitKey, tuple[ShopEvent, ...]] = {}
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
        at_us, source = event.time_us, event.source
        first_us, last_us = self._heard.get(source, (at_us, at_us))
        self._heard[source] = min(first_us, at_us), max(last_us, at_us)
        self._minutes.add((source, floor_us(at_us, MINUTE_US)))

    def _speak(self, before: Iterable[ShopEvent], after: Iterable[ShopEvent]) -> None:
        """A unit counts once for each source that spoke of it, and once for all together."""
        known = {event.source for event in before if not _is_ours(event)}
        told = {event.source for event in after if not _is_ours(event)}
        fresh = told - known
        if told and not known:
            fresh.add(ALL_SOURCES)
        for source in fresh:
            self._volumes[source] = self._volumes.get(source, 0) + 1


def _is_ours(event: ShopEvent) -> bool:
    """Concluded by us from silence: no sign of life of its source."""
    return event.origin is Origin.DERIVED and event.type in DERIVED_TYPES
