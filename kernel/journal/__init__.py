"""The journal: where everything begins. A 2xx of ours means that its record is on disk here."""

from kernel.journal.letters import Kept, Letter, LetterFilter, LetterTotal
from kernel.journal.reader import Head, JournalReader, Waiting
from kernel.journal.records import Append, Appended, Item, JournalRecord, Stream
from kernel.journal.writer import JournalWriter

__all__ = [
    "Append",
    "Appended",
    "Head",
    "Item",
    "JournalReader",
    "JournalRecord",
    "JournalWriter",
    "Kept",
    "Letter",
    "LetterFilter",
    "LetterTotal",
    "Stream",
    "Waiting",
]
