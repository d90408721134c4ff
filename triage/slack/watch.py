"""Notices that Slack takes nothing any more, and says so elsewhere, with the next step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlmodel import Session, col, select

from kernel.clock import SECOND_US, Clock, rfc3339
from kernel.database import Database
from kernel.outbox import DeliveryRow
from kernel.parts import Job
from triage.slack.publisher import CHANNEL

FAILING_AFTER_S = 60
_LOOK_EVERY_S = 10.0
_ANEW = "install the app anew, set the new SLACK_BOT_TOKEN and restart"
_ROOM = "invite the app to the channel, or set TILLWATCH_SLACK_CHANNEL to one that it is in"
# Slack's codes that no waiting mends, and what people can do.
_STEPS = {
    "token_revoked": _ANEW,
    "token_expired": _ANEW,
    "invalid_auth": _ANEW,
    "not_authed": _ANEW,
    "account_inactive": _ANEW,
    "channel_not_found": _ROOM,
    "not_in_channel": _ROOM,
    "is_archived": _ROOM,
    "missing_scope": "install the app anew with the scopes of deploy/slack-manifest.yaml",
}


@dataclass(frozen=True)
class Outage:
    """Since when Slack takes nothing, why, and what to do about it."""

    since_us: int
    reason: str
    step: str

    @property
    def text(self) -> str:
        """For people, in one line."""
        return (
            f"Slack has taken no message of Tillwatch since {rfc3339(self.since_us)}"
            f" ({self.reason}). Incidents go on: look at the pages. Next: {self.step}."
        )


def outage(session: Session, now_us: int) -> Outage | None:
    """What keeps Slack from taking messages; None where nothing does.

    A message that waits counts after a minute; a refusal that no waiting mends counts at once,
    until a later message was taken. What only one person would have seen never counts: anybody can
    make such a message fail, by clicking where the app is not.
    """
    limit_us = now_us - FAILING_AFTER_S * SECOND_US
    for_all = (
        select(DeliveryRow)
        .where(DeliveryRow.channel == CHANNEL)
        .where(~col(DeliveryRow.lane).startswith("user:"))
    )
    waiting = session.exec(
        for_all.where(DeliveryRow.state == "waiting")
        .where(col(DeliveryRow.attempts) > 0)
        .where(col(DeliveryRow.created_us) <= limit_us)
        .order_by(col(DeliveryRow.created_us))
        .limit(1)
    ).first()
    if waiting is not None:
        return _outage(waiting)
    last = session.exec(
        for_all.where(DeliveryRow.state != "waiting")
        .order_by(col(DeliveryRow.finished_us).desc(), col(DeliveryRow.sequence).desc())
        .limit(1)
    ).first()
    if last is None or last.state != "failed":
        return None
    at_once = _code_of(last.last_error) in _STEPS
    return _outage(last) if at_once or last.created_us <= limit_us else None


def _outage(row: DeliveryRow) -> Outage:
    wait = "nothing, if Slack itself is away: what waits is sent when it is back"
    step = _STEPS.get(_code_of(row.last_error), wait)
    return Outage(row.created_us, row.last_error[:200], step)


def _code_of(error: str) -> str:
    return error.rpartition(" ")[2]


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
            found = outage(session, self._clock.now_us())
        if found is None:
            return
        with self._database.unit_of_work() as session:
            self._announce(session, f"slack:{found.since_us}", found.text)
