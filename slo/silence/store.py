"""Alerts on missing attempts in the control database: read, opened with a fact, closed with one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlmodel import Session, col, or_, select

from kernel.clock import HOUR_US, Clock
from kernel.facts import publish
from kernel.facts.slo import BurnAlertClosed, BurnAlertOpened
from kernel.ids import uuid7
from slo.alert_state import OpenAlert, Step, Verdict
from slo.models import BurnAlertRow
from slo.objective import Objective
from slo.silence.watch import NO_DATA, SILENCE, KnownSilence, NewSilence

# Levels look back two and a half hours: they leave out what is known to be an outage.
REMEMBER_CLOSED_US = 3 * HOUR_US


def known_silences(session: Session, now_us: int) -> dict[str, list[KnownSilence]]:
    """By objective: what is open, and what closed not long ago."""
    rows = session.exec(
        select(BurnAlertRow)
        .where(
            col(BurnAlertRow.kind).in_([SILENCE, NO_DATA]),
            or_(
                col(BurnAlertRow.state) == "open",
                col(BurnAlertRow.closed_us) > now_us - REMEMBER_CLOSED_US,
            ),
        )
        .order_by(col(BurnAlertRow.opened_us), col(BurnAlertRow.id))
    ).all()
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
    key = f"{objective.id}|{new.kind}|{new.source}"
    taken = session.exec(select(BurnAlertRow.id).where(BurnAlertRow.open_key == key)).first()
    if taken is not None:
        return
    now_us = clock.now_us()
    row = BurnAlertRow(
        id=uuid7(clock),
        objective_id=objective.id,
        open_key=key,
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
    session.add(row)
    publish(session, _opened_fact(row, objective), now_us)


def apply_step(session: Session, alert_id: str, result: Step, now_us: int) -> None:
    """Keep what the alert remembers; close it where the step says so."""
    row = session.get(BurnAlertRow, alert_id)
    if row is None or row.state != "open":
        return
    row.last_fire_us = result.alert.last_fire_us
    if result.verdict is Verdict.CLOSE:
        row.state, row.open_key = "closed", None
        row.closed_us, row.close_reason = now_us, result.reason
        publish(session, _closed_fact(row, now_us), now_us)
    session.add(row)


def orphan_steps(orphans: Sequence[KnownSilence]) -> dict[str, Step]:
    """Alerts of objectives that are no longer defined: nobody would ever judge them again."""
    reason = "the objective is no longer defined"
    return {
        one.id: Step(one.alert, Verdict.CLOSE, reason) for one in orphans if one.closed_us is None
    }


def _opened_fact(row: BurnAlertRow, objective: Objective) -> BurnAlertOpened:
    return BurnAlertOpened(
        alert_id=row.id,
        objective_id=row.objective_id,
        service=row.service,
        display_name=objective.display_name,
        tier=row.tier,
        page=row.page,
        segment={},
        opened_us=row.opened_us,
        onset_us=row.onset_us,
        reason=row.reason,
        bad=row.bad,
        total=row.total,
        burn_rate=0.0,
        kind="silence" if row.kind == SILENCE else "no_data",
        source=row.source,
        title=row.title,
    )


def _closed_fact(row: BurnAlertRow, now_us: int) -> BurnAlertClosed:
    return BurnAlertClosed(
        alert_id=row.id,
        objective_id=row.objective_id,
        service=row.service,
        tier=row.tier,
        segment={},
        closed_us=now_us,
        reason=row.close_reason,
    )
