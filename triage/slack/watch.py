"""Notices that Slack takes nothing any more, and says so elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from sqlmodel import Session, col, select

from kernel.clock import SECOND_US, Clock, rfc3339
from kernel.database import Database
from kernel.outbox import DeliveryRow
from kernel.parts import Job
from triage.slack.publisher import CHANNEL

FAILING_AFTER_S = 60
_LOOK_EVERY_S = 10.0


def failing_since_us(session: Session, now_us: int) -> int | None:
    """Since when a message has waited for Slack, where that is over a minute; else None.

    Messages that Slack refused for good count too, until a later one was taken.
    """
    limit_us = now_us - FAILING_AFTER_S * SECOND_US
    waiting = session.exec(
        select(DeliveryRow.created_us)
        .where(DeliveryRow.channel == CHANNEL)
        .where(DeliveryRow.state == "waiting")
        .where(col(DeliveryRow.attempts) > 0)
        .where(col(DeliveryRow.created_us) <= limit_us)
        .order_by(col(DeliveryRow.created_us))
        .limit(1)
    ).first()
    if waiting is not None:
        return waiting
    last = session.exec(
        select(DeliveryRow)
        .where(DeliveryRow.channel == CHANNEL)
        .where(DeliveryRow.state != "waiting")
        .order_by(col(DeliveryRow.finished_us).desc(), col(DeliveryRow.sequence).desc())
        .limit(1)
    ).first()
    refused = last is not None and last.state == "failed" and last.created_us <= limit_us
    return last.created_us if refused and last is not None else None


class SlackWatch:
    """Announces an outage of Slack once, by `announce(session, key, text)`."""

    def __init__(
        self, database: Database, clock: Clock, announce: Callable[[Session, str, str], None]
    ) -> None:
        self._database = database
        self._clock = clock
        self._announce = announce

    def job(self) -> Job:
        """Looks every ten seconds."""
        return Job("triage.slack.watch", self.run, _LOOK_EVERY_S)

    def run(self) -> None:
        """One look."""
        with self._database.reading() as session:
            since_us = failing_since_us(session, self._clock.now_us())
        if since_us is None:
            return
        with self._database.unit_of_work() as session:
            text = (
                f"Slack has taken no message of Tillwatch since {rfc3339(since_us)}."
                " Incidents go on: look at the pages."
            )
            self._announce(session, f"slack:{since_us}", text)
