"""Dead letters: items refused at the door, and stored records that no rule could read.

Nothing refused is kept as it came: what is kept is where it was, by which rule it failed and why.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from kernel.clock import rfc3339
from kernel.errors import NotFound
from kernel.journal import JournalReader
from kernel.telemetry_store.sqlite_store import DeadLetter, SqliteTelemetryStore

_MAX_LISTED = 1_000
_POSITION = re.compile(r"-?[0-9]{1,18}\Z")


class DeadLetterService:
    """The list and one of it. Ids: `record:<position>` or `<receipt>:<index>`."""

    def __init__(self, journal_path: Path, store: SqliteTelemetryStore) -> None:
        self._journal_path = journal_path
        self._store = store

    def list(self, *, limit: int = 100) -> list[dict[str, Any]]:
        """Newest first, both kinds together."""
        bound = max(1, min(limit, _MAX_LISTED))
        found = [_quarantined(letter) for letter in self._store.deadletters(limit=bound)]
        reader = JournalReader(self._journal_path)
        try:
            for receipt in reader.refusals(limit=bound):
                found += [_refused(receipt, item) for item in receipt["rejected"]]
        finally:
            reader.close()
        return sorted(found, key=lambda one: str(one["at"]), reverse=True)[:bound]

    def show(self, letter_id: str) -> dict[str, Any]:
        """One dead letter. Raises NotFound."""
        head, _, tail = letter_id.rpartition(":")
        found = self._record(tail) if head == "record" else self._refusal(head, tail)
        if found is None:
            raise NotFound(
                f"there is no dead letter {letter_id[:80]!r}",
                hint="see `tillwatch deadletter list`",
            )
        return found

    def _record(self, position: str) -> dict[str, Any] | None:
        if not _POSITION.match(position):
            return None
        letters = self._store.deadletters_of(int(position))
        return _quarantined(letters[0]) if letters else None

    def _refusal(self, receipt_id: str, index: str) -> dict[str, Any] | None:
        reader = JournalReader(self._journal_path)
        try:
            receipt = reader.receipt(receipt_id)
        finally:
            reader.close()
        items = receipt["rejected"] if receipt else []
        wanted = (item for item in items if str(item.get("index")) == index)
        return next((_refused(receipt or {}, item) for item in wanted), None)


def _quarantined(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": f"record:{letter.position}",
        "kind": "record",
        "at": rfc3339(letter.at_us),
        "stream": letter.stream,
        "source": letter.source,
        "format": letter.format,
        "rule": letter.rule,
        "reason": letter.reason,
        "length": letter.length,
        "digest": letter.digest,
    }


def _refused(receipt: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{receipt['id']}:{item.get('index')}",
        "kind": "item",
        "at": rfc3339(receipt["received_us"]),
        "stream": receipt["stream"],
        "source": receipt["source"],
        "receipt": receipt["id"],
        "index": item.get("index"),
        "rule": str(item.get("path", "$")),
        "reason": str(item.get("reason", "")),
    }
