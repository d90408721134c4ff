"""Both streams of the journal in step: neither runs ahead of the other in receive time.

What the ledger keeps of a unit goes 7 days after it was last heard of, seen from the newest receive
time. A stream that ran ahead would let go of units that the other one still speaks of, and they
would count twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from kernel.journal import JournalReader, JournalRecord, Stream

RECORDS_A_STEP: Final = 500
# Decoded events take several times the room of their bytes.
_BYTES_A_STEP: Final = 4 * 1024**2


class Batch(NamedTuple):
    """Records to apply, and the streams that hold none at all behind where they were asked from."""

    records: Mapping[Stream, Sequence[JournalRecord]]
    ended: Collection[Stream]


class InStep:
    """Reads bounded batches of several streams. Not for sharing between threads."""

    def __init__(self, paths: Mapping[Stream, Path]) -> None:
        self.readers = {stream: JournalReader(path) for stream, path in paths.items()}

    def read(self, after: Mapping[Stream, int], until: Mapping[Stream, int]) -> Batch:
        """Records behind `after` and up to `until` (positions); no records where all have ended."""
        found = {
            stream: self._read(reader, stream, after[stream], until[stream])
            for stream, reader in self.readers.items()
        }
        # There may be more of these: the others wait for what comes next.
        limits_us = [
            records[-1].received_us
            for stream, records in found.items()
            if records and records[-1].position < until[stream]
        ]
        limit_us = min(limits_us, default=None)
        timely = {
            stream: [one for one in records if limit_us is None or one.received_us <= limit_us]
            for stream, records in found.items()
        }
        return Batch(
            {stream: records for stream, records in timely.items() if records},
            {stream for stream, records in found.items() if not records},
        )

    @staticmethod
    def _read(reader: JournalReader, stream: Stream, after: int, until: int) -> list[JournalRecord]:
        records = reader.read([stream], after, limit=RECORDS_A_STEP, max_bytes=_BYTES_A_STEP)
        return [one for one in records if one.position <= until]

    def close(self) -> None:
        """Give all files back."""
        for reader in self.readers.values():
            reader.close()
