"""What became of what was sent: stored, projected, rejected (and why), already known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kernel.clock import rfc3339
from kernel.errors import NotFound
from kernel.journal import JournalReader
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore


class ReceiptService:
    """Reads the journal's receipts and the projector's progress."""

    def __init__(self, journal_path: Path, store: SqliteTelemetryStore) -> None:
        self._journal_path = journal_path
        self._store = store

    def show(self, receipt_id: str) -> dict[str, Any]:
        """Raises NotFound: receipts are kept for 8 days."""
        # A reader of its own: readers are not for sharing between the threads of requests.
        reader = JournalReader(self._journal_path)
        try:
            found = reader.receipt(receipt_id)
        finally:
            reader.close()
        if found is None:
            raise NotFound(
                f"there is no receipt {receipt_id[:80]!r}", hint="receipts are kept for 8 days"
            )
        position = found["position"]
        stored = position is not None
        dead = self._store.deadletters_of(position) if stored else []
        return {
            "id": found["id"],
            "stream": found["stream"],
            "source": found["source"],
            "received_at": rfc3339(found["received_us"]),
            "position": position,
            "stored": stored,
            "projected": stored and not dead and self._store.cursor() >= position,
            "accepted": found["accepted"],
            "duplicates": found["duplicates"],
            "rejected": found["rejected"],
            "quarantined": [{"rule": letter.rule, "reason": letter.reason} for letter in dead],
        }
