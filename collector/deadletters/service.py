"""Reading dead letters: the list and one of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.deadletters.documents import Document, item_of, of_item, of_record
from kernel.errors import NotFound
from kernel.journal import JournalReader, Letter, LetterFilter
from kernel.telemetry_store.meta import DeadLetter, LettersWanted
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore

_MAX_LISTED: Final = 1_000
_POSITION = re.compile(r"-?[0-9]{1,18}\Z")
_INDEX = re.compile(r"[0-9]{1,9}\Z")
_RECORD: Final = "record"


@dataclass(frozen=True)
class DeadRecord:
    """A stored record that could not be projected; when and by which receipt it was put right."""

    letter: DeadLetter
    replayed: tuple[int, str] | None = None


# An item rejected at the door, or a record.
Found = Letter | DeadRecord


class DeadLetterService:
    """Ids: `<receipt>:<index>` of an item, `record:<position>` of a record."""

    def __init__(self, journal_path: Path, store: SqliteTelemetryStore) -> None:
        self._journal_path = journal_path
        self._store = store

    def list(self, *, rule: str = "", source: str = "", limit: int = 100) -> list[Document]:
        """Newest first, both kinds together; "" is any rule or source."""
        bound = max(1, min(limit, _MAX_LISTED))
        wanted = LettersWanted(rule, source)
        records = self._store.deadletters(wanted, limit=bound)
        replayed = self._store.replayed([one.position for one in records])
        found = [of_record(one, replayed.get(one.position)) for one in records]
        with self._reader() as reader:
            items = reader.letters(LetterFilter(rule, source), limit=bound)
        found += [of_item(letter) for _, letter in items]
        return sorted(found, key=lambda one: str(one["at"]), reverse=True)[:bound]

    def show(self, letter_id: str) -> Document:
        """One dead letter with what is kept of the item. Raises NotFound."""
        found = self.find(letter_id)
        if isinstance(found, DeadRecord):
            return {**of_record(found.letter, found.replayed), "item": None}
        return {**of_item(found), "item": item_of(found)}

    def find(self, letter_id: str) -> Found:
        """One dead letter. Raises NotFound."""
        head, _, tail = letter_id.rpartition(":")
        found = self._record(tail) if head == _RECORD else self._item(head, tail)
        if found is None:
            raise NotFound(
                f"there is no dead letter {letter_id[:80]!r}",
                hint="see `tillwatch deadletter list`",
            )
        return found

    def waiting_records(self, wanted: LettersWanted, *, limit: int) -> Sequence[DeadLetter]:
        """Records that wait for a replay, newest first."""
        return self._store.deadletters(wanted, limit=limit)

    def totals(self) -> Document:
        """How many items are kept, and how many had to go for newer ones."""
        with self._reader() as reader:
            total = reader.letter_total()
        return {"kept": total.letters, "bytes": total.bytes, "gone": total.gone}

    def _record(self, position: str) -> DeadRecord | None:
        if not _POSITION.match(position):
            return None
        letters = self._store.deadletters_of(int(position))
        if not letters:
            return None
        replayed = self._store.replayed([int(position)]).get(int(position))
        return DeadRecord(letters[0], replayed)

    def _item(self, receipt_id: str, index: str) -> Letter | None:
        if not _INDEX.match(index):
            return None
        with self._reader() as reader:
            return reader.letter(receipt_id, int(index))

    @contextmanager
    def _reader(self) -> Iterator[JournalReader]:
        """A reader of its own: readers are not for sharing between the threads of requests."""
        with closing(JournalReader(self._journal_path)) as reader:
            yield reader
