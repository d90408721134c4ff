"""Asking the ledger: every number is an exact sum over event time.

Windows are [from_us, to_us). Borders are snapped down to 5 s, and to the minute where 5 s slices
are no longer kept (older than 2 h), each border alone: neighbouring windows stay additive. Before
the ledger's file exists every answer is empty and the watermark is 0.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from kernel.errors import BadInput
from kernel.journal import Stream
from kernel.shop_event import ShopEvent
from kernel.sqlite import open_reader, snapshot
from slo.ledger.contribution import awaits
from slo.ledger.coverage import covered
from slo.ledger.levels import cut, floor_us, level_for, snap
from slo.ledger.losses import RESCUE_US, BadUnit, lost
from slo.ledger.schema import VERSION
from slo.ledger.sums import FineCell, MoneySums, SegmentKey, Sums, total_of
from slo.ledger.unit import decode_unit, fold
from slo.objective import Objective, UnitKind

_SUMMED = (
    "sum(good), sum(bad), sum(excluded), sum(alert_total), sum(alert_bad), sum(alert_keyless),"
    " sum(good_minor), sum(bad_minor)"
)
_MAX_POINTS = 20_000
_DEFAULT_SOURCE_SHARE = Fraction(1, 100)


class LedgerReader:
    """Reads one ledger file. May be shared: each thread gets a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._numbers: dict[tuple[str, str], int] = {}
        self._segments: dict[int, SegmentKey] = {}

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """All questions inside see the same state of the ledger. May be nested."""
        db = self._connection()
        if db is None or db.in_transaction:
            yield
            return
        # Objectives share sources and windows: what was covered is asked once in one state.
        self._local.covered = {}
        try:
            with snapshot(db):
                yield
        finally:
            self._local.covered = None

    def sums(self, objective: Objective, from_us: int, to_us: int) -> Sums:
        """Everything of the window, all segments together."""
        return total_of(self.segment_sums(objective, from_us, to_us).values())

    def segment_sums(
        self, objective: Objective, from_us: int, to_us: int
    ) -> dict[SegmentKey, Sums]:
        """The window by segment; the parts add up to `sums` exactly."""
        found: dict[SegmentKey, Sums] = {}
        with self.at_once():
            number = self._number(objective)
            for span in cut(from_us, to_us, self._mark("fine_from_us")):
                rows = self._rows(
                    f"SELECT segment_id, currency, {_SUMMED} FROM cell WHERE objective_no = ? AND"
                    " level_us = ? AND slice_us >= ? AND slice_us < ? GROUP BY 1, 2",
                    (number, *span),
                )
                for segment_id, currency, *counts in rows:
                    key = self._segment(segment_id)
                    found[key] = found.get(key, Sums()) + _sums(currency, counts)
        return found

    def fine(
        self, objective: Objective, from_us: int, to_us: int
    ) -> dict[SegmentKey, list[FineCell]]:
        """Alert counts by segment at 5 s slices, oldest first, empty slices left out.

        Only the newest 2 h have them; older slices are silently absent.
        """
        found: dict[SegmentKey, list[FineCell]] = {}
        with self.at_once():
            rows = self._rows(
                "SELECT segment_id, slice_us, sum(alert_total), sum(alert_bad), sum(alert_keyless)"
                " FROM cell WHERE objective_no = ? AND level_us = ? AND slice_us >= ? AND"
                " slice_us < ? GROUP BY 1, 2 HAVING sum(alert_total) > 0 ORDER BY 1, 2",
                (self._number(objective), 5 * SECOND_US, from_us, to_us),
            )
            for segment_id, slice_us, total, bad, keyless in rows:
                cell = FineCell(slice_us, total, bad, keyless)
                found.setdefault(self._segment(segment_id), []).append(cell)
        return found

    def series(
        self, objective: Objective, from_us: int, to_us: int, step_us: int
    ) -> list[tuple[int, Sums]]:
        """Buckets of `step_us` from `from_us` on, empty ones too.

        Raises BadInput where the step is not made of whole slices that are still kept, or where
        more than 20,000 buckets are asked for.
        """
        level_us = level_for(from_us, step_us) if step_us > 0 else 0
        if not level_us or (to_us - from_us) > _MAX_POINTS * step_us:
            raise BadInput(
                f"a series of {step_us} us steps cannot be cut from this window",
                hint="begin on a step's border; at least 5 s steps, at most 20,000 of them",
            )
        points = {at_us: Sums() for at_us in range(from_us, to_us, step_us)}
        with self.at_once():
            if level_us < MINUTE_US and from_us < self._mark("fine_from_us"):
                raise BadInput("5 s slices are kept for 2 h only", hint="ask for whole minutes")
            rows = self._rows(
                f"SELECT slice_us, currency, {_SUMMED} FROM cell WHERE objective_no = ? AND"
                " level_us = ? AND slice_us >= ? AND slice_us < ? GROUP BY 1, 2",
                (self._number(objective), level_us, from_us, to_us),
            )
            for slice_us, currency, *counts in rows:
                at_us = from_us + floor_us(slice_us - from_us, step_us)
                points[at_us] += _sums(currency, counts)
        return sorted(points.items())

    def sums_as_known(
        self, objective: Objective, from_us: int, to_us: int, known_at_us: int
    ) -> Sums:
        """The window as it stood at the minute of `known_at_us` (later slices were unknown then).

        Today's sums less all revisions received since. Raises BadInput before the revisions begin
        (they are kept 35 days).
        """
        known_us = floor_us(known_at_us, MINUTE_US)
        low, high = floor_us(from_us, MINUTE_US), floor_us(min(to_us, known_us), MINUTE_US)
        with self.at_once():
            if known_us < self._mark("revisions_from_us"):
                raise BadInput("what was known then is no longer kept", hint="revisions: 35 days")
            now = self.sums(objective, low, high)
            rows = self._rows(
                f"SELECT currency, {_SUMMED} FROM revision WHERE objective_no = ? AND slice_us >= ?"
                " AND slice_us < ? AND known_us >= ? GROUP BY 1",
                (self._number(objective), low, high, known_us),
            )
            return now - total_of(_sums(currency, counts) for currency, *counts in rows)

    def pending(self, objective: Objective, from_us: int, to_us: int) -> int:
        """Units attempted in the window that have no outcome yet and fit this objective."""
        kind = objective.indicator.unit_kind
        if kind is UnitKind.ITEM:
            return 0
        rows = self._rows(
            "SELECT events FROM unit WHERE kind = ? AND status IN ('pending', 'authorized')"
            " AND at_us >= ? AND at_us < ?",
            (kind, from_us, to_us),
        )
        return sum(awaits(objective, fold(kind, decode_unit(blob)).merged) for (blob,) in rows)

    def overdue(
        self, kind: UnitKind, deadlines_us: Mapping[str, int | None], limit: int
    ) -> list[ShopEvent]:
        """Pending units whose deadline by method has passed while their source was still talking.

        "Talking": an event of a later time was received from the source that sent the attempt, and
        the ledger has counted everything received up to the deadline. "" holds for all methods not
        named; None never passes. Gives the merged attempts, oldest first, at most `limit` a method.
        """
        named = [method for method in deadlines_us if method]
        others = f"NOT IN ({','.join('?' * len(named))})"
        found: list[ShopEvent] = []
        with self.at_once():
            watermark_us = self.watermark_us()
            for method, deadline_us in deadlines_us.items():
                if deadline_us is None:
                    continue
                rows = self._rows(
                    "SELECT u.events FROM unit u JOIN heard h ON h.source = u.source"
                    " WHERE u.kind = ? AND u.status IN ('pending', 'authorized')"
                    f" AND u.status = 'pending' AND u.method {'= ?' if method else others}"
                    " AND u.at_us < min(h.last_event_us, h.last_received_us, ?) - ?"
                    " ORDER BY u.at_us LIMIT ?",
                    (kind, *([method] if method else named), watermark_us, deadline_us, limit),
                )
                found += [fold(kind, decode_unit(blob)).merged for (blob,) in rows]
        return found

    def lost(self, objective: Objective, from_us: int, to_us: int) -> dict[str, int]:
        """Value of lost baskets by currency, in minor units (see `segment_lost`)."""
        values: dict[str, int] = {}
        for by_currency in self.segment_lost(objective, from_us, to_us).values():
            for currency, minor in by_currency.items():
                values[currency] = values.get(currency, 0) + minor
        return values

    def segment_lost(
        self, objective: Objective, from_us: int, to_us: int
    ) -> dict[SegmentKey, dict[str, int]]:
        """Bad units' value, each checkout once and only if no payment of it succeeded in 30 min.

        Units are kept for 7 days after they were last heard of: whoever needs an older window takes
        `bad_minor` of `sums` for that part. A basket that may still be saved counts as lost.
        """
        found: dict[SegmentKey, dict[str, int]] = {}
        with self.at_once():
            number = self._number(objective)
            rows = self._rows(
                "SELECT at_us, unit_key, checkout_id, segment_id, currency, amount_minor FROM bad"
                " WHERE objective_no = ? AND at_us >= ? AND at_us < ?",
                (number, from_us, to_us),
            )
            bads = (BadUnit(*row) for row in rows)
            paid = self._paid(number, from_us, to_us)
            for (segment_id, currency), minor in sorted(lost(bads, paid).items()):
                found.setdefault(self._segment(segment_id), {})[currency] = minor
        return found

    def watermark_us(self, sources: Sequence[str] = ()) -> int:  # noqa: ARG002 (see below)
        """Receive time up to which everything of these sources is counted; 0 before the start.

        All sources come through the same two streams, so that today it is one time for all.
        """
        rows = self._rows("SELECT min(watermark_us), count(*) FROM cursor", ())
        return rows[0][0] if rows and rows[0][1] == 2 else 0

    def position(self, stream: Stream) -> int:
        """Journal position up to which the stream is counted: the journal may be trimmed to it."""
        rows = self._rows("SELECT position FROM cursor WHERE stream = ?", (stream,))
        return rows[0][0] if rows else 0

    def skipped(self) -> list[tuple[str, int, str]]:
        """Records that could not be counted (stream, position, reason): always a fault of ours."""
        return self._rows("SELECT stream, position, reason FROM skipped ORDER BY 1, 2", ())

    def last_heard_us(self, source: str) -> int | None:
        """Receive time of the source's newest event; None if it was never heard."""
        rows = self._rows("SELECT last_received_us FROM heard WHERE source = ?", (source,))
        return rows[0][0] if rows else None

    def known_sources(self) -> list[str]:
        """Every source that was ever heard, sorted."""
        return [source for (source,) in self._rows("SELECT source FROM heard ORDER BY 1", ())]

    def default_sources(self, now_us: int) -> tuple[str, ...]:
        """Sources that spoke of at least 1 % of the units received in the last 7 days."""
        rows = self._rows(
            "SELECT source, sum(units) FROM volume WHERE hour_us >= ? AND hour_us <= ? GROUP BY 1",
            (floor_us(now_us - 7 * DAY_US, HOUR_US), now_us),
        )
        units = dict(rows)
        all_units = units.pop("", 0)
        least = all_units * _DEFAULT_SOURCE_SHARE
        return tuple(sorted(source for source, count in units.items() if count >= least))

    def coverage(
        self, sources: Sequence[str], from_us: int, to_us: int, max_gap_s: int
    ) -> Fraction:
        """Observed share of the window (of the worst source), from each source's first event on.

        Gaps between heard minutes count where they are longer than `max_gap_s`. 0 where no source
        is given or one was never heard up to `to_us`.
        """
        with self.at_once():
            shares = [self._covered(one, from_us, to_us, max_gap_s * SECOND_US) for one in sources]
        return min(shares, default=Fraction(0))

    def elapsed(self, sources: Sequence[str], from_us: int, to_us: int) -> Fraction:
        """Share of the window since all of the sources were first heard (1: the whole window)."""
        with self.at_once():
            firsts = [self._first_heard_us(source) for source in sources]
        if not firsts or to_us <= from_us or None in firsts:
            return Fraction(0)
        begun_us = max(first for first in firsts if first is not None)
        return Fraction(max(0, to_us - max(from_us, begun_us)), to_us - from_us)

    def borders(self, from_us: int, to_us: int) -> tuple[int, int]:
        """The borders that a window really gets after snapping."""
        fine_from = self._mark("fine_from_us")
        return snap(from_us, fine_from), snap(to_us, fine_from)

    def close(self) -> None:
        """Give this thread's connection back (those of ended threads are gone with them)."""
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is not None:
            db.close()
            self._local.db = None

    def _covered(self, source: str, from_us: int, to_us: int, max_gap_us: int) -> Fraction:
        known: dict[tuple[object, ...], Fraction] | None = getattr(self._local, "covered", None)
        place = (source, from_us, to_us, max_gap_us)
        if known is None:
            return self._read_covered(*place)
        if place not in known:
            known[place] = self._read_covered(*place)
        return known[place]

    def _read_covered(self, source: str, from_us: int, to_us: int, max_gap_us: int) -> Fraction:
        first_us = self._first_heard_us(source)
        if first_us is None:
            return Fraction(0)
        begun_us = max(from_us, floor_us(first_us, MINUTE_US))
        before = "SELECT max(minute_us) FROM presence WHERE source = ? AND minute_us < ?"
        after = "SELECT min(minute_us) FROM presence WHERE source = ? AND minute_us >= ?"
        minutes = self._rows(
            f"SELECT ({before}) UNION SELECT minute_us FROM presence WHERE source = ? AND"
            f" minute_us >= ? AND minute_us < ? UNION SELECT ({after}) ORDER BY 1",
            (source, begun_us, source, begun_us, to_us, source, to_us),
        )
        heard = [minute for (minute,) in minutes if minute is not None]
        return covered(heard, begun_us, to_us, max_gap_us)

    def _first_heard_us(self, source: str) -> int | None:
        rows = self._rows("SELECT first_event_us FROM heard WHERE source = ?", (source,))
        return rows[0][0] if rows else None

    def _paid(self, number: int, from_us: int, to_us: int) -> dict[str, list[int]]:
        """When checkouts with bad units in the window were paid after all."""
        paid: dict[str, list[int]] = {}
        rows = self._rows(
            "SELECT DISTINCT u.checkout_id, u.at_us FROM bad b JOIN unit u"
            " ON u.checkout_id = b.checkout_id WHERE b.objective_no = ? AND b.at_us >= ? AND"
            " b.at_us < ? AND u.kind = 'payment' AND u.status = 'succeeded' AND u.checkout_id <> ''"
            " AND u.at_us < ?",
            (number, from_us, to_us, to_us + RESCUE_US),
        )
        for checkout_id, at_us in rows:
            paid.setdefault(checkout_id, []).append(at_us)
        return paid

    def _number(self, objective: Objective) -> int:
        """The objective's number in this file; -1 (which has no rows) while it is unknown."""
        place = objective.id, objective.generation
        if place not in self._numbers:
            found = self._rows("SELECT no FROM objective WHERE id = ? AND generation = ?", place)
            if not found:
                return -1
            self._numbers[place] = found[0][0]
        return self._numbers[place]

    def _segment(self, segment_id: int) -> SegmentKey:
        if segment_id not in self._segments:
            rows = self._rows("SELECT key FROM segment WHERE id = ?", (segment_id,))
            self._segments[segment_id] = tuple(json.loads(rows[0][0]))
        return self._segments[segment_id]

    def _mark(self, name: str) -> int:
        rows = self._rows("SELECT value FROM mark WHERE name = ?", (name,))
        return rows[0][0] if rows else 0

    def _rows(self, query: str, values: Sequence[Any]) -> list[Any]:
        db = self._connection()
        return db.execute(query, values).fetchall() if db is not None else []

    def _connection(self) -> sqlite3.Connection | None:
        """None until the writer has made the file, in the make that this code can read."""
        held: sqlite3.Connection | None = getattr(self._local, "db", None)
        if held is not None or not self._path.exists():
            return held
        try:
            db = open_reader(self._path)
            version = db.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.OperationalError:
            return None
        if version != VERSION:
            db.close()
            return None
        self._local.db = db
        return db


def _sums(currency: str, counts: Sequence[int]) -> Sums:
    good, bad, excluded, alert_total, alert_bad, alert_keyless, good_minor, bad_minor = counts
    money = {currency: MoneySums(good_minor, bad_minor)} if good_minor or bad_minor else {}
    return Sums(good, bad, excluded, alert_total, alert_bad, alert_keyless, money)
