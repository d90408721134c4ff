"""Closes each UTC day: signs what every sender's count was, once it cannot change any more.

The tallies of a day are final once the journal's tick lies behind it: receive times never fall, and
the tick is written with them. All senders of a day are closed in one unit of work. A day that was
closed stays as it was signed.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlmodel import Session, select

from audit.entries import Actor, Entry, Payload
from audit.log import AuditLog
from collector.counts import statement
from collector.counts.models import DailyCountRow
from kernel.clock import DAY_US, MINUTE_US, from_us
from kernel.database import Database
from kernel.journal import JournalReader, Tally

GRACE_US = 5 * MINUTE_US
_ACTOR = Actor("service", "collector.counts")


class DayCloser:
    """Job "collector.counts.close". The reader belongs to it alone."""

    def __init__(self, database: Database, log: AuditLog, reader: JournalReader) -> None:
        self._database = database
        self._log = log
        self._reader = reader

    def run(self) -> None:
        """Close all days that have ended and are not closed yet, oldest first."""
        final_before_us = self._reader.head().tick_us - DAY_US - GRACE_US + 1
        days = self._reader.days(final_before_us)
        with self._database.reading() as session:
            closed = set(session.exec(select(DailyCountRow.day).distinct()))
        for day_us in days:
            if day_name(day_us) not in closed:
                self._close(day_us)

    def _close(self, day_us: int) -> None:
        """Signed before the transaction, which is then short."""
        day = day_name(day_us)
        by_sender: defaultdict[str, list[Tally]] = defaultdict(list)
        for tally in self._reader.day_tallies(day_us):
            by_sender[tally.sender].append(tally)
        signed = {
            sender: self._log.statement(statement.KIND, statement.body_of(day, sender, tallies))
            for sender, tallies in sorted(by_sender.items())
        }
        with self._database.unit_of_work() as session:
            self._record(session, day, by_sender, signed)

    def _record(
        self,
        session: Session,
        day: str,
        by_sender: Mapping[str, Sequence[Tally]],
        signed: Mapping[str, bytes],
    ) -> None:
        for sender, note in signed.items():
            entry = _entry(day, by_sender[sender], note)
            record_id = self._log.record(session, entry)
            session.add(DailyCountRow(day=day, sender=sender, record_id=record_id))


def day_name(day_us: int) -> str:
    """`2026-11-24`."""
    return from_us(day_us).date().isoformat()


def _entry(day: str, tallies: Sequence[Tally], note: bytes) -> Entry:
    """The sender's name stands in the payload alone: it may be a person's."""
    counts = statement.total(tallies)
    data = {
        "day": day,
        "stored": counts.stored,
        "rejected": counts.rejected,
        "duplicate": counts.duplicate,
        "shed": counts.shed,
        "sources": len({tally.source for tally in tallies}),
        "statement_sha256": hashlib.sha256(note).hexdigest(),
    }
    if counts.first_position is not None and counts.last_position is not None:
        data |= {"first_position": counts.first_position, "last_position": counts.last_position}
    return Entry(
        "count.closed", _ACTOR, "day", day, data=data, payloads={"statement": Payload(note)}
    )
