"""Burn alerts in the control database: read, held, closed and opened with a fact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, update
from sqlmodel import Session, col, or_, select

from kernel.clock import Clock
from kernel.facts import publish
from kernel.facts.slo import BurnAlertClosed, BurnAlertOpened
from kernel.ids import uuid7
from slo.alert_state import OpenAlert, Step
from slo.burn_rate import burn_rate
from slo.decision import Known, NewAlert
from slo.models import BurnAlertRow
from slo.objective import Objective


class Kept(NamedTuple):
    """What is stored of an alert that a pass has stepped."""

    alert_id: str
    step: Step
    covers: Mapping[str, str]


def hold(session: Session, kept: Sequence[Kept]) -> None:
    """Store what open alerts remember, all at once: in a large outage there are hundreds."""
    if not kept:
        return
    statement = (
        update(BurnAlertRow)
        .where(col(BurnAlertRow.id) == bindparam("of"), col(BurnAlertRow.state) == "open")
        .values(last_fire_us=bindparam("last"), busiest=bindparam("most"), covers=bindparam("wide"))
    )
    session.connection().execute(
        statement,
        [
            {
                "of": one.alert_id,
                "last": one.step.alert.last_fire_us,
                "most": one.step.alert.busiest,
                "wide": dict(one.covers),
            }
            for one in kept
        ],
    )


def close(session: Session, kept: Kept, now_us: int) -> None:
    """End an alert and tell of it; nothing where it has ended already."""
    row = session.get(BurnAlertRow, kept.alert_id)
    if row is None or row.state != "open":
        return
    row.last_fire_us = kept.step.alert.last_fire_us
    row.busiest = kept.step.alert.busiest
    row.covers = dict(kept.covers)
    row.state, row.open_key = "closed", None
    row.closed_us, row.close_reason = now_us, kept.step.reason
    publish(session, _closed_fact(row, now_us, kept.step.reason), now_us)
    session.add(row)


def open_alert(
    session: Session, objective: Objective, new: NewAlert, at_us: int, clock: Clock
) -> None:
    """Store a new alert, decided at `at_us`, and tell of it; nothing where it is open already."""
    segment, now_us = dict(new.segment), clock.now_us()
    key = open_key(objective.id, segment, page=new.page)
    taken = session.exec(select(BurnAlertRow.id).where(BurnAlertRow.open_key == key)).first()
    if taken is not None:
        return
    burn = burn_rate(new.fire.bad, new.fire.total, objective.budget_ratio)
    row = BurnAlertRow(
        id=uuid7(clock),
        objective_id=objective.id,
        open_key=key,
        service=objective.service,
        tier=new.fire.tier,
        page=new.page,
        segment=segment,
        covers=segment,
        opened_us=now_us,
        onset_us=new.onset_us,
        last_fire_us=at_us,
        reason=new.fire.text,
        bad=new.fire.bad,
        total=new.fire.total,
        burn_rate=float(burn or 0),
    )
    session.add(row)
    publish(session, _opened_fact(row, objective), now_us)


def open_key(objective_id: str, segment: Mapping[str, str], *, page: bool) -> str:
    """What may be open once: objective, segment, and page or ticket."""
    labels = ",".join(f"{name}={segment[name]}" for name in sorted(segment))
    return f"{objective_id}|{labels}|{'page' if page else 'ticket'}"


def known_alerts(session: Session, now_us: int, remember_us: int) -> dict[str, list[Known]]:
    """By objective: what is open, and what closed not longer ago than `remember_us`."""
    rows = session.exec(
        select(BurnAlertRow)
        .where(
            col(BurnAlertRow.kind) == "burn",
            or_(
                col(BurnAlertRow.state) == "open",
                col(BurnAlertRow.closed_us) > now_us - remember_us,
            ),
        )
        .order_by(col(BurnAlertRow.opened_us), col(BurnAlertRow.id))
    ).all()
    known: dict[str, list[Known]] = defaultdict(list)
    for row in rows:
        alert = OpenAlert(row.last_fire_us, row.busiest)
        known[row.objective_id].append(
            Known(row.id, row.segment, row.covers, row.page, alert, row.closed_us)
        )
    return known


def _opened_fact(row: BurnAlertRow, objective: Objective) -> BurnAlertOpened:
    return BurnAlertOpened(
        alert_id=row.id,
        objective_id=row.objective_id,
        service=row.service,
        display_name=objective.display_name,
        tier=row.tier,
        page=row.page,
        segment=row.segment,
        opened_us=row.opened_us,
        onset_us=row.onset_us,
        reason=row.reason,
        bad=row.bad,
        total=row.total,
        burn_rate=row.burn_rate,
    )


def _closed_fact(row: BurnAlertRow, now_us: int, reason: str) -> BurnAlertClosed:
    return BurnAlertClosed(
        alert_id=row.id,
        objective_id=row.objective_id,
        service=row.service,
        tier=row.tier,
        segment=row.segment,
        closed_us=now_us,
        reason=reason,
    )
