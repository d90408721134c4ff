"""Looks after incidents that are not over: closes, flags as stale, ends silences, renews the second
channel.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlmodel import Session

from kernel.clock import DAY_US, Clock
from kernel.database import Database
from triage import repository
from triage.admission import SYSTEM, Admission
from triage.identity import OWN_SOURCE
from triage.models import IncidentRow
from triage.second_channel import SecondChannel

# Alerts that belong to no incident: ends without a beginning, tiers that do not page.
_KEEP_ORPHANS_US = 30 * DAY_US
_MOST = 1_000
Notice = Callable[[Session, str, str], None]


class Upkeep:
    """Each incident in a unit of work of its own, so that one cannot hold up the others."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        admission: Admission,
        second: SecondChannel,
        notice: Notice | None = None,
    ) -> None:
        """`notice(session, key, text)` tells people a line beside the second channel."""
        self._database = database
        self._clock = clock
        self._admission = admission
        self._second = second
        self._after = 0
        self._notices = [second.notice, notice] if notice else [second.notice]

    def run(self) -> None:
        """One pass over a thousand unresolved incidents; the next pass goes on behind them."""
        with self._database.unit_of_work() as session:
            repository.forget_orphans(session, self._clock.now_us() - _KEEP_ORPHANS_US)
        with self._database.reading() as session:
            found = repository.unresolved(session, self._after)
            waiting = [row.id for row in found]
            self._after = found[-1].number if len(found) >= _MOST else 0
        for incident_id in waiting:
            with self._database.unit_of_work() as session:
                row = repository.incident(session, incident_id)
                if row is None or self._admission.settle(session, row):
                    continue
                self._admission.check_quiet(session, row)
                self._end_silence(session, row)
                self._second.renew(session, row, self._clock.now_us())
        self._renew_alerts()

    def _end_silence(self, session: Session, row: IncidentRow) -> None:
        now_us = self._clock.now_us()
        if row.silenced_until_us is None or now_us < row.silenced_until_us:
            return
        self._admission.end_silence(session, row, SYSTEM, "its time is over")
        text = f"INC-{row.number} still burns and its silence is over: {row.title}"
        for notice in self._notices:
            notice(session, f"unsilenced:{row.id}:{now_us}", text)

    def _renew_alerts(self) -> None:
        """Burn alerts that are still open: Alertmanager forgets what nobody repeats."""
        now_us = self._clock.now_us()
        with self._database.reading() as session:
            silenced = repository.silenced(session)
            told = [
                one.told
                for one in repository.firing_of_source(session, OWN_SOURCE)
                # What began in the silence was never told there.
                if one.told.starts_us < silenced.get(one.incident_id, one.told.starts_us + 1)
            ]
        due = [one for one in told if self._second.is_due(one, now_us)]
        if not due:
            return
        with self._database.unit_of_work() as session:
            for one in due:
                self._second.renew_alert(session, one, now_us)
