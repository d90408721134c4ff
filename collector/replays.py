"""A replay of a stored record is a record itself: it names the position that is to be read again.

So it is durable, in order with everything else, and done by whoever projects. Rows and shop events
of the record keep their keys: read again they revise and never add.
"""

from __future__ import annotations

from typing import Final

from kernel import strict_json
from kernel.errors import BadInput
from kernel.journal import Append, Item, JournalReader, JournalRecord, Stream

FORMAT: Final = "replay"


def replay_of(record: JournalRecord, asked_by: str) -> Append:
    """What is appended to have the record read again. `asked_by`: who wants it, as a source."""
    body = b'{"position":%d}' % record.position
    detail = {"position": str(record.position)}
    return Append(Stream.RAW, asked_by, FORMAT, [Item(body)], whole=True, detail=detail)


def origin_of(record: JournalRecord, journal: JournalReader) -> JournalRecord:
    """The record that counts: for a replay the one it names, for any other itself.

    Raises BadInput where a replay names nothing that is kept.
    """
    if record.format != FORMAT:
        return record
    named = strict_json.loads(record.body)
    position = named.get("position") if isinstance(named, dict) else None
    if not isinstance(position, int) or not 0 < position < record.position:
        raise BadInput("a replay names an earlier position", rule="replay.position")
    found = journal.record(position)
    if found is None or found.format == FORMAT:
        raise BadInput(f"record {position} is no longer kept", rule="replay.gone")
    return found
