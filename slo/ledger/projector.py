"""The part that keeps the ledger up to date: reads shop and derived stream, moves watermarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kernel.journal import Stream
from slo.faults import Faults
from slo.ledger.retries import Rebuilds
from slo.ledger.streams import InStep
from slo.ledger.writer import LedgerWriter


class LedgerProjector:
    """Steps through both streams. The writer must be this projector's alone."""

    def __init__(
        self,
        writer: LedgerWriter,
        journal_path: Path,
        derived_path: Path,
        raw_done_us: Callable[[], int] | None = None,
        faults: Faults | None = None,
    ) -> None:
        """`raw_done_us`: receive time up to which shop events were found in raw records.

        Without it the derived stream's own tick is believed, which says nothing of raw records that
        still wait to be decoded. `faults`: where it is told whose past cannot be counted.
        """
        self._raw_done_us = raw_done_us
        self._writer = writer
        self._paths = {Stream.SHOP: journal_path, Stream.DERIVED: derived_path}
        self._streams = InStep(self._paths)
        self._rebuilds = Rebuilds(writer, self._paths, faults or Faults())

    def step(self) -> bool:
        """Apply one bounded batch of each stream; True while there was something to apply.

        The head is asked before the records: what is then not found was not there at its time, so
        the watermark may move on to it even if nothing arrives at all.
        """
        self._rebuilds.step()
        raw_done_us = self._raw_done_us() if self._raw_done_us else None
        heads = {stream: reader.head() for stream, reader in self._streams.readers.items()}
        batch = self._streams.read(
            {stream: self._writer.cursor(stream) for stream in heads},
            {stream: head.position for stream, head in heads.items()},
        )
        for stream, head in heads.items():
            # Derived records are written late while raw ones wait: their own time says too much.
            until_us = raw_done_us if stream is Stream.DERIVED else None
            if stream in batch.records:
                self._writer.apply(stream, batch.records[stream], until_us)
            if stream not in batch.ended:
                # What it holds is applied first, or waits for the other stream.
                continue
            tick_us = head.tick_us if until_us is None else min(head.tick_us, until_us)
            if tick_us > self._writer.watermark_us(stream):
                self._writer.reach(stream, head.position, tick_us)
        return bool(batch.records)

    def close(self) -> None:
        """Give all files back."""
        self._streams.close()
        self._writer.close()
