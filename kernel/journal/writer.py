"""The journal's one writer thread: group commit, declared-key dedup, receipts, ticks, trimming."""

from __future__ import annotations

import contextlib
import json
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from kernel.clock import DAY_US, Clock
from kernel.errors import BadInput, Unavailable
from kernel.ids import uuid7
from kernel.journal import letters
from kernel.journal.records import SCHEMA, Append, Appended
from kernel.sqlite import open_writer, writing

_MAX_GROUP = 512
_TICK_EVERY_S = 1.0
_MAX_QUEUED = 20_000
_KEEP_RECORDS_US = 7 * DAY_US
_KEEP_RECEIPTS_US = 8 * DAY_US
# Appends wait while rows are deleted, so one step of trimming is small.
_MAX_TRIMMED = 2_000
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

    def __init__(self, path: Path, clock: Clock, *, max_bytes: int = 8 * 1024**3) -> None:
        self._path = path
        self._clock = clock
        self._max_bytes = max_bytes
        self._queue: queue.Queue[_Call | None] = queue.Queue(maxsize=_MAX_QUEUED)
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
        return self._queue.qsize()

    def append(self, append: Append) -> Future[Appended]:
        """Queue one record. The future holds Unavailable where it could not be made durable."""
        future: Future[Appended] = Future()
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
            try:
                self._queue.put_nowait(call)
            except queue.Full:
                full = Unavailable(f"{_MAX_QUEUED} appends are already waiting for the disk")
                call.done.set_exception(full)

    def _open(self) -> sqlite3.Connection:
        db = open_writer(self._path, SCHEMA + letters.SCHEMA)
        try:
            row = db.execute("SELECT max(at_us) FROM tick").fetchone()
            self._last_us = max(self._last_us, row[0] or 0)
            self._begin_anew(db)
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
        self._healthy = True
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
        self._healthy = True

    def _write_tick(self, db: sqlite3.Connection) -> None:
        db.execute("INSERT OR REPLACE INTO tick VALUES (1, ?)", (self._now_us(),))

    def _now_us(self) -> int:
        """Receive time: the clock, but never backwards, so that position order is time order."""
        self._last_us = max(self._last_us, self._clock.now_us())
        return self._last_us

    def _append_one(self, db: sqlite3.Connection, append: Append) -> Appended:
        now_us = self._now_us()
        duplicates = self._duplicates(db, append, now_us)
        fresh = [item for i, item in enumerate(append.items) if i not in duplicates]
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
        db.execute(
            "INSERT INTO receipt VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                receipt,
                position,
                append.stream,
                append.source,
                now_us,
                len(fresh),
                len(duplicates),
                json.dumps([letters.public(one) for one in append.rejected]),
            ),
        )
        letters.note(db, append, receipt, now_us)
        return Appended(receipt, position, len(fresh), tuple(sorted(duplicates)))

    @staticmethod
    def _duplicates(db: sqlite3.Connection, append: Append, now_us: int) -> set[int]:
        found: set[int] = set()
        until_us = now_us + append.horizon_us
        for index, item in enumerate(append.items):
            if item.key is None:
                continue
            new = db.execute(
                "INSERT INTO seen VALUES (?, ?) ON CONFLICT (key) DO UPDATE"
                " SET until_us = excluded.until_us WHERE seen.until_us < ?",
                (item.key, until_us, now_us),
            ).rowcount
            if not new:
                found.add(index)
        return found

    def _trim(self, db: sqlite3.Connection, before_position: int) -> int:
        now_us = self._now_us()
        gone = db.execute(
            "DELETE FROM seen WHERE key IN (SELECT key FROM seen WHERE until_us < ? LIMIT ?)",
            (now_us, _MAX_TRIMMED),
        ).rowcount
        gone += db.execute(
            "DELETE FROM receipt WHERE id IN"
            " (SELECT id FROM receipt WHERE received_us < ? LIMIT ?)",
            (now_us - _KEEP_RECEIPTS_US, _MAX_TRIMMED),
        ).rowcount
        # Receive times never fall as positions grow: the oldest records come first.
        gone += db.execute(
            "DELETE FROM record WHERE received_us < ? AND position IN"
            " (SELECT position FROM record WHERE position < ? ORDER BY position LIMIT ?)",
            (now_us - _KEEP_RECORDS_US, before_position, _MAX_TRIMMED),
        ).rowcount
        gone += letters.trim(db, now_us, _MAX_TRIMMED)
        return gone + self._trim_to_size(db, before_position)

    def _trim_to_size(self, db: sqlite3.Connection, before_position: int) -> int:
        """Give up oldest records until the rows (not the free pages) take `max_bytes`."""
        size, pages, free = (db.execute(f"PRAGMA {one}").fetchone()[0] for one in _SIZE_PRAGMAS)
        over = (pages - free) * size - self._max_bytes
        last = 0
        for position, length in db.execute(
            "SELECT position, length(body) FROM record WHERE position < ?"
            " ORDER BY position LIMIT ?",
            (before_position, _MAX_TRIMMED),
        ):
            if over <= 0:
                break
            last, over = position, over - length
        return db.execute("DELETE FROM record WHERE position <= ?", (last,)).rowcount


_SIZE_PRAGMAS = ("page_size", "page_count", "freelist_count")


def _json_array(parts: list[bytes]) -> bytes:
    return b"[" + b",".join(parts) + b"]"
