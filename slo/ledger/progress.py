"""How far the ledger has come, where it has much to count."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from kernel.journal import JournalReader, Stream
from slo.ledger.reader import LedgerReader
from slo.ledger.schema import REBUILD_SUFFIX

# Fewer are counted within seconds.
_LEAST_BEHIND: Final = 2_000


@dataclass(frozen=True)
class Progress:
    """Counted is what was received in [`from_us`, `done_us`) of all until `to_us`.

    Receive times, not positions: those jump ahead to the clock whenever the door starts.
    """

    kind: Literal["rebuild", "catching_up"]
    from_us: int
    done_us: int
    to_us: int

    @property
    def percent(self) -> int:
        """0 to 99: it is not said to be done before it is."""
        done_us, whole_us = self.done_us - self.from_us, self.to_us - self.from_us
        return max(0, min(99, 100 * done_us // max(1, whole_us)))

    @property
    def text(self) -> str:
        """One sentence for people."""
        what = (
            "The ledger counts the past of new objectives; meanwhile all figures stand still"
            if self.kind == "rebuild"
            else "The ledger counts what arrived while it was away"
        )
        return f"{what}: {self.percent} % of the journal is done."


def progress(ledger_path: Path, journal_path: Path) -> Progress | None:
    """None where the ledger keeps up."""
    position, counted_us = _counted(ledger_path)
    side = ledger_path.with_name(ledger_path.name + REBUILD_SUFFIX)
    journal = JournalReader(journal_path)
    try:
        if side.exists():
            return Progress("rebuild", _first_us(journal), _counted(side)[1], counted_us)
        head = journal.head()
        if head.position - position < _LEAST_BEHIND:
            return None
        # Positions jump, and other streams lie between.
        waiting = journal.waiting([Stream.SHOP], position, limit=_LEAST_BEHIND)
        if waiting.records < _LEAST_BEHIND:
            return None
        return Progress("catching_up", _first_us(journal), counted_us, head.tick_us)
    finally:
        journal.close()


def _first_us(journal: JournalReader) -> int:
    """Receive time of the oldest record that is kept; 0 where there is none."""
    return journal.waiting([Stream.SHOP], 0, limit=1).oldest_us or 0


def _counted(path: Path) -> tuple[int, int]:
    """Position and receive time up to which a ledger file is counted."""
    reader = LedgerReader(path)
    try:
        return reader.position(Stream.SHOP), reader.counted_us(Stream.SHOP)
    finally:
        reader.close()
