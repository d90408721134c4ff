"""Whether a journal that went through a fault is whole: each law broken is one line of text."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from kernel.clock import FrozenClock
from tests.faults.appending import APPENDS, NOW_US, item, open_journal, shop


def violations(folder: Path, output: str) -> list[str]:
    """What is wrong with the journal, as it lies there and after everything was sent once more.

    `output`: what the program said; every acknowledgement in it must be kept.
    """
    path = folder / "journal.db"
    said = [json.loads(line) for line in output.splitlines()]
    acknowledged = {one["append"]: one["receipt"] for one in said if "append" in one}
    found = [f"as left: {one}" for one in _look(path, acknowledged)]
    fault = _send_again(path)
    return [*found, *fault, *(f"after: {one}" for one in _look(path, dict.fromkeys(APPENDS, "")))]


def _send_again(path: Path) -> list[str]:
    """A later append works, and repeats of everything are either new or known."""
    writer = open_journal(path, FrozenClock(NOW_US))
    try:
        for append in [*APPENDS.values(), shop(item("later"))]:
            told = writer.append(append).result(30)
            if told.accepted + len(told.duplicates) != len(append.items):
                return [f"later append: not all taken: {told}"]
    finally:
        writer.close()
    return []


def _look(path: Path, acknowledged: dict[str, str]) -> Iterator[str]:
    db = sqlite3.connect(f"file:{path}?mode=rw", uri=True)
    db.row_factory = sqlite3.Row
    try:
        yield from _judge(db, acknowledged)
    finally:
        db.close()


def _judge(db: sqlite3.Connection, acknowledged: dict[str, str]) -> Iterator[str]:
    integrity = [row[0] for row in db.execute("PRAGMA integrity_check")]
    if integrity != ["ok"]:
        yield f"integrity: {integrity[:3]}"
    if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'record'").fetchone():
        yield "the tables are gone"
        return
    records = db.execute("SELECT * FROM record ORDER BY position").fetchall()
    receipts = {row["id"]: row for row in db.execute("SELECT * FROM receipt")}
    kept = {row[0].decode() for row in db.execute("SELECT key FROM seen")}
    for (keys,) in db.execute("SELECT keys FROM seen_log"):
        kept |= {key.decode() for key in msgspec.msgpack.decode(keys, type=dict[bytes, int])}
    stored: Counter[str] = Counter()
    for record in records:
        names, broken = _items_of(record)
        stored.update(names)
        yield from broken
    yield from _order(records)
    yield from _promises(acknowledged, stored, receipts)
    yield from _receipts(records, receipts)
    yield from _keys(stored, kept)


def _items_of(record: sqlite3.Row) -> tuple[list[str], list[str]]:
    """The names in a record, and what is broken about it."""
    body = record["body"]
    try:
        told: list[dict[str, Any]] = json.loads(body)
    except ValueError:
        return [], [f"record {record['position']} is half written"]
    told = told if isinstance(told, list) else [told]
    broken = [
        f"{one['name']}: its bytes changed"
        for one in told
        if hashlib.sha256(one["filling"].encode()).hexdigest() != one["sha256"]
    ]
    if len(told) != record["items"]:
        broken.append(f"record {record['position']} says {record['items']} items")
    return [one["name"] for one in told], broken


def _order(records: list[sqlite3.Row]) -> Iterator[str]:
    for before, after in pairwise(records):
        if before["position"] >= after["position"]:
            yield "positions do not rise"
        if before["received_us"] > after["received_us"]:
            yield "receive times fall"


def _promises(
    acknowledged: dict[str, str], stored: Counter[str], receipts: dict[str, sqlite3.Row]
) -> Iterator[str]:
    for name, times in stored.items():
        if times != 1:
            yield f"{name} is stored {times} times"
    for append, receipt in acknowledged.items():
        for one in APPENDS[append].items:
            name = str(one.key, "ascii") if one.key else ""
            if name not in stored and not name.startswith("old-"):
                yield f"{name} was acknowledged and is gone"
        if receipt and receipt not in receipts:
            yield f"the receipt of {append} was acknowledged and is gone"


def _receipts(records: list[sqlite3.Row], receipts: dict[str, sqlite3.Row]) -> Iterator[str]:
    by_position = {record["position"]: record for record in records}
    for record in records:
        receipt = receipts.get(record["receipt"])
        if receipt is None or receipt["position"] != record["position"]:
            yield f"record {record['position']} has no receipt"
        elif receipt["accepted"] != record["items"]:
            yield f"the receipt of record {record['position']} tells another number"
    for receipt in receipts.values():
        # Older records are trimmed before their receipts.
        recent = receipt["received_us"] == NOW_US
        if recent and receipt["position"] and receipt["position"] not in by_position:
            yield f"the receipt {receipt['id']} has no record"


def _keys(stored: Counter[str], kept: set[str]) -> Iterator[str]:
    for name in sorted(stored):
        if name not in kept and not name.startswith("old-"):
            yield f"{name} is stored and would be taken again"
    for name in sorted(kept):
        if name not in stored and not name.startswith("old-"):
            yield f"{name} is remembered as known but is not stored"
