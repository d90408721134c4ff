"""Who made the newest change of a service: the collector's knowledge, carried to runbooks."""

from __future__ import annotations

import sqlite3

from access.directory import Directory
from kernel.clock import DAY_US, MINUTE_US, Clock
from kernel.errors import TillwatchError
from kernel.telemetry_store.port import TelemetryStore
from runbooks.ports import ChangeAuthor

_BACK_US = 7 * DAY_US
# Senders' clocks may run a little ahead of ours.
_AHEAD_US = 5 * MINUTE_US


class ShopChanges:
    """Implements `runbooks.ports.Changes`."""

    def __init__(self, telemetry: TelemetryStore, people: Directory, clock: Clock) -> None:
        self._telemetry = telemetry
        self._people = people
        self._clock = clock

    def last_author(self, service: str) -> ChangeAuthor | None:
        """The author of the service's newest change of the last 7 days, where one is told."""
        now_us = self._clock.now_us()
        try:
            rows = self._telemetry.changes(from_us=now_us - _BACK_US, to_us=now_us + _AHEAD_US)
        except (TillwatchError, OSError, sqlite3.Error):
            return None
        newest = next((row for row in rows if row.service == service), None)
        if newest is None or not newest.author:
            return None
        return ChangeAuthor(newest.author, self._people.person_id_of_author(newest.author))
