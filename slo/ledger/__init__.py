"""The exact ledger: units, and integer sums per objective, segment and slice, now and as known."""

from slo.ledger.memory import LedgerMemory
from slo.ledger.reader import LedgerReader
from slo.ledger.sums import FineCell, MoneySums, SegmentKey, Sums
from slo.ledger.writer import LedgerWriter

__all__ = [
    "FineCell",
    "LedgerMemory",
    "LedgerReader",
    "LedgerWriter",
    "MoneySums",
    "SegmentKey",
    "Sums",
]
