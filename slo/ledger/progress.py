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
    """`done` of `whole` journal positions are counted."""

    kind: Literal["rebuild", "catching_up"]
    done: int
    whole: int

    @property
    def text(self) -> str:
        """One sentence for people."""
        share = min(99, 100 * self.done // max(1, self.whole))
        what = (
            "The ledger counts the past of new objectives; meanwhile all figures stand still"
            if self.kind == "rebuild"
            else "The ledger counts what arrived while it was away"
        )
        return f"{what}: {share} % of the journal is done."


def progress(ledger_path: Path, journal_path: Path) -> Progress | None:
    """None where the ledger keeps up."""
    counted = _position(ledger_path)
    side = ledger_path.with_name(ledger_path.name + REBUILD_SUFFIX)
    if side.exists():
        return Progress("rebuild", _position(side), counted)
    journal = JournalReader(journal_path)
    try:
        head = journal.head().position
        if head - counted < _LEAST_BEHIND:
            return None
        # Positions jump, and other streams lie between.
        waiting = journal.waiting([Stream.SHOP], counted, limit=_LEAST_BEHIND)
        kept_up = waiting.records < _LEAST_BEHIND
        return None if kept_up else Progress("catching_up", counted, head)
    finally:
        journal.close()


def _position(path: Path) -> int:
    reader = LedgerReader(path)
    try:
        return reader.position(Stream.SHOP)
    finally:
        reader.close()
