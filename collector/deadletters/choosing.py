"""Which dead letters a batch holds: those that are named, or the next that fit a filter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from collector.deadletters.service import DeadLetterService, DeadRecord, Found
from kernel.errors import BadInput, NotFound
from kernel.journal import JournalReader, LetterFilter
from kernel.telemetry_store.meta import LettersWanted

MAX_BATCH: Final = 200
_CURSOR = re.compile(r"(item|record):(-?[0-9]{1,18})\Z")
_FIRST_RECORD: Final = f"record:{(1 << 59)}"


@dataclass(frozen=True)
class Choice:
    """`ids`, or all waiting letters of a rule and source ("" is any), from `cursor` on."""

    ids: tuple[str, ...] = ()
    rule: str = ""
    source: str = ""
    cursor: str = ""
    limit: int = MAX_BATCH


def chosen(
    choice: Choice, letters: DeadLetterService, reader: JournalReader
) -> tuple[list[tuple[str, Found | None]], str]:
    """The letters by id (None: there is none), and the cursor behind them ("": nothing is left).

    Items come first, the newest first; then records. Raises BadInput for no cursor of ours.
    """
    if choice.ids:
        return [(name, _find(name, letters)) for name in dict.fromkeys(choice.ids)], ""
    kind, before = _cursor(choice.cursor)
    found: list[tuple[str, Found | None]] = []
    if kind == "item":
        wanted = LetterFilter(choice.rule, choice.source, waiting=True, before=before)
        items = reader.letters(wanted, limit=choice.limit)
        found = [(letter.id, letter) for _, letter in items]
        if len(items) == choice.limit:
            return found, f"item:{items[-1][0]}"
        kind, before = _cursor(_FIRST_RECORD)
    left = choice.limit - len(found)
    records = letters.waiting_records(
        LettersWanted(choice.rule, choice.source, before, waiting=True), limit=left
    )
    found += [(f"record:{one.position}", DeadRecord(one)) for one in records]
    return found, f"record:{records[-1].position}" if len(records) == left else ""


def _find(letter_id: str, letters: DeadLetterService) -> Found | None:
    try:
        return letters.find(letter_id)
    except NotFound:
        return None


def _cursor(text: str) -> tuple[str, int]:
    if not text:
        return "item", 0
    match = _CURSOR.match(text)
    if match is None:
        raise BadInput("this is no cursor of ours", path="$.cursor", hint="leave it out to begin")
    return match[1], int(match[2])
