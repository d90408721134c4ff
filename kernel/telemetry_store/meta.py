"""What the telemetry store knows beside its rows, in `meta.db`: cursors, dead letters, and counts
of what was left out. All of one step is written in one transaction with its cursor, so that a
repeated step counts nothing twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Final

META_SCHEMA = """
CREATE TABLE IF NOT EXISTS progress (
    name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS skipped (
    kind TEXT PRIMARY KEY, rows INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS deadletter (
    position INTEGER NOT NULL, item INTEGER NOT NULL, at_us INTEGER NOT NULL,
    stream TEXT NOT NULL, source TEXT NOT NULL, format TEXT NOT NULL, rule TEXT NOT NULL,
    reason TEXT NOT NULL, length INTEGER NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (position, item)) STRICT;
CREATE TABLE IF NOT EXISTS replayed (
    position INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, receipt TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS label_drop (
    source TEXT NOT NULL, name TEXT NOT NULL, amount INTEGER NOT NULL, last_us INTEGER NOT NULL,
    PRIMARY KEY (source, name)) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS shed (
    source TEXT NOT NULL, class TEXT NOT NULL, items INTEGER NOT NULL, last_us INTEGER NOT NULL,
    PRIMARY KEY (source, class)) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS shed_stretch (
    after_position INTEGER PRIMARY KEY, to_position INTEGER NOT NULL, level INTEGER NOT NULL,
    from_us INTEGER NOT NULL, to_us INTEGER NOT NULL) STRICT;
"""
# What is counted of names and sources beyond the bounds: the sums stay exact.
OTHER: Final = "__other__"
MAX_DEADLETTERS: Final = 100_000
_MAX_STRETCHES: Final = 10_000
_MAX_NAMES_OF_SOURCE: Final = 1_000
_MAX_SOURCES: Final = 1_000
_MAX_INT64: Final = (1 << 63) - 1
_WAITING: Final = "position NOT IN (SELECT position FROM replayed)"

# (source, name) -> how many.
Counts = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class DeadLetter:
    """A record (item -1) or an item of it that could not be projected, and by which rule."""

    position: int
    item: int
    at_us: int
    stream: str
    source: str
    format: str
    rule: str
    reason: str
    length: int
    digest: str


@dataclass(frozen=True)
class LettersWanted:
    """Which dead letters: "" is any; `before`: below this position; `waiting`: not replayed."""

    rule: str = ""
    source: str = ""
    before: int | None = None
    waiting: bool = False


@dataclass(frozen=True)
class Stretch:
    """Positions (after, to] that were projected while some of their items were shed."""

    after: int
    to: int
    level: int


@dataclass(frozen=True)
class Notes:
    """What a step says beside its rows.

    `replayed`: positions whose dead letter is put right, with the receipt of the replay. `dropped`:
    attribute values that became `__other__`, by source and name. `shed`: items left out, by source
    and class.
    """

    at_us: int = 0
    deadletters: Sequence[DeadLetter] = ()
    replayed: Mapping[int, str] = field(default_factory=dict)
    dropped: Counts = field(default_factory=dict)
    shed: Counts = field(default_factory=dict)
    stretch: Stretch | None = None


@dataclass(frozen=True)
class LeftOut:
    """How many items or values of a source, under a class or name; `last_us`: the newest."""

    source: str
    name: str
    amount: int
    last_us: int


@dataclass(frozen=True)
class Shedding:
    """The newest stretch of shedding: its level and when it began and was last seen."""

    level: int
    from_us: int
    to_us: int


# -- writing ---------------------------------------------------------------------------------------


def write(
    db: sqlite3.Connection, consumer: str, cursor: int, notes: Notes, skipped: Mapping[str, int]
) -> None:
    """All of a step, inside of the caller's transaction; the cursor last."""
    for kind, count in skipped.items():
        db.execute(
            "INSERT INTO skipped VALUES (?, ?) ON CONFLICT (kind) DO UPDATE"
            " SET rows = rows + excluded.rows",
            (kind, count),
        )
    _write_letters(db, notes)
    _add(db, "label_drop", ("name", "amount"), notes.dropped, notes.at_us)
    _add(db, "shed", ("class", "items"), notes.shed, notes.at_us)
    if notes.stretch is not None:
        _write_stretch(db, notes.stretch, notes.at_us)
    db.execute(
        "INSERT INTO progress VALUES (?, ?) ON CONFLICT (name) DO UPDATE"
        " SET position = max(position, excluded.position)",
        (consumer, cursor),
    )


def _write_letters(db: sqlite3.Connection, notes: Notes) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO replayed VALUES (?, ?, ?)",
        [(position, notes.at_us, receipt) for position, receipt in notes.replayed.items()],
    )
    if not notes.deadletters:
        return
    db.executemany(
        "INSERT OR IGNORE INTO deadletter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [astuple(letter) for letter in notes.deadletters],
    )
    db.execute(
        "DELETE FROM deadletter WHERE rowid <="
        f" (SELECT max(rowid) FROM deadletter) - {MAX_DEADLETTERS}"
    )


def _add(
    db: sqlite3.Connection, table: str, columns: tuple[str, str], counts: Counts, at_us: int
) -> None:
    """Add counts; a new name or source beyond the bounds is counted under `__other__`."""
    name_column, amount_column = columns
    for (source, name), amount in counts.items():
        place = _place(db, table, name_column, (source, name))
        db.execute(
            f"INSERT INTO {table} VALUES (?, ?, ?, ?) ON CONFLICT (source, {name_column})"
            f" DO UPDATE SET {amount_column} = {amount_column} + excluded.{amount_column},"
            " last_us = excluded.last_us",
            (*place, amount, at_us),
        )


def _place(
    db: sqlite3.Connection, table: str, name_column: str, key: tuple[str, str]
) -> tuple[str, str]:
    source, _ = key
    known = f"SELECT 1 FROM {table} WHERE source = ? AND {name_column} = ?"
    if db.execute(known, key).fetchone():
        return key
    names = f"SELECT count(*) FROM {table} WHERE source = ?"
    count = db.execute(names, (source,)).fetchone()[0]
    if count >= _MAX_NAMES_OF_SOURCE:
        return source, OTHER
    sources = f"SELECT count(*) FROM (SELECT DISTINCT source FROM {table})"
    if not count and db.execute(sources).fetchone()[0] >= _MAX_SOURCES:
        return OTHER, OTHER
    return key


def _write_stretch(db: sqlite3.Connection, stretch: Stretch, at_us: int) -> None:
    longer = db.execute(
        "UPDATE shed_stretch SET to_position = ?, to_us = ? WHERE to_position = ? AND level = ?",
        (stretch.to, at_us, stretch.after, stretch.level),
    )
    if longer.rowcount:
        return
    db.execute(
        "INSERT OR REPLACE INTO shed_stretch VALUES (?, ?, ?, ?, ?)",
        (stretch.after, stretch.to, stretch.level, at_us, at_us),
    )
    db.execute(
        "DELETE FROM shed_stretch WHERE after_position IN (SELECT after_position FROM shed_stretch"
        " ORDER BY after_position DESC LIMIT -1 OFFSET ?)",
        (_MAX_STRETCHES,),
    )


# -- reading ---------------------------------------------------------------------------------------


def position(db: sqlite3.Connection, consumer: str) -> int:
    """The cursor of a consumer; 0 at the beginning."""
    row = db.execute("SELECT position FROM progress WHERE name = ?", (consumer,)).fetchone()
    return int(row[0]) if row else 0


def skipped(db: sqlite3.Connection) -> dict[str, int]:
    """Rows without a place by kind."""
    return dict(db.execute("SELECT kind, rows FROM skipped").fetchall())


def deadletters(db: sqlite3.Connection, wanted: LettersWanted, limit: int) -> list[DeadLetter]:
    """Newest first."""
    conditions = {
        "position < ?": _MAX_INT64 if wanted.before is None else wanted.before,
        "rule = ?": wanted.rule,
        "source = ?": wanted.source,
    }
    given = {text: value for text, value in conditions.items() if value != ""}
    texts = [*given, *([_WAITING] if wanted.waiting else [])]
    rows = db.execute(
        f"SELECT * FROM deadletter WHERE {' AND '.join(texts)}"
        " ORDER BY position DESC, item LIMIT ?",
        (*given.values(), limit),
    )
    return [DeadLetter(*row) for row in rows]


def deadletters_of(db: sqlite3.Connection, of_position: int) -> list[DeadLetter]:
    """The dead letters of one record."""
    rows = db.execute("SELECT * FROM deadletter WHERE position = ?", (of_position,))
    return [DeadLetter(*row) for row in rows]


def replayed(db: sqlite3.Connection, positions: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Of these positions those that were put right: when, and under which receipt."""
    marks = ",".join("?" * len(positions))
    rows = db.execute(f"SELECT * FROM replayed WHERE position IN ({marks})", tuple(positions))
    return {position_: (at_us, receipt) for position_, at_us, receipt in rows}


def left_out(db: sqlite3.Connection, table: str, limit: int) -> list[LeftOut]:
    """The largest counts of `label_drop` or `shed`."""
    rows = db.execute(f"SELECT * FROM {table} ORDER BY 3 DESC, 1, 2 LIMIT ?", (limit,))
    return [LeftOut(*row) for row in rows]


def dropped_by_source(db: sqlite3.Connection, limit: int) -> list[LeftOut]:
    """Dropped values of each source, the largest sums first."""
    rows = db.execute(
        "SELECT source, '', sum(amount), max(last_us) FROM label_drop GROUP BY source"
        " ORDER BY 3 DESC, 1 LIMIT ?",
        (limit,),
    )
    return [LeftOut(*row) for row in rows]


def shed_level(db: sqlite3.Connection, at_position: int) -> int:
    """The level of shedding at which a record was projected; 0 for none."""
    row = db.execute(
        "SELECT level FROM shed_stretch WHERE after_position < ? AND to_position >= ?"
        " ORDER BY after_position DESC LIMIT 1",
        (at_position, at_position),
    ).fetchone()
    return int(row[0]) if row else 0


def shedding(db: sqlite3.Connection) -> Shedding | None:
    """The newest stretch of shedding; None where nothing was ever shed."""
    row = db.execute(
        "SELECT level, from_us, to_us FROM shed_stretch ORDER BY after_position DESC LIMIT 1"
    ).fetchone()
    return Shedding(*row) if row else None
