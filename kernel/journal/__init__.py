"""The journal: where everything begins. A 2xx of ours means that its record is on disk here."""

from kernel.journal.gate import Refused
from kernel.journal.letters import Kept, Letter, LetterFilter, LetterTotal
from kernel.journal.reader import Head, JournalReader, Waiting
from kernel.journal.records import (
    Append,
    Appended,
    Item,
    ItemClass,
    JournalRecord,
    Stream,
    class_of_event,
)
from kernel.journal.tally import Counts, Tally
from kernel.journal.writer import JournalWriter

__all__ = [
    "Append",
    "Appended",
    "Counts",
    "Head",
    "Item",
    "ItemClass",
    "JournalReader",
    "JournalRecord",
    "JournalWriter",
    "Kept",
    "Letter",
    "LetterFilter",
    "LetterTotal",
    "Refused",
    "Stream",
    "Tally",
    "Waiting",
    "class_of_event",
]
