"""Asking the ledger: every number is an exact sum over event time.

Windows are [from_us, to_us). Borders are snapped down to 5 s, and to the minute where 5 s slices
are no longer kept (older than 2 h), each border alone: neighbouring windows stay additive. Before
the ledger's file exists every answer is empty and the watermark is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import add

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from kernel.errors import BadInput
from slo.ledger.late import BETWEEN, TAKEN_OVER, hour_of, name_of
from slo.ledger.levels import FINE_US, Span, cut, floor_us, level_for
from slo.ledger.source_reader import SourceReader
from slo.ledger.sums import FineCell, MoneySums, SegmentKey, Sums, total_of
from slo.ledger.unit_reader import UnitReader
from slo.objective import Objective

_SUMMED = (
    "sum(good), sum(bad), sum(excluded), sum(alert_total), sum(alert_bad), sum(alert_keyless),"
    " sum(good_minor), sum(bad_minor)"
)
_MAX_POINTS = 20_000


class LedgerReader(UnitReader, SourceReader):
    """All that a ledger file answers."""

    def sums(self, objective: Objective, from_us: int, to_us: int) -> Sums:
        """Everything of the window, all segments together."""
        added = self._added("0", objective, from_us, to_us)
        return total_of(_sums(currency, counts) for (_, currency), counts in added.items())

    def counts(self, objective: Objective, from_us: int, to_us: int) -> tuple[int, int]:
        """Good and bad units of the window and nothing else: a tenth of what `sums` costs."""
        good = bad = 0
        with self.at_once():
            number = self.number(objective)
            for span in cut(from_us, to_us, self.marks()):
                rows = self._rows(
                    "SELECT sum(good), sum(bad) FROM cell WHERE objective_no = ? AND level_us = ?"
                    " AND slice_us >= ? AND slice_us < ?",
                    (number, *span),
                )
                good += rows[0][0] or 0
                bad += rows[0][1] or 0
        return good, bad

    def segment_counts(
        self, objective: Objective, from_us: int, to_us: int
    ) -> dict[SegmentKey, tuple[int, int]]:
        """Good and bad units of the window by segment, and nothing else."""
        found: dict[SegmentKey, tuple[int, int]] = {}
        with self.at_once():
            number = self.number(objective)
            for span in cut(from_us, to_us, self.marks()):
                rows = self._rows(
                    "SELECT segment_id, sum(good), sum(bad) FROM cell WHERE objective_no = ? AND"
                    " level_us = ? AND slice_us >= ? AND slice_us < ? GROUP BY 1",
                    (number, *span),
                )
                for segment_id, good, bad in rows:
                    key = self._segment(segment_id)
                    held = found.get(key, (0, 0))
                    found[key] = held[0] + good, held[1] + bad
        return found

    def segment_sums(
        self, objective: Objective, from_us: int, to_us: int
    ) -> dict[SegmentKey, Sums]:
        """The window by segment; the parts add up to `sums` exactly."""
        found: dict[SegmentKey, Sums] = {}
        for (number, currency), counts in self._added(
            "segment_id", objective, from_us, to_us
        ).items():
            key, part = self._segment(number), _sums(currency, counts)
            found[key] = found[key] + part if key in found else part
        return found

    def _added(
        self, part: str, objective: Objective, from_us: int, to_us: int
    ) -> dict[tuple[int, str], list[int]]:
        """Counts by `part` (a column, or one number for all) and currency."""
        added: dict[tuple[int, str], list[int]] = {}
        with self.at_once():
            number = self.number(objective)
            for span in cut(from_us, to_us, self.marks()):
                rows = self._rows(
                    f"SELECT {part}, currency, {_SUMMED} FROM cell WHERE objective_no = ? AND"
                    " level_us = ? AND slice_us >= ? AND slice_us < ? GROUP BY 1, 2",
                    (number, *span),
                )
                for key, currency, *counts in rows:
                    held = added.get((key, currency))
                    if held is None:
                        added[key, currency] = counts
                    else:
                        added[key, currency] = list(map(add, held, counts))
        return added

    def fine(
        self, objective: Objective, from_us: int, to_us: int
    ) -> dict[SegmentKey, list[FineCell]]:
        """Alert counts by segment at 5 s slices, oldest first, empty slices left out.

        Only the newest 2 h have them; older slices are silently absent.
        """
        found: dict[int, list[FineCell]] = {}
        with self.at_once():
            # Grouped in the order of the key, so that nothing is sorted.
            rows = self._rows(
                "SELECT segment_id, slice_us, sum(alert_total), sum(alert_bad), sum(alert_keyless)"
                " FROM cell WHERE objective_no = ? AND level_us = ? AND slice_us >= ? AND"
                " slice_us < ? GROUP BY slice_us, segment_id HAVING sum(alert_total) > 0"
                " ORDER BY slice_us, segment_id",
                (self.number(objective), FINE_US, from_us, to_us),
            )
            for segment_id, *counts in rows:
                cells = found.get(segment_id)
                if cells is None:
                    cells = found[segment_id] = []
                cells.append(FineCell(*counts))
            return {self._segment(one): found[one] for one in sorted(found)}

    def series(
        self, objective: Objective, from_us: int, to_us: int, step_us: int
    ) -> list[tuple[int, Sums]]:
        """Buckets of `step_us` from `from_us` on, empty ones too.

        Raises BadInput where the step is not made of whole slices that are still kept, or where
        more than 20,000 buckets are asked for.
        """
        nothing = Sums()
        with self.at_once():
            spans = self._spans(from_us, to_us, step_us)
            points = dict.fromkeys(range(from_us, to_us, step_us), nothing)
            for span in spans:
                rows = self._rows(
                    f"SELECT slice_us - (slice_us - ?) % ?, currency, {_SUMMED} FROM cell WHERE"
                    " objective_no = ? AND level_us = ? AND slice_us >= ? AND slice_us < ?"
                    " GROUP BY 1, 2",
                    (from_us, step_us, self.number(objective), *span),
                )
                for at_us, currency, *counts in rows:
                    held, more = points[at_us], _sums(currency, counts)
                    points[at_us] = more if held is nothing else held + more
        return list(points.items())

    def outcomes(
        self, objective: Objective, from_us: int, to_us: int, step_us: int
    ) -> list[tuple[int, int, int]]:
        """Good, bad and excluded units of the buckets of `series`; raises what that raises."""
        with self.at_once():
            spans = self._spans(from_us, to_us, step_us)
            good = [0] * len(range(from_us, to_us, step_us))
            bad, excluded = [0] * len(good), [0] * len(good)
            for span in spans:
                rows = self._rows(
                    "SELECT slice_us, sum(good), sum(bad), sum(excluded) FROM cell WHERE"
                    " objective_no = ? AND level_us = ? AND slice_us >= ? AND slice_us < ?"
                    " GROUP BY slice_us",
                    (self.number(objective), *span),
                )
                for slice_us, more_good, more_bad, more_excluded in rows:
                    place = (slice_us - from_us) // step_us
                    good[place] += more_good
                    bad[place] += more_bad
                    excluded[place] += more_excluded
        return list(zip(good, bad, excluded, strict=True))

    def late(self, from_us: int, to_us: int) -> dict[int, int]:
        """By hour (since the epoch), the last transaction that changed a minute of it afterwards.

        `from_us` and `to_us` are in the first and in the last of the hours.
        """
        rows = self._rows(BETWEEN, (name_of(from_us), name_of(to_us + HOUR_US)))
        return {hour_of(name): number for name, number in rows}

    def past(self, objective: Objective) -> tuple[int, int]:
        """What tells apart pasts of one objective in one file: its number, and how often what was
        counted anew was taken over.
        """
        return self.number(objective), self._mark(TAKEN_OVER)

    def _spans(self, from_us: int, to_us: int, step_us: int) -> list[Span]:
        """The cells that buckets of `step_us` are made of. Raises BadInput (see `series`)."""
        level_us = level_for(from_us, step_us) if step_us > 0 else 0
        if not level_us or (to_us - from_us) > _MAX_POINTS * step_us:
            raise BadInput(
                f"a series of {step_us} us steps cannot be cut from this window",
                hint="begin on a step's border; at least 5 s steps, at most 20,000 of them",
            )
        marks = self.marks()
        if level_us < MINUTE_US and from_us < marks.fine_from_us:
            raise BadInput("5 s slices are kept for 2 h only", hint="ask for whole minutes")
        return cut(from_us, to_us, marks, level_us)

    def sums_as_known(
        self, objective: Objective, from_us: int, to_us: int, known_at_us: int
    ) -> Sums:
        """The window as it stood at the minute of `known_at_us` (later slices were unknown then).

        Today's sums less all revisions received since. Those older than 35 days are kept by day:
        `known_at_us` and the window's borders are then snapped down to days (UTC).
        """
        with self.at_once():
            step_us = self.known_step_us(known_at_us)
            known_us = floor_us(known_at_us, step_us)
            low = floor_us(from_us, step_us)
            high = floor_us(min(to_us, known_us), step_us)
            now = self.sums(objective, low, high)
            rows = self._rows(
                f"SELECT currency, {_SUMMED} FROM revision WHERE objective_no = ? AND"
                " level_us IN (?, ?) AND slice_us >= ? AND slice_us < ? AND known_us >= ?"
                " GROUP BY 1",
                (self.number(objective), MINUTE_US, step_us, low, high, known_us),
            )
            return now - total_of(_sums(currency, counts) for currency, *counts in rows)

    def known_step_us(self, known_at_us: int) -> int:
        """How finely it is kept what was known then: by the minute, or (older) by the day."""
        return MINUTE_US if known_at_us >= self._mark("revisions_from_us") else DAY_US

    def slices(self, objective: Objective, from_us: int) -> list[tuple[int, ...]]:
        """5 s slices from `from_us` on: begin, bad, total, alert_bad, alert_total."""
        return self._rows(
            "SELECT slice_us, sum(bad), sum(good + bad), sum(alert_bad), sum(alert_total)"
            " FROM cell WHERE objective_no = ? AND level_us = ? AND slice_us >= ? GROUP BY 1",
            (self.number(objective), FINE_US, from_us),
        )

    def bad_slices(self, objective: Objective, from_us: int) -> list[tuple[int, int, int]]:
        """5 s slices from `from_us` on that alert: begin, segment number, alert_bad."""
        return self._rows(
            "SELECT slice_us, segment_id, sum(alert_bad) FROM cell WHERE objective_no = ? AND"
            " level_us = ? AND slice_us >= ? AND alert_bad <> 0 GROUP BY 1, 2",
            (self.number(objective), FINE_US, from_us),
        )

    def attempts_since(
        self, objective: Objective, segment_id: int, from_us: int, enough: int
    ) -> int:
        """Alert counts of one segment in 5 s slices from `from_us` on (they are kept for 2 h).

        Counting ends after `enough` slices with traffic: then there are that many at least.
        """
        rows = self._rows(
            "SELECT sum(alert_total) FROM (SELECT alert_total FROM cell WHERE objective_no = ?"
            " AND level_us = ? AND slice_us >= ? AND segment_id = ? AND alert_total > 0 LIMIT ?)",
            (self.number(objective), FINE_US, from_us, segment_id, enough),
        )
        return (rows[0][0] or 0) if rows else 0

    def counts_of_all(self, from_us: int, to_us: int) -> list[tuple[int, ...]]:
        """Number, bad, total, alert_bad, alert_total of each objective that counted anything."""
        found: dict[int, list[int]] = {}
        with self.at_once():
            for span in cut(from_us, to_us, self.marks()):
                rows = self._rows(
                    "SELECT o.no, sum(bad), sum(good + bad), sum(alert_bad), sum(alert_total)"
                    " FROM objective o CROSS JOIN cell c WHERE c.objective_no = o.no AND"
                    " level_us = ? AND slice_us >= ? AND slice_us < ? GROUP BY 1",
                    span,
                )
                for no, *counts in rows:
                    held = found.get(no, [0, 0, 0, 0])
                    found[no] = [a + b for a, b in zip(held, counts, strict=True)]
        return [(no, *counts) for no, counts in found.items()]


def _sums(currency: str, counts: Sequence[int]) -> Sums:
    good, bad, excluded, alert_total, alert_bad, alert_keyless, good_minor, bad_minor = counts
    priced = MoneySums(good_minor, bad_minor, good, bad) if currency else MoneySums()
    money = {currency: priced} if priced != MoneySums() else {}
    return Sums(good, bad, excluded, alert_total, alert_bad, alert_keyless, money)
