"""Daily counts as senders and people read them: signed for closed days, as it stands for today."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlmodel import select

from audit.log import AuditLog, ProofFailed
from collector.counts import statement
from collector.counts.closing import day_name
from collector.counts.models import DailyCountRow
from kernel.clock import DAY_US, Clock, to_us
from kernel.database import Database
from kernel.errors import BadInput
from kernel.journal import JournalReader, Tally

# A signature is checked for each: the rest is asked for by name.
_MAX_SENDERS = 100


class CountService:
    """Threads may share it."""

    def __init__(self, database: Database, log: AuditLog, journal_path: Path, clock: Clock) -> None:
        self._database = database
        self._log = log
        self._journal_path = journal_path
        self._clock = clock

    def show(self, *, day: str = "", source: str = "", sender: str = "") -> dict[str, Any]:
        """`{day, state, counts, statements, vkey}` of a UTC day (default: today).

        `state`: `open` while the day lasts, `closing` until it is signed, `signed` afterwards: then
        the counts are those of the signed statements and nothing else. `nothing`: the day is over
        and nothing was sent. `source` and `sender` narrow it down. Raises BadInput.
        """
        day_us = self._day_us(day)
        name = day_name(day_us)
        closed = self._closed(name, sender)
        document: dict[str, Any] = {"day": name, "state": "signed"}
        if closed:
            rows, statements = self._signed(closed[:_MAX_SENDERS])
            document |= {"statements": statements, "vkey": str(self._log.vkey)}
            if len(closed) > _MAX_SENDERS:
                document["more_senders"] = len(closed) - _MAX_SENDERS
        else:
            rows = [_row(tally) for tally in self._standing(day_us, sender)]
            over = day_us + DAY_US <= self._clock.now_us()
            document["state"] = ("closing" if rows else "nothing") if over else "open"
        document["counts"] = [row for row in rows if not source or row["source"] == source]
        return document

    def _day_us(self, day: str) -> int:
        if not day:
            day = day_name(self._clock.now_us())
        try:
            found = dt.datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=dt.UTC)
        except ValueError:
            raise BadInput(
                f"{day[:40]!r} is no day", path="day", hint="a UTC day looks like 2026-11-24"
            ) from None
        return to_us(found)

    def _closed(self, day: str, sender: str) -> Sequence[DailyCountRow]:
        query = select(DailyCountRow).where(DailyCountRow.day == day)
        if sender:
            query = query.where(DailyCountRow.sender == sender)
        with self._database.reading() as session:
            return session.exec(query.order_by(DailyCountRow.sender)).all()

    def _signed(
        self, closed: Sequence[DailyCountRow]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Counts and statements; the stores are not trusted here, the signature is."""
        rows: list[dict[str, Any]] = []
        statements: list[dict[str, Any]] = []
        for one in closed:
            note = self._log.payload(one.record_id, "statement")
            try:
                said = statement.read(note, self._log.vkey)
            except BadInput as error:
                raise ProofFailed(
                    f"the count of {one.sender[:80]!r} on {one.day} was changed: {error}",
                    hint="run `tillwatch audit verify`",
                ) from None
            rows += [{"sender": said["sender"], **row} for row in said["counts"]]
            statements.append(
                {"sender": one.sender, "record": one.record_id, "note": note.decode("utf-8")}
            )
        return rows, statements

    def _standing(self, day_us: int, sender: str) -> list[Tally]:
        # A reader of its own: readers are not for sharing between the threads of requests.
        reader = JournalReader(self._journal_path)
        try:
            return reader.day_tallies(day_us, sender=sender)
        finally:
            reader.close()


def _row(tally: Tally) -> dict[str, Any]:
    return {"sender": tally.sender, **statement.row_of(tally)}
