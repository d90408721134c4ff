"""How far a journal may be trimmed: never past a record that a consumer has not applied yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kernel.journal import JournalReader, Stream


@dataclass(frozen=True)
class Consumed:
    """A consumer of some streams and the position it has reached."""

    streams: Sequence[Stream]
    position: int


def trim_point(reader: JournalReader, consumers: Sequence[Consumed]) -> int:
    """Records below this position are applied by everybody who reads them.

    A consumer whose streams hold nothing newer than its position is not in the way of the others.
    """
    point = reader.head().position + 1
    for consumer in consumers:
        waiting = reader.read(consumer.streams, consumer.position, limit=1)
        if waiting:
            point = min(point, waiting[0].position)
    return point
