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
from kernel.journal.records import SCHEMA, Append, Appended
from kernel.sqlite import open_writer, writing

_MAX_GROUP = 512
_TICK_EVERY_S = 1.0
_MAX_QUEUED = 20_000
_KEEP_RECEIPTS_US = 8 * DAY_US
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
        """Delete records below the position, and keys and receipts past their horizon."""
        future: Future[int] = Future()
        call = _Call(lambda db: self._trim(db, before_position), future)  # type: ignore[arg-type]
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
        db = open_writer(self._path, SCHEMA)
        row = db.execute("SELECT max(at_us) FROM tick").fetchone()
        self._last_us = max(self._last_us, row[0] or 0)
        return db

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
                with contextlib.suppress(sqlite3.Error):
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
        except sqlite3.Error as error:
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
        except sqlite3.Error:
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
                json.dumps([dict(one) for one in append.rejected]),
            ),
        )
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
        db.execute("DELETE FROM seen WHERE until_us < ?", (now_us,))
        db.execute("DELETE FROM receipt WHERE received_us < ?", (now_us - _KEEP_RECEIPTS_US,))
        too_old_us = now_us - 7 * DAY_US
        deleted = db.execute(
            "DELETE FROM record WHERE position < ? AND received_us < ?",
            (before_position, too_old_us),
        ).rowcount
        page_size, pages = (db.execute(f"PRAGMA {p}").fetchone()[0] for p in _SIZE_PRAGMAS)
        free = db.execute("PRAGMA freelist_count").fetchone()[0]
        over = (pages - free) * page_size - self._max_bytes
        if over > 0:
            share = min(1.0, over / max(1, (pages - free) * page_size))
            low = db.execute("SELECT min(position), max(position) FROM record").fetchone()
            if low[0] is not None:
                cut = min(before_position, low[0] + round((low[1] - low[0]) * share) + 1)
                deleted += db.execute("DELETE FROM record WHERE position < ?", (cut,)).rowcount
        return deleted


_SIZE_PRAGMAS = ("page_size", "page_count")


def _json_array(parts: list[bytes]) -> bytes:
    return b"[" + b",".join(parts) + b"]"
