"""Asks the telemetry store for the way to an order, before and since the onset, within bounds."""

from __future__ import annotations

from kernel.clock import MINUTE_US
from kernel.telemetry_store.port import TelemetryStore
from triage.evidence.evidence import Finding
from triage.evidence.findings import funnel_finding
from triage.evidence.funnel import PAID, TYPES, worst_way

BEFORE_US = 30 * MINUTE_US
MAX_SINCE, MAX_BEFORE = 12_000, 8_000


def funnel_around(
    store: TelemetryStore, window_us: tuple[int, int], payments_told: bool
) -> list[Finding]:
    """The step at which checkouts are lost since the onset; nothing where none got worse.

    `payments_told`: lost payments are evidence already, counted by their own rule.
    """
    onset_us, to_us = window_us
    since = store.events(from_us=onset_us, to_us=to_us, types=TYPES, limit=MAX_SINCE)
    before = store.events(
        from_us=onset_us - BEFORE_US, to_us=onset_us, types=TYPES, limit=MAX_BEFORE
    )
    way = worst_way([*since, *before], onset_us, to_us)
    if way is None or (payments_told and way.following == PAID):
        return []
    query = "telemetry.events(checkout.*, payment.*) by checkout and stage"
    return [funnel_finding(way, query, onset_us, to_us)]
