"""What became of what was sent: stored, projected, rejected (and why), already known, shed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collector.otlp.signals import BY_FORMAT
from collector.otlp.stored import message_of
from collector.shedding import Level, shed_of
from kernel.clock import rfc3339
from kernel.errors import BadInput, NotFound
from kernel.journal import JournalReader
from kernel.journal.records import runs
from kernel.telemetry_store.meta import DeadLetter
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore


class ReceiptService:
    """Reads the journal's receipts and the projector's progress."""

    def __init__(self, journal_path: Path, store: SqliteTelemetryStore) -> None:
        self._journal_path = journal_path
        self._store = store

    def show(self, receipt_id: str) -> dict[str, Any]:
        """What became of a request: all that is known of it, item by item where that is known.

        Raises NotFound: receipts are kept for 8 days.
        """
        # A reader of its own: readers are not for sharing between the threads of requests.
        reader = JournalReader(self._journal_path)
        try:
            found = reader.receipt(receipt_id)
            replayed = reader.replayed_of(receipt_id) if found and found["rejected"] else {}
            shed = self._shed(reader, found["position"]) if found else {}
        finally:
            reader.close()
        if found is None:
            raise NotFound(
                f"there is no receipt {receipt_id[:80]!r}", hint="receipts are kept for 8 days"
            )
        position = found["position"]
        stored = position is not None
        dead = self._dead(position) if stored else []
        return {
            "id": found["id"],
            "stream": found["stream"],
            "source": found["source"],
            "sender": found["sender"],
            "received_at": rfc3339(found["received_us"]),
            "position": position,
            "stored": stored,
            "projected": stored and not dead and self._store.cursor() >= position,
            "accepted": found["accepted"],
            "duplicates": found["duplicates"],
            "rejected": [_with_replay(one, replayed) for one in found["rejected"]],
            "rejected_count": found["rejected_count"],
            "items": _items(found),
            "quarantined": [{"rule": letter.rule, "reason": letter.reason} for letter in dead],
            "shed": shed,
        }

    def _dead(self, position: int) -> list[DeadLetter]:
        """Dead letters of the record that were not put right since."""
        if self._store.replayed([position]):
            return []
        return self._store.deadletters_of(position)

    def _shed(self, reader: JournalReader, position: int | None) -> dict[str, int]:
        """How many items of the record were given up by class, because too much was waiting."""
        level = self._store.shed_level(position) if position is not None else 0
        record = reader.record(position) if level and position is not None else None
        if record is None or record.format not in BY_FORMAT:
            return {}
        try:
            return shed_of(message_of(record), record.format, Level(level))
        except BadInput:  # a dead letter by now
            return {}


def _with_replay(rejected: dict[str, Any], replayed: Mapping[int, str]) -> dict[str, Any]:
    """A rejected item, with the receipt under which it was taken after all."""
    receipt = replayed.get(rejected.get("index", -1))
    return {**rejected, "replayed": receipt} if receipt else rejected


def _items(found: Mapping[str, Any]) -> dict[str, list[list[int]]] | None:
    """Which of the request's items were stored and which were known: [first, last] of each run.

    None where that was not noted (more rejected items than a receipt keeps, or a receipt of an
    older version): then only the counts are known.
    """
    rejected = {item.get("index") for item in found["rejected"]}
    if len(rejected) != found["rejected_count"]:
        return None
    taken = found["accepted"] + found["duplicates"]
    good = [index for index in range(taken + len(rejected)) if index not in rejected]
    if not found["accepted"] or not found["duplicates"]:
        name, other = ("stored", "duplicate") if found["accepted"] else ("duplicate", "stored")
        return {name: runs(good), other: []}
    if not found["known"]:
        return None
    known = {at for first, last in found["known"] for at in range(first, last + 1)}
    return {
        "stored": runs(index for at, index in enumerate(good) if at not in known),
        "duplicate": runs(index for at, index in enumerate(good) if at in known),
    }
