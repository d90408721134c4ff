"""Shapes of what is appended to and read from the journal, and its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from kernel.clock import DAY_US


class Stream(StrEnum):
    """The kinds of record. `derived` lies in a file of its own, written by the engine."""

    RAW = "raw"
    SHOP = "shop"
    ALERT = "alert"
    SLACK = "slack"
    DERIVED = "derived"


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
    receipt (index, path, reason, rule) and each becomes a dead letter with its `kept`
    (kernel.journal.Kept). `detail` is small metadata for the consumer (path, encoding), never
    personal. `replays`: id of the dead letter that this append puts right.
    """

    stream: Stream
    source: str
    format: str
    items: Sequence[Item]
    whole: bool = False
    horizon_us: int = 7 * DAY_US
    rejected: Sequence[Mapping[str, object]] = ()
    detail: Mapping[str, str] = field(default_factory=dict)
    replays: str = ""


@dataclass(frozen=True)
class Appended:
    """What the receipt says. `position` is None where nothing new had to be written."""

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
CREATE TABLE IF NOT EXISTS seen (
    key BLOB PRIMARY KEY, until_us INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE INDEX IF NOT EXISTS ix_seen_until ON seen (until_us);
CREATE TABLE IF NOT EXISTS receipt (
    id TEXT PRIMARY KEY, position INTEGER, stream TEXT NOT NULL, source TEXT NOT NULL,
    received_us INTEGER NOT NULL, accepted INTEGER NOT NULL, duplicates INTEGER NOT NULL,
    rejected TEXT NOT NULL) WITHOUT ROWID, STRICT;
CREATE INDEX IF NOT EXISTS ix_receipt_received ON receipt (received_us);
CREATE TABLE IF NOT EXISTS tick (
    one INTEGER PRIMARY KEY CHECK (one = 1), at_us INTEGER NOT NULL) STRICT;
"""
