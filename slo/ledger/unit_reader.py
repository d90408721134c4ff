"""Asking the ledger for single attempts: pending, overdue, and lost baskets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kernel.shop_event import ShopEvent
from slo.ledger.file_reader import FileReader
from slo.ledger.losses import RESCUE_US, BadUnit, lost
from slo.ledger.pulse import group_key
from slo.ledger.sums import SegmentKey
from slo.ledger.unit import decode_unit, fold
from slo.objective import Objective, UnitKind

Counts = Callable[[int, SegmentKey], bool]


class UnitReader(FileReader):
    """Units are kept for 7 days after they were last heard of."""

    def pending(self, objective: Objective, from_us: int, to_us: int) -> int:
        """Units attempted in the window that have no outcome yet and fit this objective.

        Objectives that watch the same part of the traffic are one question within `at_once`: each
        attempt that is under way has to be read for it.
        """
        if objective.indicator.unit_kind is UnitKind.ITEM:
            return 0
        known: dict[tuple[str, int, int], int] | None = getattr(self._local, "pending", None)
        place = group_key(objective), from_us, to_us
        if known is None:
            return self._read_pending(objective, from_us, to_us)
        if place not in known:
            known[place] = self._read_pending(objective, from_us, to_us)
        return known[place]

    def _read_pending(self, objective: Objective, from_us: int, to_us: int) -> int:
        kind = objective.indicator.unit_kind
        rows = self._rows(
            "SELECT events FROM unit WHERE kind = ? AND status IN ('pending', 'authorized')"
            " AND at_us >= ? AND at_us < ?",
            (kind, from_us, to_us),
        )
        total = objective.indicator.total
        return sum(total.fits(fold(kind, decode_unit(blob)).merged) for (blob,) in rows)

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
        self, objective: Objective, from_us: int, to_us: int, counts: Counts | None = None
    ) -> dict[SegmentKey, dict[str, int]]:
        """Bad units' value, each checkout once and only if no payment of it succeeded in 30 min.

        `counts` tells of a bad unit's time and segment whether it counts (None: all of them do).
        Units are kept for 7 days after they were last heard of: whoever needs an older window takes
        `bad_minor` of `sums` for that part. A basket that may still be saved counts as lost.
        """
        found: dict[SegmentKey, dict[str, int]] = {}
        with self.at_once():
            number = self.number(objective)
            rows = self._rows(
                "SELECT at_us, unit_key, checkout_id, segment_id, currency, amount_minor FROM bad"
                " WHERE objective_no = ? AND at_us >= ? AND at_us < ?",
                (number, from_us, to_us),
            )
            bads = [
                bad
                for bad in map(BadUnit._make, rows)
                if counts is None or counts(bad.at_us, self._segment(bad.segment_id))
            ]
            paid = self._paid(number, from_us, to_us)
            for (segment_id, currency), minor in sorted(lost(bads, paid).items()):
                found.setdefault(self._segment(segment_id), {})[currency] = minor
        return found

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
