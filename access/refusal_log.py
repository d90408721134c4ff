"""Refusals into the audit, bounded: a flood becomes one count per minute, and loses nothing."""

from __future__ import annotations

import threading

from sqlalchemy.exc import SQLAlchemyError

from access.refusals import Summary, Window, admit, close
from audit.entries import Actor, Entry
from audit.log import AuditLog
from kernel.clock import Clock, rfc3339
from kernel.database import Database


class RefusalLog:
    """Records one kind of refusal (`kind`: authn | authz), `limit` of a minute one by one."""

    def __init__(
        self, kind: str, database: Database, audit_log: AuditLog, clock: Clock, *, limit: int
    ) -> None:
        self._kind = kind
        self._database = database
        self._audit_log = audit_log
        self._clock = clock
        self._limit = limit
        self._lock = threading.Lock()
        self._window = Window()
        self._unsent: list[Summary] = []

    def refused(self, entry: Entry) -> None:
        """Record or count one refusal. The refusal itself stands even if the database is away."""
        with self._lock:
            now_us = self._clock.now_us()
            self._roll(now_us)
            self._window, recorded = admit(self._window, now_us, self._limit)
            if recorded and not self._record(entry):
                self._window, _ = admit(self._window, now_us, 0)

    def flush(self) -> None:
        """Record the counts of minutes that are over. Called now and then, also at stop."""
        with self._lock:
            self._roll(self._clock.now_us())
            entries = {one: _summary_entry(self._kind, one) for one in self._unsent}
            self._unsent = [one for one, entry in entries.items() if not self._record(entry)]

    def _roll(self, now_us: int) -> None:
        self._window, summary = close(self._window, now_us)
        if summary:
            self._unsent = _merged([*self._unsent, summary])

    def _record(self, entry: Entry) -> bool:
        try:
            with self._database.unit_of_work() as session:
                self._audit_log.record(session, entry)
        except SQLAlchemyError:
            return False
        return True


def _merged(summaries: list[Summary]) -> list[Summary]:
    """At most ten wait for a database that is away; older ones are added up."""
    while len(summaries) > 10:
        first, second, *rest = summaries
        joined = Summary(first.count + second.count, first.since_us, second.until_us)
        summaries = [joined, *rest]
    return summaries


def _summary_entry(kind: str, summary: Summary) -> Entry:
    return Entry(
        type="authn.refusals_counted",
        actor=Actor(kind="system", ref="access"),
        subject_kind="refusals",
        subject_ref=kind,
        outcome="denied",
        data={
            "count": summary.count,
            "since": rfc3339(summary.since_us),
            "until": rfc3339(summary.until_us),
        },
    )
