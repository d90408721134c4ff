"""The part that keeps the ledger up to date: reads shop and derived stream, moves watermarks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from kernel.clock import Clock
from kernel.journal import JournalReader, Stream
from kernel.parts import Part
from slo.ledger.rebuild import rebuild
from slo.ledger.writer import LedgerWriter
from slo.objective import Objective

_RECORDS_A_STEP: Final = 500


class LedgerProjector:
    """Steps through both streams. The writer must be this projector's alone."""

    def __init__(self, writer: LedgerWriter, journal_path: Path, derived_path: Path) -> None:
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
        for stream, reader in self._readers.items():
            head = reader.head()
            records = reader.read([stream], self._writer.cursor(stream), limit=_RECORDS_A_STEP)
            if records:
                self._writer.apply(stream, records)
                moved = True
            elif head.tick_us > self._writer.watermark_us(stream):
                self._writer.reach(stream, head.position, head.tick_us)
        return moved

    def close(self) -> None:
        """Give all files back."""
        for reader in self._readers.values():
            reader.close()
        self._writer.close()


def projector_part(
    ledger_path: Path,
    journal_path: Path,
    derived_path: Path,
    clock: Clock,
    objectives: Iterable[Objective],
) -> Part:
    """The part `slo.ledger.project`. Makes the ledger's file, so that readers find it."""
    writer = LedgerWriter(ledger_path, clock, objectives)
    return Part("slo.ledger.project", LedgerProjector(writer, journal_path, derived_path).step)
