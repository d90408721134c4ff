"""Dead letters of the door: rejected items, written in the transaction of their receipt.

What is kept is redacted; of what could not be decoded only length and keyed digest. Bounded by
number and bytes: the oldest go, and are counted. A letter lives no longer than the keys of items
(7 days): so long a replay meets the key of whatever its sender sent in between.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kernel.clock import DAY_US
from kernel.journal.records import Append

MAX_ITEM_BYTES: Final = 16 * 1024
MAX_LETTERS: Final = 100_000
MAX_BYTES: Final = 64 * 1024**2
KEEP_US: Final = 7 * DAY_US
_MAX_TEXT: Final = 1_000
_IN_STEP: Final = 1_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS letter (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, receipt TEXT NOT NULL, item INTEGER NOT NULL,
    received_us INTEGER NOT NULL, stream TEXT NOT NULL, format TEXT NOT NULL,
    sender TEXT NOT NULL, source TEXT NOT NULL, mode TEXT NOT NULL, schema TEXT NOT NULL,
    rule TEXT NOT NULL, path TEXT NOT NULL, reason TEXT NOT NULL, length INTEGER NOT NULL,
    digest TEXT NOT NULL, body BLOB, tries INTEGER NOT NULL, replayed_us INTEGER NOT NULL,
    replayed_as TEXT NOT NULL, UNIQUE (receipt, item)) STRICT;
CREATE INDEX IF NOT EXISTS ix_letter_rule ON letter (rule, seq);
CREATE INDEX IF NOT EXISTS ix_letter_source ON letter (source, seq);
CREATE TABLE IF NOT EXISTS letter_total (
    one INTEGER PRIMARY KEY CHECK (one = 1), letters INTEGER NOT NULL, bytes INTEGER NOT NULL,
    gone INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO letter_total VALUES (1, 0, 0, 0);
"""


@dataclass(frozen=True)
class Kept:
    """What an append says of a rejected item beside index, path, reason and rule.

    `body`: the redacted item as JSON; None where it could not be decoded. `length` and `digest`
    (keyed) are those of what came. `schema`: by which version it was judged. `mode`: how the rules
    of that schema were applied, where there is more than one way.
    """

    schema: str
    source: str = ""
    mode: str = ""
    body: bytes | None = None
    length: int = 0
    digest: str = ""


@dataclass(frozen=True)
class Letter:
    """One dead letter. `replayed_us` is 0 while it waits; `tries` counts replays in vain."""

    receipt: str
    item: int
    received_us: int
    stream: str
    format: str
    sender: str
    source: str
    kept: Kept
    rule: str
    path: str
    reason: str
    tries: int = 0
    replayed_us: int = 0
    replayed_as: str = ""

    @property
    def id(self) -> str:
        """`<receipt>:<item>`."""
        return f"{self.receipt}:{self.item}"


@dataclass(frozen=True)
class LetterTotal:
    """How many letters are kept, how large they are, and how many had to go."""

    letters: int = 0
    bytes: int = 0
    gone: int = 0


@dataclass(frozen=True)
class LetterFilter:
    """Which letters. "" is any; `before`: only below this sequence number, 0 is the newest."""

    rule: str = ""
    source: str = ""
    waiting: bool = False
    before: int = 0
    at_least_us: int = field(default=0)


# -- writing: on the writer's connection, in its transaction ---------------------------------------


def public(rejected: Mapping[str, object]) -> dict[str, object]:
    """What the receipt says of a rejected item: all but what is kept of it."""
    return {name: value for name, value in rejected.items() if name != "kept"}


def note(db: sqlite3.Connection, append: Append, receipt: str, now_us: int) -> None:
    """Keep the rejected items of an append; mark the letter that it replays."""
    if append.replays:
        _mark(db, append.replays, receipt, now_us)
    if not append.rejected:
        return
    rows = [_row(append, receipt, now_us, one) for one in append.rejected]
    db.executemany(
        "INSERT OR IGNORE INTO letter (receipt, item, received_us, stream, format, sender, source,"
        " mode, schema, rule, path, reason, length, digest, body, tries, replayed_us, replayed_as)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, '')",
        rows,
    )
    db.execute(
        "UPDATE letter_total SET letters = letters + ?, bytes = bytes + ?",
        (len(rows), sum(len(row[-1] or b"") + len(row[11]) for row in rows)),
    )
    _bound(db)


def refuse_again(db: sqlite3.Connection, letter_id: str, rule: str, path: str, reason: str) -> bool:
    """A replay was in vain: the letter says the new reason. False where it is not waiting."""
    receipt, _, item = letter_id.rpartition(":")
    before = db.execute(
        "SELECT length(reason) FROM letter WHERE receipt = ? AND item = ? AND replayed_us = 0",
        (receipt, int(item)),
    ).fetchone()
    if before is None:
        return False
    db.execute(
        "UPDATE letter SET rule = ?, path = ?, reason = ?, tries = tries + 1"
        " WHERE receipt = ? AND item = ?",
        (rule, path[:_MAX_TEXT], reason[:_MAX_TEXT], receipt, int(item)),
    )
    change = len(reason[:_MAX_TEXT]) - before[0]
    db.execute("UPDATE letter_total SET bytes = bytes + ?", (change,))
    return True


def trim(db: sqlite3.Connection, now_us: int, limit: int) -> int:
    """Delete letters past their life; gives how many went."""
    old = f"SELECT seq, {_SIZE} FROM letter WHERE received_us < ? ORDER BY seq LIMIT ?"
    return _delete(db, db.execute(old, (now_us - KEEP_US, limit)).fetchall(), counted=False)


def _mark(db: sqlite3.Connection, letter_id: str, receipt: str, now_us: int) -> None:
    """The first replay counts; a repeated one met the keys of the first."""
    of, _, item = letter_id.rpartition(":")
    db.execute(
        "UPDATE letter SET replayed_us = ?, replayed_as = ?"
        " WHERE receipt = ? AND item = ? AND replayed_us = 0",
        (now_us, receipt, of, int(item)),
    )


def _row(
    append: Append, receipt: str, now_us: int, rejected: Mapping[str, object]
) -> tuple[Any, ...]:
    kept = rejected.get("kept")
    if not isinstance(kept, Kept):
        kept = Kept(schema="")
    body = kept.body if kept.body is not None and len(kept.body) <= MAX_ITEM_BYTES else None
    sender = append.detail.get("sender", append.source)
    return (
        receipt,
        int(str(rejected.get("index", 0))),
        now_us,
        append.stream,
        append.format,
        sender,
        kept.source or sender,
        kept.mode,
        kept.schema,
        str(rejected.get("rule") or rejected.get("path", "")),
        str(rejected.get("path", ""))[:_MAX_TEXT],
        str(rejected.get("reason", ""))[:_MAX_TEXT],
        kept.length,
        kept.digest,
        body,
    )


# What a letter counts for: what is kept of the item, and the reason.
_SIZE = "coalesce(length(body), 0) + length(reason)"


def _bound(db: sqlite3.Connection) -> None:
    """Give up the oldest letters until number and bytes are in bounds."""
    while True:
        letters, size = db.execute("SELECT letters, bytes FROM letter_total").fetchone()
        if letters <= MAX_LETTERS and size <= MAX_BYTES:
            return
        oldest = db.execute(f"SELECT seq, {_SIZE} FROM letter ORDER BY seq LIMIT {_IN_STEP}")
        over: list[tuple[int, int]] = []
        for seq, length in oldest.fetchall():
            if letters <= MAX_LETTERS and size <= MAX_BYTES:
                break
            over.append((seq, length))
            letters, size = letters - 1, size - length
        if not _delete(db, over, counted=True):
            return


def _delete(db: sqlite3.Connection, rows: list[tuple[int, int]], *, counted: bool) -> int:
    db.executemany("DELETE FROM letter WHERE seq = ?", [(seq,) for seq, _ in rows])
    db.execute(
        "UPDATE letter_total SET letters = letters - ?, bytes = bytes - ?, gone = gone + ?",
        (len(rows), sum(size for _, size in rows), len(rows) if counted else 0),
    )
    return len(rows)


# -- reading -------------------------------------------------------------------------------------

_COLUMNS = (
    "seq, receipt, item, received_us, stream, format, sender, source, mode, schema, rule, path,"
    " reason, length, digest, body, tries, replayed_us, replayed_as"
)


def read(db: sqlite3.Connection, wanted: LetterFilter, limit: int) -> list[tuple[int, Letter]]:
    """Letters with their sequence numbers, newest first."""
    conditions = {
        "rule = ?": wanted.rule,
        "source = ?": wanted.source,
        "seq < ?": wanted.before,
        "received_us >= ?": wanted.at_least_us,
    }
    given = {text: value for text, value in conditions.items() if value}
    texts = [*given, *(["replayed_us = 0"] if wanted.waiting else [])]
    where = f" WHERE {' AND '.join(texts)}" if texts else ""
    query = f"SELECT {_COLUMNS} FROM letter{where} ORDER BY seq DESC LIMIT ?"
    return [(row[0], _letter(row)) for row in db.execute(query, (*given.values(), limit))]


def find(db: sqlite3.Connection, receipt: str, item: int) -> Letter | None:
    """One letter."""
    query = f"SELECT {_COLUMNS} FROM letter WHERE receipt = ? AND item = ?"
    row = db.execute(query, (receipt, item)).fetchone()
    return _letter(row) if row else None


def replayed_of(db: sqlite3.Connection, receipt: str) -> dict[int, str]:
    """Which rejected items of a receipt were replayed since, and under which receipt."""
    query = "SELECT item, replayed_as FROM letter WHERE receipt = ? AND replayed_us > 0"
    return dict(db.execute(query, (receipt,)).fetchall())


def total(db: sqlite3.Connection) -> LetterTotal:
    """What is kept in all."""
    row = db.execute("SELECT letters, bytes, gone FROM letter_total").fetchone()
    return LetterTotal(*row)


def _letter(row: tuple[Any, ...]) -> Letter:
    _, receipt, item, received_us, stream, format_, sender, source, mode, schema = row[:10]
    rule, path, reason, length, digest, body, tries, replayed_us, replayed_as = row[10:]
    return Letter(
        receipt=receipt,
        item=item,
        received_us=received_us,
        stream=stream,
        format=format_,
        sender=sender,
        source=source,
        kept=Kept(schema, source, mode, body, length, digest),
        rule=rule,
        path=path,
        reason=reason,
        tries=tries,
        replayed_us=replayed_us,
        replayed_as=replayed_as,
    )
