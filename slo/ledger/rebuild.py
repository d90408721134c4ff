"""Giving a new objective, or a new generation of one, its past: replay of the journal still kept.

The replay runs into a file beside the ledger, for the missing objectives alone, exactly up to the
ledger's cursors. Units whose messages have left the journal are counted from what the ledger keeps
of them: else a later revision would take back what was never added. Then the rows are taken over
in one transaction. All other objectives keep their whole history. A crash on the way leaves the
ledger as it was.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

from kernel.clock import HOUR_US
from kernel.journal import Stream
from kernel.sqlite import writing
from slo.ledger.late import TAKEN_OVER
from slo.ledger.levels import FINE_US
from slo.ledger.retention import UNITS_US
from slo.ledger.schema import REBUILD_SUFFIX
from slo.ledger.streams import InStep
from slo.ledger.unit import decode_unit
from slo.ledger.writer import LedgerWriter
from slo.objective import Objective

_RECORDS: Final = 500
_COUNTS: Final = "good, bad, excluded, good_minor, bad_minor, alert_total, alert_bad, alert_keyless"
_JOINED: Final = (
    " JOIN side.objective so ON so.no = r.objective_no"
    " JOIN main.objective o ON o.id = so.id AND o.generation = so.generation"
    " JOIN side.segment ss ON ss.id = r.segment_id JOIN main.segment s ON s.key = ss.key"
)
# In the order in which units were last heard of: those of one hour lie together.
_NOT_REPLAYED: Final = (
    "SELECT u.rowid, u.touched_hour, u.events FROM main.unit u"
    " LEFT JOIN side.unit s ON s.kind = u.kind AND s.key = u.key"
    " WHERE u.rowid > ? AND u.touched_hour > ? AND s.events IS NOT u.events"
    " ORDER BY u.rowid LIMIT ?"
)
_TAKE_OVER: Final = (
    (
        "INSERT OR IGNORE INTO main.objective (id, generation)"
        " SELECT id, generation FROM side.objective"
    ),
    "INSERT OR IGNORE INTO main.segment (key) SELECT key FROM side.segment",
    (
        "CREATE TEMP TABLE new_group AS SELECT key FROM side.pulse_group"
        " EXCEPT SELECT g.key FROM main.pulse_group g WHERE NOT EXISTS"
        " (SELECT 1 FROM main.mark WHERE name = 'idle:' || g.no)"
    ),
    "INSERT OR IGNORE INTO main.pulse_group (key) SELECT key FROM new_group",
    (
        f"INSERT INTO main.cell SELECT o.no, level_us, slice_us, s.id, currency, {_COUNTS}"
        f" FROM side.cell r {_JOINED} WHERE level_us <> {FINE_US} OR slice_us >="
        " (SELECT coalesce(max(value), 0) FROM main.mark WHERE name = 'fine_from_us')"
    ),
    (
        "INSERT INTO main.revision SELECT o.no, level_us, slice_us, known_us, s.id, currency,"
        f" {_COUNTS}"
        f" FROM side.revision r {_JOINED}"
    ),
    (
        "INSERT INTO main.bad SELECT o.no, alert_key, at_us, unit_key, s.id, currency,"
        f" amount_minor, checkout_id, counted, touched_hour FROM side.bad r {_JOINED}"
    ),
    "INSERT OR IGNORE INTO main.unit SELECT * FROM side.unit WHERE kind = 'item'",
    # Groups that the other objectives have are counted already, from before the journal begins.
    # One that nobody had for a while keeps what it counted, and has the hole since then filled.
    (
        "INSERT INTO main.pulse SELECT g.no, p.source, p.level_us, p.slice_us, p.begun"
        " FROM side.pulse p JOIN side.pulse_group sg ON sg.no = p.group_no"
        " JOIN main.pulse_group g ON g.key = sg.key WHERE g.key IN (SELECT key FROM new_group)"
        " ON CONFLICT DO UPDATE SET begun = max(begun, excluded.begun)"
    ),
    # A number may be one that another objective had: nobody goes by what is remembered of it.
    (
        f"INSERT INTO main.mark VALUES ('{TAKEN_OVER}', 1)"
        " ON CONFLICT DO UPDATE SET value = value + 1"
    ),
)


def rebuild(
    writer: LedgerWriter, journals: Mapping[Stream, Path], objectives: Sequence[Objective]
) -> int:
    """Count the past of these of `writer.missing`; gives the number of events replayed."""
    side_path = _side_of(writer)
    _remove(side_path)
    side = writer.beside(side_path, objectives)
    try:
        until = {stream: writer.cursor(stream) for stream in journals}
        events = _replay(side, journals, until)
        events += _recall(side, writer.connection())
        side.rise_to(writer.marks)
    finally:
        side.close()
    _take_over(writer.connection(), side_path)
    writer.reload()
    _remove(side_path)
    return events


def forget_rebuild(writer: LedgerWriter) -> None:
    """Remove what a rebuild left behind that was broken off: it is begun anew, or not at all."""
    _remove(_side_of(writer))


def is_numbered(writer: LedgerWriter, objectives: Sequence[Objective]) -> bool:
    """True where the file holds the past of any of them already."""
    rows = set(writer.connection().execute("SELECT id, generation FROM objective"))
    return any((one.id, one.generation) in rows for one in objectives)


def _side_of(writer: LedgerWriter) -> Path:
    return writer.path.with_name(writer.path.name + REBUILD_SUFFIX)


def _replay(
    side: LedgerWriter, journals: Mapping[Stream, Path], until: Mapping[Stream, int]
) -> int:
    streams = InStep(journals)
    events = 0
    try:
        while True:
            batch = streams.read({stream: side.cursor(stream) for stream in journals}, until)
            if not batch.records:
                return events
            for stream, records in batch.records.items():
                events += side.apply(stream, records)
    finally:
        streams.close()


def _recall(side: LedgerWriter, db: sqlite3.Connection) -> int:
    """Count the kept units that the replay did not find whole."""
    events, last = 0, 0
    newest_hour = db.execute("SELECT coalesce(max(touched_hour), 0) FROM unit").fetchone()[0]
    # Older ones are about to go, and the replay may have counted and dropped them.
    from_hour = newest_hour - UNITS_US // HOUR_US
    db.execute("ATTACH DATABASE ? AS side", (str(side.path),))
    try:
        while rows := db.execute(_NOT_REPLAYED, (last, from_hour, _RECORDS)).fetchall():
            for hour, group in groupby(rows, key=itemgetter(1)):
                told = [event for *_, blob in group for event in decode_unit(blob)]
                side.recall(told, hour * HOUR_US)
                events += len(told)
            last = rows[-1][0]
    finally:
        db.execute("DETACH DATABASE side")
    return events


def _take_over(db: sqlite3.Connection, side_path: Path) -> None:
    db.execute("ATTACH DATABASE ? AS side", (str(side_path),))
    try:
        with writing(db):
            for statement in _TAKE_OVER:
                db.execute(statement)
            db.execute("DROP TABLE temp.new_group")
    finally:
        db.execute("DETACH DATABASE side")


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
