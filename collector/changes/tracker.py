"""Finds changes in what arrives: flags in OTLP, flag files, GitHub's deployments, vendors' pages.

A part of its own beside the projector: it remembers what it saw last, and what tells of causes is
not given up when a backlog costs spans. It reads the raw records of both journals; the engine's own
(files and pages that it looked at) lie in the derived one. Rows are written first, then memory and
cursor in one transaction: after a crash between the two the same rows come again, under their keys.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

import msgspec

from collector.changes import flagd
from collector.changes.change import change_row
from collector.changes.evaluations import MARK, Evaluation, FlagKey, of_logs, of_traces
from collector.changes.flags import FlagChange, advance, served
from collector.changes.memory import ChangeMemory, Unit
from collector.otlp.signals import LOGS, TRACES
from collector.otlp.stored import message_of, plain
from collector.sources.github_changes import change_of as github_change
from collector.sources.port import Told, format_of
from collector.sources.registry import documents_of, stored_of
from collector.vendors import summary
from collector.vendors.status import changes_of
from kernel.clock import parse_rfc3339, rfc3339
from kernel.errors import BadInput
from kernel.journal import JournalReader, JournalRecord, Stream
from kernel.telemetry_store.port import Batch, ChangeRow
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore

JOURNAL: Final = "changes.journal"
OBSERVED: Final = "changes.observed"
GITHUB: Final = format_of("github")
STATUSPAGE: Final = format_of("statuspage")
_RECORDS = 200
_MAX_BYTES = 4 * 1024**2
_SIGNALS: Final = {TRACES.format: of_traces, LOGS.format: of_logs}

Stored = dict[str, Any]


class ChangeTracker:
    """One step takes in a bounded batch of each journal."""

    def __init__(
        self,
        journal: JournalReader,
        observed: JournalReader,
        store: SqliteTelemetryStore,
        memory: ChangeMemory,
        hint: Callable[[str], None],
    ) -> None:
        """`hint(vendor)`: somebody says that this vendor's page has news."""
        self._journal = journal
        self._observed = observed
        self._store = store
        self._memory = memory
        self._hint = hint

    def step(self) -> bool:
        """True where more may be waiting."""
        journal_busy = self._take(JOURNAL, self._journal, 1)
        observed_busy = self._take(OBSERVED, self._observed, -1)
        return journal_busy or observed_busy

    def _take(self, consumer: str, reader: JournalReader, sign: int) -> bool:
        """Rows of the derived journal have negative positions, as everywhere."""
        after = self._memory.position(consumer)
        records = reader.read([Stream.RAW], after, limit=_RECORDS, max_bytes=_MAX_BYTES)
        if not records:
            return False
        rows: list[ChangeRow] = []
        cursor = records[-1].position
        with self._memory.unit() as unit:
            for record in records:
                told = self._told(record, unit)
                rows += [
                    change_row(one, sign * record.position, item, parse_rfc3339(one["at"]))
                    for item, one in enumerate(told)
                ]
            self._store.write_as(consumer, Batch(cursor, changes=rows))
            unit.finish(consumer, cursor)
        return True

    def _told(self, record: JournalRecord, unit: Unit) -> list[Stored]:
        """What cannot be read is set aside by the projector; here it tells nothing."""
        try:
            if record.format in _SIGNALS:
                return _flags(record, unit)
            if record.format == flagd.FORMAT:
                return _flag_files(record, unit)
            if record.format == GITHUB:
                return _github(record)
            if record.format == summary.FORMAT:
                return _vendor(record, unit)
        except (BadInput, msgspec.MsgspecError):
            return []
        if record.format == STATUSPAGE:
            self._hint(record.source.partition("/")[2])
        return []


def _flags(record: JournalRecord, unit: Unit) -> list[Stored]:
    body = plain(record)
    if MARK not in body:
        return []
    by_flag: dict[FlagKey, list[Evaluation]] = defaultdict(list)
    for one in _SIGNALS[record.format](message_of(record, body), record.received_us):
        by_flag[one.key].append(one)
    told: list[Stored] = []
    for key in sorted(by_flag):
        state = unit.flag(record.source, key)
        if state is not None:
            changes = advance(state, by_flag[key])
            told += [_flag_change(record.source, key, change) for change in changes]
    return told


def _flag_change(source: str, key: FlagKey, change: FlagChange) -> Stored:
    before, after = served(change.before), served(change.after)
    return {
        "kind": "flag",
        "service": key.service,
        "source": source,
        "summary": f"flag {key.flag}: {before} → {after}"[:500],
        "version": change.version,
        "environment": key.environment,
        "at": rfc3339(change.at_us),
        "attributes": {
            "flag": key.flag,
            "flag_set": key.flag_set,
            "before": before,
            "after": after,
            "contexts": change.contexts,
            "found_in": "evaluations",
        },
    }


def _flag_files(record: JournalRecord, unit: Unit) -> list[Stored]:
    told: list[Stored] = []
    for file in msgspec.json.decode(record.body, type=list[flagd.FlagFile]):
        before = unit.swap_file(record.source, file, record.received_us)
        if before is None:
            continue  # first sight: where we begin is no change
        at = record.detail.get("at") or rfc3339(record.received_us)
        told += _differences(record.source, file, before, at)
    return told


def _differences(source: str, file: flagd.FlagFile, before: flagd.FlagSet, at: str) -> list[Stored]:
    found = flagd.differences(before, file.flags)
    said = [(f"flag {flag}: {what}", {"flag": flag}) for flag, what in found[: flagd.MAX_CHANGES]]
    if len(found) > flagd.MAX_CHANGES:
        said.append((f"{len(found) - flagd.MAX_CHANGES} more flags changed with them", {}))
    return [
        {
            "kind": "flag",
            "service": file.service,
            "source": source,
            "summary": summary[:500],
            "environment": file.environment,
            "at": at,
            "attributes": {**about, "flag_set": file.flag_set, "found_in": "flagd file"},
        }
        for summary, about in said
    ]


def _github(record: JournalRecord) -> list[Stored]:
    told: list[Stored] = []
    for document in documents_of(record):
        context = Told(record.source, record.received_us)
        told.append(github_change(stored_of(document), context))
    return told


def _vendor(record: JournalRecord, unit: Unit) -> list[Stored]:
    told: list[Stored] = []
    for seen in msgspec.json.decode(record.body, type=list[summary.Summary]):
        state, changes = changes_of(unit.vendor(seen.vendor), seen, record.received_us)
        unit.keep_vendor(seen.vendor, state)
        told += changes
    return told
