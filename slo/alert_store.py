"""Alerts in the control database: read, held, closed and opened with a fact.

`slo.silence.store` keeps its kinds with the same pieces.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, NamedTuple

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

_KINDS: Final[Mapping[str, Literal["burn", "silence", "no_data"]]] = {
    "burn": "burn",
    "silence": "silence",
    "no_data": "no_data",
}


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
    end(session, row, kept.step.reason, now_us)


def end(session: Session, row: BurnAlertRow, reason: str, now_us: int) -> None:
    """Close an open alert of any kind and tell of it."""
    row.state, row.open_key = "closed", None
    row.closed_us, row.close_reason = now_us, reason
    fact = BurnAlertClosed(
        alert_id=row.id,
        objective_id=row.objective_id,
        service=row.service,
        tier=row.tier,
        segment=row.segment,
        closed_us=now_us,
        reason=reason,
    )
    publish(session, fact, now_us)
    session.add(row)


def open_alert(
    session: Session, objective: Objective, new: NewAlert, at_us: int, clock: Clock
) -> None:
    """Store a new alert, decided at `at_us`, and tell of it; nothing where it is open already."""
    segment, now_us = dict(new.segment), clock.now_us()
    burn = burn_rate(new.fire.bad, new.fire.total, objective.budget_ratio)
    row = BurnAlertRow(
        id=uuid7(clock),
        objective_id=objective.id,
        open_key=open_key(objective.id, segment, page=new.page),
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
    begin(session, row, objective)


def begin(session: Session, row: BurnAlertRow, objective: Objective) -> None:
    """Store a new alert of any kind and tell of it; nothing where the same one is open already."""
    query = select(BurnAlertRow.id).where(BurnAlertRow.open_key == row.open_key)
    if session.exec(query).first() is not None:
        return
    session.add(row)
    fact = BurnAlertOpened(
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
        kind=_KINDS[row.kind],
        source=row.source,
        title=row.title,
    )
    publish(session, fact, row.opened_us)


def open_key(objective_id: str, segment: Mapping[str, str], *, page: bool) -> str:
    """What may be open once: objective, segment, and page or ticket."""
    labels = ",".join(f"{name}={segment[name]}" for name in sorted(segment))
    return f"{objective_id}|{labels}|{'page' if page else 'ticket'}"


def known_alerts(session: Session, now_us: int, remember_us: int) -> dict[str, list[Known]]:
    """By objective: what is open, and what closed not longer ago than `remember_us`."""
    rows = rows_since(session, ["burn"], now_us - remember_us)
    known: dict[str, list[Known]] = defaultdict(list)
    for row in rows:
        alert = OpenAlert(row.last_fire_us, row.busiest)
        known[row.objective_id].append(
            Known(row.id, row.segment, row.covers, row.page, alert, row.closed_us)
        )
    return known


def rows_since(session: Session, kinds: Collection[str], closed_us: int) -> Sequence[BurnAlertRow]:
    """Alerts of these kinds that are open or were closed later than that, oldest first."""
    return session.exec(
        select(BurnAlertRow)
        .where(
            col(BurnAlertRow.kind).in_(kinds),
            or_(col(BurnAlertRow.state) == "open", col(BurnAlertRow.closed_us) > closed_us),
        )
        .order_by(col(BurnAlertRow.opened_us), col(BurnAlertRow.id))
    ).all()
