"""Tables of `ledger.db`. Everything in it can be made again from the journal.

`unit` has row ids on purpose: its keys are random and its rows are large, so that rows in the order
of their keys would dirty a page each. A unit that is touched in another hour gets a new row id, so
they lie in the order of `touched_hour`: the lowest ids are those not heard of for longest.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from kernel.sqlite import copy_file, open_writer, writing

# Raise it with every change of these tables or of the counting code: the file is then made anew.
VERSION = 4
SNAPSHOT_SUFFIX = ".snapshot"
REBUILD_SUFFIX = ".rebuild"

# Pages of 4 KiB, so 32 MiB: a backfill touches the same pages again and again, and what is written
# back less often is written back once.
_CHECKPOINT_PAGES = 8_000
_COUNTS = """good INTEGER NOT NULL, bad INTEGER NOT NULL, excluded INTEGER NOT NULL,
    good_minor INTEGER NOT NULL, bad_minor INTEGER NOT NULL, alert_total INTEGER NOT NULL,
    alert_bad INTEGER NOT NULL, alert_keyless INTEGER NOT NULL"""

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS cursor (
    stream TEXT PRIMARY KEY, position INTEGER NOT NULL, watermark_us INTEGER NOT NULL)
    WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS mark (
    name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS objective (
    no INTEGER PRIMARY KEY, id TEXT NOT NULL, generation TEXT NOT NULL, UNIQUE (id, generation))
    STRICT;
CREATE TABLE IF NOT EXISTS segment (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS cell (
    objective_no INTEGER NOT NULL, level_us INTEGER NOT NULL, slice_us INTEGER NOT NULL,
    segment_id INTEGER NOT NULL, currency TEXT NOT NULL, {_COUNTS},
    PRIMARY KEY (objective_no, level_us, slice_us, segment_id, currency)) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS revision (
    objective_no INTEGER NOT NULL, level_us INTEGER NOT NULL, slice_us INTEGER NOT NULL,
    known_us INTEGER NOT NULL, segment_id INTEGER NOT NULL, currency TEXT NOT NULL, {_COUNTS},
    PRIMARY KEY (objective_no, level_us, slice_us, known_us, segment_id, currency))
    WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS unit (
    kind TEXT NOT NULL, key TEXT NOT NULL, status TEXT NOT NULL, at_us INTEGER NOT NULL,
    touched_hour INTEGER NOT NULL, method TEXT NOT NULL, source TEXT NOT NULL,
    checkout_id TEXT NOT NULL, events BLOB NOT NULL, PRIMARY KEY (kind, key)) STRICT;
CREATE INDEX IF NOT EXISTS ix_unit_open ON unit (kind, method, at_us)
    WHERE status IN ('pending', 'authorized');
CREATE INDEX IF NOT EXISTS ix_unit_paid ON unit (checkout_id, at_us)
    WHERE kind = 'payment' AND status = 'succeeded' AND checkout_id <> '';
CREATE TABLE IF NOT EXISTS bad (
    objective_no INTEGER NOT NULL, alert_key TEXT NOT NULL, at_us INTEGER NOT NULL,
    unit_key TEXT NOT NULL, segment_id INTEGER NOT NULL, currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL, checkout_id TEXT NOT NULL, counted INTEGER NOT NULL,
    touched_hour INTEGER NOT NULL, PRIMARY KEY (objective_no, alert_key, at_us, unit_key))
    WITHOUT ROWID, STRICT;
CREATE INDEX IF NOT EXISTS ix_bad_at ON bad (objective_no, at_us);
CREATE INDEX IF NOT EXISTS ix_bad_counted ON bad (objective_no, alert_key, at_us)
    WHERE counted = 1;
CREATE INDEX IF NOT EXISTS ix_bad_touched ON bad (touched_hour);
CREATE TABLE IF NOT EXISTS pulse_group (
    no INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS pulse (
    group_no INTEGER NOT NULL, source TEXT NOT NULL, level_us INTEGER NOT NULL,
    slice_us INTEGER NOT NULL, begun INTEGER NOT NULL,
    PRIMARY KEY (group_no, level_us, slice_us, source)) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS presence (
    source TEXT NOT NULL, minute_us INTEGER NOT NULL, PRIMARY KEY (source, minute_us))
    WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS heard (
    source TEXT PRIMARY KEY, first_event_us INTEGER NOT NULL, last_event_us INTEGER NOT NULL,
    last_received_us INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS volume (
    source TEXT NOT NULL, hour_us INTEGER NOT NULL, units INTEGER NOT NULL,
    PRIMARY KEY (source, hour_us)) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS skipped (
    stream TEXT NOT NULL, position INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (stream, position)) WITHOUT ROWID, STRICT;
"""


def version_of(path: Path) -> int | None:
    """The make of a ledger file; None where it is absent, empty or not readable."""
    try:
        if not path.stat().st_size:
            return None
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    except (OSError, sqlite3.OperationalError):
        return None
    try:
        return int(db.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError:
        return None
    finally:
        db.close()


def restore_if_lost(path: Path) -> bool:
    """Put the copy in the place of a ledger that is not there or cannot be read; True where it was.

    A broken file is kept under another name. Without a copy the ledger begins anew.
    """
    if version_of(path) is not None:
        return False
    for suffix in ("", "-wal", "-shm"):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.replace(path.with_name(f"{path.name}.broken{suffix}"))
    copy = path.with_name(path.name + SNAPSHOT_SUFFIX)
    if version_of(copy) != VERSION:
        return False
    new = path.with_name(path.name + ".restored")
    copy_file(copy, new)
    new.replace(path)
    return True


def open_ledger(path: Path) -> sqlite3.Connection:
    """The ledger for writing; a lost one comes back from its copy. One of an older make is emptied
    in place: readers keep their handle.

    `synchronous = NORMAL`: after a power cut the newest transactions may be gone, with their
    cursor, so they are applied again from the journal.
    """
    restore_if_lost(path)
    db = open_writer(path, "", synchronous="NORMAL")
    db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version == VERSION:
        return db
    with writing(db):
        tables = db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        for (name,) in tables:
            db.execute(f'DROP TABLE "{name}"')
        for statement in SCHEMA.split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")
    return db
