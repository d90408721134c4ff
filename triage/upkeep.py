"""Looks after incidents that are not over: closes, flags as stale, renews the second channel."""

from __future__ import annotations

from kernel.clock import DAY_US, Clock
from kernel.database import Database
from triage import repository
from triage.admission import Admission
from triage.identity import OWN_SOURCE
from triage.second_channel import SecondChannel

# Alerts that belong to no incident: ends without a beginning, tiers that do not page.
_KEEP_ORPHANS_US = 30 * DAY_US


class Upkeep:
    """Each incident in a unit of work of its own, so that one cannot hold up the others."""

    def __init__(
        self, database: Database, clock: Clock, admission: Admission, second: SecondChannel
    ) -> None:
        self._database = database
        self._clock = clock
        self._admission = admission
        self._second = second

    def run(self) -> None:
        """One pass over all unresolved incidents (at most a thousand)."""
        with self._database.unit_of_work() as session:
            repository.forget_orphans(session, self._clock.now_us() - _KEEP_ORPHANS_US)
        with self._database.reading() as session:
            waiting = [row.id for row in repository.unresolved(session)]
        for incident_id in waiting:
            with self._database.unit_of_work() as session:
                row = repository.incident(session, incident_id)
                if row is None or self._admission.settle(session, row):
                    continue
                self._admission.check_quiet(session, row)
                self._second.renew(session, row, self._clock.now_us())
        self._renew_alerts()

    def _renew_alerts(self) -> None:
        """Burn alerts that are still open: Alertmanager forgets what nobody repeats."""
        now_us = self._clock.now_us()
        with self._database.reading() as session:
            told = [one.told for one in repository.firing_of_source(session, OWN_SOURCE)]
        due = [one for one in told if self._second.is_due(one, now_us)]
        if not due:
            return
        with self._database.unit_of_work() as session:
            for one in due:
                self._second.renew_alert(session, one, now_us)
