"""Replaying dead letters: decide by today's rules, record who asked, append, say what became of it.

An item that is good now is stored with its declared key and the time it had or was received at; it
counts once, however often it is replayed and whatever its sender sent since. A record is handed to
those who project, by its position. Order of a batch: the intent is recorded, then everything is
appended, then the outcome is recorded; where it breaks off, letters that are done are marked and
the rest still waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from access.principal import Principal
from audit.entries import Entry, Payload
from audit.log import AuditLog
from collector.acknowledge import durable_now
from collector.deadletters.choosing import Choice, chosen
from collector.deadletters.judging import Judges
from collector.deadletters.service import DeadLetterService
from collector.deadletters.verdicts import Outcome, Patch, Verdict, Verdicts
from kernel.clock import Clock
from kernel.database import Database
from kernel.journal import Appended, JournalReader, JournalWriter

_SUBJECT: Final = "deadletter"


@dataclass(frozen=True)
class Wish:
    """What somebody wants replayed. `patch`: a fix merged into each item before it is judged."""

    choice: Choice
    patch: Patch = None
    dry_run: bool = False


@dataclass(frozen=True)
class Report:
    """What became of one bounded batch.

    `next`: the cursor to go on from, "" where nothing is left. `record`: id of the audit record.
    """

    results: Sequence[Verdict]
    next: str = ""
    dry_run: bool = False
    record: str = ""

    def document(self) -> dict[str, Any]:
        """As the API says it."""
        return {
            "dry_run": self.dry_run,
            "counts": self.counts,
            "results": [one.document() for one in self.results],
            "next": self.next,
            "record": self.record,
        }

    @property
    def counts(self) -> dict[str, int]:
        """How many letters came to which outcome."""
        return dict(Counter(str(one.outcome) for one in self.results))


@dataclass(frozen=True)
class ReplayRecords:
    """Where replays are recorded for the audit."""

    log: AuditLog
    database: Database


@dataclass(frozen=True)
class Replayer:
    """Runs in the process that writes the journal. Threads may share it."""

    journal_path: Path
    writer: JournalWriter
    letters: DeadLetterService
    judges: Judges
    records: ReplayRecords
    clock: Clock

    def preview(self, letter_id: str, patch: Patch = None) -> Verdict:
        """What a replay would make of it now. Raises NotFound."""
        found = self.letters.find(letter_id)
        with closing(JournalReader(self.journal_path)) as reader:
            return Verdicts(self.judges, reader, self.clock).of(letter_id, found, patch)

    def replay(self, wish: Wish, person: Principal) -> Report:
        """One batch. Raises Unavailable where the journal cannot be written: ask again."""
        with closing(JournalReader(self.journal_path)) as reader:
            found, further = chosen(wish.choice, self.letters, reader)
            verdicts = Verdicts(self.judges, reader, self.clock)
            decided = [verdicts.of(name, one, wish.patch) for name, one in found]
        if wish.dry_run or not decided:
            return Report(decided, further, wish.dry_run)
        intent = self._record_intent(wish, decided, person)
        done = self._carry_out(decided)
        return Report(done, further, record=self._record_outcome(intent, done, person))

    def _carry_out(self, decided: Sequence[Verdict]) -> list[Verdict]:
        """All is queued, then awaited: it shares commits."""
        appends: dict[str, Future[Appended]] = {}
        notes: list[Future[bool]] = []
        for one in decided:
            if one.append is not None:
                appends[one.id] = self.writer.append(one.append)
            elif one.outcome is Outcome.REJECTED and one.path:
                notes.append(self.writer.refuse_again(one.id, one.rule, one.path, one.reason))
        done = [
            _stored(one, durable_now(appends[one.id])) if one.id in appends else one
            for one in decided
        ]
        for note in notes:
            durable_now(note)
        return done

    def _record_intent(self, wish: Wish, decided: Sequence[Verdict], person: Principal) -> str:
        """Before anything is done: which letters, chosen how, mended how."""
        data: dict[str, Any] = {"count": len(decided), "patched": wish.patch is not None}
        filters = {"rule": wish.choice.rule, "source": wish.choice.source}
        data |= {name: value for name, value in filters.items() if value}
        payloads = {"letters": Payload(msgspec.json.encode([one.id for one in decided]))}
        if wish.patch is not None:
            patch = self.judges.redacted(dict(wish.patch))
            payloads["patch"] = Payload(msgspec.json.encode(patch))
        entry = Entry(
            "deadletter.replay",
            person.actor(),
            _SUBJECT,
            _subject(decided),
            data=data,
            payloads=payloads,
        )
        with self.records.database.unit_of_work() as session:
            return self.records.log.record(session, entry)

    def _record_outcome(self, intent: str, done: Sequence[Verdict], person: Principal) -> str:
        entry = Entry(
            "deadletter.replayed",
            person.actor(),
            _SUBJECT,
            _subject(done),
            parent=(intent,),
            data={"count": len(done), **Counter(str(one.outcome) for one in done)},
        )
        with self.records.database.unit_of_work() as session:
            return self.records.log.record(session, entry)


def _subject(verdicts: Sequence[Verdict]) -> str:
    return verdicts[0].id[:200] if len(verdicts) == 1 else "batch"


def _stored(verdict: Verdict, appended: Appended) -> Verdict:
    outcome = verdict.outcome
    if outcome is not Outcome.READING:
        outcome = Outcome.STORED if appended.accepted else Outcome.DUPLICATE
    return replace(verdict, outcome=outcome, receipt=appended.receipt)
