"""Shapes of what is appended to and read from the journal, and its tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from kernel.clock import DAY_US
from kernel.shop_event import CANONICAL_TYPES


class Stream(StrEnum):
    """The kinds of record. `derived` lies in a file of its own, written by the engine."""

    RAW = "raw"
    SHOP = "shop"
    ALERT = "alert"
    SLACK = "slack"
    DERIVED = "derived"


class ItemClass(StrEnum):
    """What is counted apart, and refused apart when not everything can be taken.

    In order of worth: the last is given up first (`kernel.journal.admission`).
    """

    MONEY = "money"  # payments, checkouts, orders
    ALERT = "alert"
    SLACK = "slack"
    BUSINESS = "business"  # all other shop events
    WEBHOOK = "webhook"
    CHANGE = "change"
    TRACE = "trace"
    METRIC = "metric"
    LOG = "log"
    DEBUG_LOG = "debug_log"  # exports of nothing but logs at DEBUG and below

    @property
    def rank(self) -> int:
        """0 is given up last."""
        return _RANKS[self]


_RANKS = {one: rank for rank, one in enumerate(ItemClass)}
_MONEY_TYPES = frozenset(
    name for name in CANONICAL_TYPES if name.startswith(("payment.", "checkout.", "order."))
)
_OF_STREAM = {
    Stream.SHOP: ItemClass.BUSINESS,
    Stream.ALERT: ItemClass.ALERT,
    Stream.SLACK: ItemClass.SLACK,
    Stream.DERIVED: ItemClass.MONEY,
}
_OF_FORMAT = {
    "otlp.traces": ItemClass.TRACE,
    "otlp.metrics": ItemClass.METRIC,
    "otlp.logs": ItemClass.LOG,
    "change": ItemClass.CHANGE,
}


def class_of_event(event_type: str) -> ItemClass:
    """The class of a shop event."""
    return ItemClass.MONEY if event_type in _MONEY_TYPES else ItemClass.BUSINESS


def runs(indices: Iterable[int]) -> list[list[int]]:
    """Rising indices as [first, last] of each unbroken run."""
    found: list[list[int]] = []
    for index in indices:
        if found and found[-1][1] == index - 1:
            found[-1][1] = index
        else:
            found.append([index, index])
    return found


# Whose item it is and what it is worth: (source, class).
Label = tuple[str, ItemClass]


@dataclass(frozen=True)
class Item:
    """One item of a record. `key`: the declared identity by which a repeat is known, or None."""

    data: bytes
    key: bytes | None = None


@dataclass(frozen=True)
class Append:
    """A request to append one record.

    `whole`: the body is `items[0].data` as it is (raw bodies); else the body is the JSON array of
    those items that are new. `horizon_us`: how long keys are remembered. `rejected` goes into the
    receipt (index, path, reason, rule), and each becomes a dead letter with its `kept`
    (kernel.journal.Kept); `rejected_count` says how many they were where not all of them are noted.
    `detail` is small metadata for the consumer (path, encoding), never personal. `replays`: id of
    the dead letter that this append puts right.

    For the tallies: `sender` is who authenticated (default: the source), `item_class` the class of
    the most precious item (default: by stream and format), `labels` the source and class of each
    item where they are not the same for all, and `holds` how many items of its sender a whole body
    is (the spans of an export).
    """

    stream: Stream
    source: str
    format: str
    items: Sequence[Item]
    whole: bool = False
    horizon_us: int = 7 * DAY_US
    rejected: Sequence[Mapping[str, object]] = ()
    detail: Mapping[str, str] = field(default_factory=dict)
    rejected_count: int | None = None
    sender: str = ""
    item_class: ItemClass | None = None
    labels: Sequence[Label] = ()
    holds: int = 1
    replays: str = ""

    @property
    def worth(self) -> ItemClass:
        """The class by which it is admitted, and in which its rejected items are counted."""
        if self.item_class is not None:
            return self.item_class
        found = _OF_STREAM.get(self.stream) or _OF_FORMAT.get(self.format)
        return found or ItemClass.WEBHOOK

    @property
    def size_bytes(self) -> int:
        """What it holds in memory while it waits."""
        return sum([len(item.data) for item in self.items])

    @property
    def refused_items(self) -> int:
        """Items that were rejected at the door."""
        return len(self.rejected) if self.rejected_count is None else self.rejected_count


@dataclass(frozen=True)
class Appended:
    """What the receipt says. `position` is None where nothing new had to be written.

    `accepted` counts the sender's items; `duplicates` are indices into the append's items.
    """

    receipt: str
    position: int | None
    accepted: int
    duplicates: tuple[int, ...]


@dataclass(frozen=True)
class JournalRecord:
    """One stored record. `received_us` never falls as `position` grows."""

    position: int
    stream: Stream
    source: str
    format: str
    received_us: int
    items: int
    body: bytes
    receipt: str
    detail: Mapping[str, str]


SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    position INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, source TEXT NOT NULL,
    format TEXT NOT NULL, received_us INTEGER NOT NULL, items INTEGER NOT NULL,
    receipt TEXT NOT NULL, detail TEXT NOT NULL, body BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS ix_record_stream ON record (stream, position);
CREATE TABLE IF NOT EXISTS receipt (
    id TEXT PRIMARY KEY, position INTEGER, stream TEXT NOT NULL, source TEXT NOT NULL,
    received_us INTEGER NOT NULL, accepted INTEGER NOT NULL, duplicates INTEGER NOT NULL,
    rejected TEXT NOT NULL) WITHOUT ROWID, STRICT;
CREATE INDEX IF NOT EXISTS ix_receipt_received ON receipt (received_us);
CREATE TABLE IF NOT EXISTS tick (
    one INTEGER PRIMARY KEY CHECK (one = 1), at_us INTEGER NOT NULL) STRICT;
"""
