"""The part that keeps the ledger up to date: reads shop and derived stream, moves watermarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from kernel.journal import JournalReader, Stream
from slo.ledger.rebuild import rebuild
from slo.ledger.writer import LedgerWriter

_RECORDS_A_STEP: Final = 500
# Decoded events take several times the room of their bytes.
_BYTES_A_STEP: Final = 4 * 1024**2


class LedgerProjector:
    """Steps through both streams. The writer must be this projector's alone."""

    def __init__(
        self,
        writer: LedgerWriter,
        journal_path: Path,
        derived_path: Path,
        raw_done_us: Callable[[], int] | None = None,
    ) -> None:
        """`raw_done_us`: receive time up to which shop events were found in raw records.

        Without it the derived stream's own tick is believed, which says nothing of raw records that
        still wait to be decoded.
        """
        self._raw_done_us = raw_done_us
        self._writer = writer
        self._paths = {Stream.SHOP: journal_path, Stream.DERIVED: derived_path}
        self._readers = {stream: JournalReader(path) for stream, path in self._paths.items()}

    def step(self) -> bool:
        """Apply one bounded batch of each stream; True while there was something to apply.

        The head is asked before the records: what is then not found was not there at its time, so
        the watermark may move on to it even if nothing arrives at all.
        """
        if self._writer.missing:
            rebuild(self._writer, self._paths)
        moved = False
        raw_done_us = self._raw_done_us() if self._raw_done_us else None
        for stream, reader in self._readers.items():
            head = reader.head()
            # Derived records are written late while raw ones wait: their own time says too much.
            until_us = raw_done_us if stream is Stream.DERIVED else None
            records = reader.read(
                [stream],
                self._writer.cursor(stream),
                limit=_RECORDS_A_STEP,
                max_bytes=_BYTES_A_STEP,
            )
            if records:
                self._writer.apply(stream, records, until_us)
                moved = True
                continue
            tick_us = head.tick_us if until_us is None else min(head.tick_us, until_us)
            if tick_us > self._writer.watermark_us(stream):
                self._writer.reach(stream, head.position, tick_us)
        return moved

    def close(self) -> None:
        """Give all files back."""
        for reader in self._readers.values():
            reader.close()
        self._writer.close()
