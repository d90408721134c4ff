"""Alerts on missing attempts in the control database: read, opened with a fact, closed with one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlmodel import Session

from kernel.clock import HOUR_US, Clock
from kernel.ids import uuid7
from slo.alert_state import OpenAlert, Step, Verdict
from slo.alert_store import begin, end, rows_since
from slo.models import BurnAlertRow
from slo.objective import Objective
from slo.silence.watch import NO_DATA, SILENCE, KnownSilence, NewSilence

# Levels look back two and a half hours: they leave out what is known to be an outage.
REMEMBER_CLOSED_US = 3 * HOUR_US


def known_silences(session: Session, now_us: int) -> dict[str, list[KnownSilence]]:
    """By objective: what is open, and what closed not long ago."""
    rows = rows_since(session, [SILENCE, NO_DATA], now_us - REMEMBER_CLOSED_US)
    known: dict[str, list[KnownSilence]] = defaultdict(list)
    for row in rows:
        known[row.objective_id].append(
            KnownSilence(
                id=row.id,
                kind=row.kind,
                source=row.source,
                alert=OpenAlert(row.last_fire_us),
                onset_us=row.onset_us,
                numbers=row.numbers,
                closed_us=row.closed_us,
            )
        )
    return known


def open_silence(session: Session, objective: Objective, new: NewSilence, clock: Clock) -> None:
    """Store a new alert and tell of it; nothing where the same one is open already."""
    now_us = clock.now_us()
    row = BurnAlertRow(
        id=uuid7(clock),
        objective_id=objective.id,
        open_key=f"{objective.id}|{new.kind}|{new.source}",
        service=objective.service,
        tier=new.kind,
        page=new.page,
        segment={},
        covers={},
        opened_us=now_us,
        onset_us=new.onset_us,
        last_fire_us=now_us,
        reason=new.text,
        bad=new.missing,
        total=new.expected,
        burn_rate=0.0,
        kind=new.kind,
        source=new.source,
        title=new.title,
        numbers=dict(new.numbers),
    )
    begin(session, row, objective)


def apply_step(session: Session, alert_id: str, result: Step, now_us: int) -> None:
    """Keep what the alert remembers; close it where the step says so."""
    row = session.get(BurnAlertRow, alert_id)
    if row is None or row.state != "open":
        return
    row.last_fire_us = result.alert.last_fire_us
    if result.verdict is Verdict.CLOSE:
        end(session, row, result.reason, now_us)
    session.add(row)


def orphan_steps(orphans: Sequence[KnownSilence]) -> dict[str, Step]:
    """Alerts of objectives that are no longer defined: nobody would ever judge them again."""
    reason = "the objective is no longer defined"
    return {
        one.id: Step(one.alert, Verdict.CLOSE, reason) for one in orphans if one.closed_us is None
    }
