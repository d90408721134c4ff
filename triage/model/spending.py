"""The account of what the model cost, in the control database: booked before, set right after.

A process that dies while it asks has its estimate on the account: it can spend less, never more.
"""

from __future__ import annotations

from sqlmodel import Session, col, delete

from kernel.clock import DAY_US, Clock, rfc3339
from kernel.database import Database
from triage.model.allowance import Caps, Spend, refusal
from triage.models import ModelSpendRow

KEPT_US = 35 * DAY_US


class Spending:
    """Thread-safe: every booking is one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def reserve(self, incident_id: str, need: Spend, of_incident: Caps, of_day: Caps) -> str:
        """Book `need` on incident and day, or say why not ("" where it was booked)."""
        with self._database.unit_of_work() as session:
            incident, day = self._rows(session, incident_id)
            why = refusal(_spent(incident), need, of_incident, "the incident's")
            why = why or refusal(_spent(day), need, of_day, "the day's")
            if not why:
                self._book(session, incident, need)
                self._book(session, day, need)
        return why

    def settle(self, incident_id: str, reserved: Spend, real: Spend) -> None:
        """What was reserved was `real` in the end."""
        with self._database.unit_of_work() as session:
            for row in self._rows(session, incident_id):
                self._book(session, row, real - reserved)

    def today(self) -> Spend:
        """What this day (UTC) cost so far."""
        with self._database.reading() as session:
            row = session.get(ModelSpendRow, ("day", self._day()))
            return _spent(row) if row else Spend()

    def _day(self) -> str:
        return rfc3339(self._clock.now_us())[:10]

    def _rows(self, session: Session, incident_id: str) -> tuple[ModelSpendRow, ModelSpendRow]:
        day = session.get(ModelSpendRow, ("day", self._day()))
        if day is None:
            old = col(ModelSpendRow.updated_us) < self._clock.now_us() - KEPT_US
            session.exec(delete(ModelSpendRow).where(old))
            day = ModelSpendRow(scope="day", key=self._day())
        incident = session.get(ModelSpendRow, ("incident", incident_id))
        return incident or ModelSpendRow(scope="incident", key=incident_id), day

    def _book(self, session: Session, row: ModelSpendRow, more: Spend) -> None:
        row.tokens = max(0, row.tokens + more.tokens)
        row.cost_micros = max(0, row.cost_micros + more.cost_micros)
        row.wall_ms = max(0, row.wall_ms + more.wall_ms)
        row.calls = max(0, row.calls + more.calls)
        row.updated_us = self._clock.now_us()
        session.add(row)


def _spent(row: ModelSpendRow) -> Spend:
    return Spend(row.tokens, row.cost_micros, row.wall_ms, row.calls)
