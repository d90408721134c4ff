"""The journal's one writer thread: group commit, declared-key dedup, receipts, ticks, trimming.

In front of it stands a gate that refuses by class (`gate`, `admission`); with each record it counts
whose items they were (`tally_store`).
"""

from __future__ import annotations

import contextlib
import json
import math
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from kernel.clock import Clock
from kernel.errors import BadInput, Unavailable
from kernel.ids import uuid7
from kernel.journal import letters, seen, tally_store, trimming
from kernel.journal.admission import Limits
from kernel.journal.gate import Gate, Refusals, Refused, free_bytes
from kernel.journal.records import SCHEMA, Append, Appended, runs
from kernel.journal.seen import Seen
from kernel.journal.tally_store import Tallies
from kernel.journal.upgrade import add_columns
from kernel.sqlite import open_writer, writing

_MAX_GROUP = 512
_TICK_EVERY_S = 1.0
_LIMITS = Limits()
# Rows and disk are measured again after so many seconds, or so large a share of the quota.
_MEASURE_EVERY_S = 1.0
_MEASURE_EVERY_SHARE = 1 / 256
# The disk's fault: full, broken, or taken away.
_DISK = (sqlite3.Error, OSError)
# The record's own fault (too big, not bytes, not UTF-8), never the disk's.
_BAD_RECORD = (
    TypeError,
    ValueError,
    OverflowError,
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)


@dataclass(frozen=True)
class _Call:
    work: Callable[[sqlite3.Connection], object]
    done: Future[object]


class JournalWriter:
    """Appends records durably: a future is done only after the commit is on disk.

    One writer per file and process. Appends that wait at the same time share one commit. Each idle
    second a tick is written, so that readers know up to when they have seen everything.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        max_bytes: int = 8 * 1024**3,
        reserve_bytes: int = 0,
        limits: Limits = _LIMITS,
        seen_keys: Seen | None = None,
    ) -> None:
        """`max_bytes`: quota of the rows; `reserve_bytes`: free disk kept for what counts most.

        `seen_keys`: how the declared keys are kept; `load`ed here.
        """
        self._path = path
        self._clock = clock
        self._max_bytes = max_bytes
        self._reserve_bytes = reserve_bytes
        self._measured_s = -math.inf
        self._unmeasured_bytes = 0
        self.refusals = Refusals(clock)
        self.gate = Gate(self.refusals, limits)
        self.tallies = Tallies()
        self._seen = seen_keys or Seen()
        # Bounded by the gate.
        self._queue: queue.Queue[_Call | None] = queue.Queue()
        self._submitting = threading.Lock()
        self._closing = False
        self._last_us = 0
        self._healthy = True
        self._db: sqlite3.Connection | None = self._open()
        self._tick()
        self._thread = threading.Thread(target=self._run, name=f"journal-{path.stem}", daemon=True)
        self._thread.start()

    @property
    def healthy(self) -> bool:
        """True while the last commit (a tick counts) reached the disk."""
        return self._healthy and self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Appends that wait for their commit."""
        return self.gate.pressure.appends

    def append(self, append: Append) -> Future[Appended]:
        """Queue one record. The future holds Unavailable where it could not be made durable.

        Refused (an Unavailable) where its class is not taken now: there is too little room.
        """
        future: Future[Appended] = Future()
        size_bytes = append.size_bytes
        try:
            self.gate.enter(append.worth, size_bytes)
        except Refused as refused:
            self.tallies.shed(append)
            future.set_exception(refused)
            return future
        future.add_done_callback(lambda _: self.gate.leave(size_bytes))
        call = _Call(lambda db: self._append_one(db, append), future)  # type: ignore[arg-type]
        self._submit(call)
        return future

    def trim(self, before_position: int) -> Future[int]:
        """Delete old records below the position, and keys and receipts past their horizon.

        A bounded number of rows, so that appends need not wait. The future tells how many went;
        where it is not zero there may be more.
        """
        future: Future[int] = Future()
        call = _Call(lambda db: self._trim(db, before_position), future)  # type: ignore[arg-type]
        self._submit(call)
        return future

    def refuse_again(self, letter_id: str, rule: str, path: str, reason: str) -> Future[bool]:
        """Note that a replay of the dead letter was in vain; False where it does not wait."""
        future: Future[bool] = Future()
        call = _Call(
            lambda db: letters.refuse_again(db, letter_id, rule, path, reason),
            future,  # type: ignore[arg-type]
        )
        self._submit(call)
        return future

    def close(self) -> None:
        """Commit what waits, then stop. Later appends are refused."""
        with self._submitting:
            self._closing = True
            self._queue.put(None)
        self._thread.join(timeout=10)

    def _submit(self, call: _Call) -> None:
        """Under a lock, so that nothing can be queued behind the end and wait for ever."""
        with self._submitting:
            if self._closing or not self._thread.is_alive():
                call.done.set_exception(Unavailable("the journal is closed"))
                return
            self._queue.put_nowait(call)

    def _open(self) -> sqlite3.Connection:
        db = open_writer(self._path, SCHEMA + seen.SCHEMA + tally_store.SCHEMA + letters.SCHEMA)
        try:
            add_columns(db)
            row = db.execute("SELECT max(at_us) FROM tick").fetchone()
            self._last_us = max(self._last_us, row[0] or 0)
            self._begin_anew(db)
            self._seen.load(db)
        except sqlite3.Error:
            db.close()  # at a full disk this is tried each second
            raise
        return db

    def _begin_anew(self, db: sqlite3.Connection) -> None:
        """From each start on positions begin at the clock's microseconds.

        A journal that was lost, or restored from a backup, would else give out again what its
        consumers have read already, and they would pass over the new records without a word.
        """
        now_us = self._now_us()
        with writing(db):
            known = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'record'").fetchone()
            if known is None:
                db.execute("INSERT INTO sqlite_sequence VALUES ('record', ?)", (now_us,))
            else:
                db.execute(
                    "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'record'", (now_us,)
                )

    def _run(self) -> None:
        running = True
        while running:
            group: list[_Call] = []
            with contextlib.suppress(queue.Empty):
                first = self._queue.get(timeout=_TICK_EVERY_S)
                while first is not None:
                    group.append(first)
                    if len(group) >= _MAX_GROUP:
                        break
                    first = self._queue.get_nowait()
                running = first is not None
            if group:
                self._commit(group)
            elif running:
                with contextlib.suppress(*_DISK):
                    self._tick()
        if self._db is not None:
            self._db.close()

    def _connection(self) -> sqlite3.Connection:
        """The connection; opened anew after a failure, so that a mended disk needs no restart."""
        if self._db is None:
            self._db = self._open()
        return self._db

    def _fail(self) -> None:
        self._healthy = False
        self._undone()
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
        self._db = None

    def _commit(self, group: list[_Call]) -> None:
        """One transaction for the group; a record that cannot be stored fails alone.

        Whoever gave up waiting (a cancelled future) is left out: from here on nobody can cancel.
        """
        group = [call for call in group if call.done.set_running_or_notify_cancel()]
        if not self._commit_together(group):
            for call in group:
                self._commit_together([call])

    def _commit_together(self, group: list[_Call]) -> bool:
        """False where one of several records is to blame, and nothing was written."""
        results: list[object] = []
        try:
            with writing(self._connection()) as db:
                results = [call.work(db) for call in group]
                self._write_tick(db)
        except _BAD_RECORD as error:
            self._undone()
            if len(group) != 1:
                return False
            group[0].done.set_exception(BadInput(f"the record cannot be stored: {error}"))
            return True
        except _DISK as error:
            self._fail()
            for call in group:
                call.done.set_exception(
                    Unavailable(f"the journal cannot be written: {error}", retry_after_s=2)
                )
            return True
        self._committed()
        for call, result in zip(group, results, strict=True):
            call.done.set_result(result)
        return True

    def _tick(self) -> None:
        try:
            with writing(self._connection()) as db:
                self._write_tick(db)
        except _DISK:
            self._fail()
            raise
        self._committed()

    def _write_tick(self, db: sqlite3.Connection) -> None:
        """The tallies come with it: behind a tick no count changes any more."""
        now_us = self._now_us()
        self._seen.write(db)
        self.tallies.write(db, now_us)
        db.execute("INSERT OR REPLACE INTO tick VALUES (1, ?)", (now_us,))

    def _committed(self) -> None:
        self._healthy = True
        self.tallies.committed()
        self._seen.committed()
        due_s = self._measured_s + _MEASURE_EVERY_S
        due_bytes = self._max_bytes * _MEASURE_EVERY_SHARE
        if self._unmeasured_bytes >= due_bytes or self._clock.monotonic_s() >= due_s:
            with contextlib.suppress(*_DISK):
                self._measure(self._connection())

    def _undone(self) -> None:
        self.tallies.undone()
        self._seen.undone()

    def _measure(self, db: sqlite3.Connection) -> None:
        """How full quota and disk are, for the gate."""
        self._measured_s = self._clock.monotonic_s()
        self._unmeasured_bytes = 0
        free_share = math.inf
        if self._reserve_bytes:
            free_share = free_bytes(self._path.parent) / self._reserve_bytes
        self.gate.measured(trimming.rows_bytes(db) / self._max_bytes, free_share)

    def _now_us(self) -> int:
        """Receive time: the clock, but never backwards, so that position order is time order."""
        self._last_us = max(self._last_us, self._clock.now_us())
        return self._last_us

    def _append_one(self, db: sqlite3.Connection, append: Append) -> Appended:
        now_us = self._now_us()
        keys = [item.key for item in append.items]
        known = self._seen.note(db, keys, append.horizon_us, now_us)
        fresh = [item for i, item in enumerate(append.items) if i not in known]
        duplicates = tuple(sorted(known))
        receipt = uuid7(self._clock)
        position = None
        if fresh:
            body = fresh[0].data if append.whole else _json_array([item.data for item in fresh])
            position = db.execute(
                "INSERT INTO record (stream, source, format, received_us, items, receipt, detail,"
                " body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    append.stream,
                    append.source,
                    append.format,
                    now_us,
                    len(fresh),
                    receipt,
                    json.dumps(dict(append.detail)),
                    body,
                ),
            ).lastrowid
            self._unmeasured_bytes += len(body)
        accepted = len(fresh) * append.holds
        db.execute(
            _INSERT_RECEIPT,
            (
                receipt,
                position,
                append.stream,
                append.source,
                now_us,
                accepted,
                len(duplicates) * append.holds,
                json.dumps([letters.public(one) for one in append.rejected]),
                append.sender or append.source,
                append.rejected_count,
                json.dumps(runs(duplicates)) if duplicates else "[]",
            ),
        )
        letters.note(db, append, receipt, now_us)
        self.tallies.count(append, duplicates, position, now_us)
        return Appended(receipt, position, accepted, duplicates)

    def _trim(self, db: sqlite3.Connection, before_position: int) -> int:
        self._measured_s = -math.inf
        return trimming.trim(db, self._seen, self._now_us(), before_position, self._max_bytes)


_INSERT_RECEIPT = """
INSERT INTO receipt (id, position, stream, source, received_us, accepted, duplicates, rejected,
    sender, rejected_count, known)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def _json_array(parts: list[bytes]) -> bytes:
    return b"[" + b",".join(parts) + b"]"
